"""a=rid and a=simulcast lines, as browsers write them and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulcast_sdp import MAX_LAYERS, Layer, received_lines, sent_layers


def rids(*lines: str) -> list[str]:
    return [layer.rid for layer in sent_layers(lines)]


def test_layers_come_in_the_order_of_the_simulcast_line() -> None:
    described = ["a=rid:l send", "a=rid:h send", "a=rid:m send"]
    assert rids(*described, "a=simulcast:send h;m;l") == ["h", "m", "l"]
    assert rids("a=simulcast:send l;h", *described) == ["l", "h"]


def test_both_directions_may_stand_in_one_line() -> None:
    lines = ("a=rid:1 send", "a=rid:2 recv", "a=simulcast:recv 2 send 1")
    assert rids(*lines) == ["1"]


def test_of_alternatives_the_first_that_is_described_counts() -> None:
    described = ("a=rid:a send", "a=rid:b send")
    assert rids(*described, "a=simulcast:send x,~b,a;~a") == ["b", "a"]


def test_payload_types_restrict_a_layer() -> None:
    (layer,) = sent_layers(["a=rid:h send max-fps=30;pt=96,97", "a=simulcast:send h"])
    assert layer == Layer("h", frozenset({96, 97}))
    assert layer.may_have(96)
    assert not layer.may_have(98)
    assert Layer("h").may_have(98)


@pytest.mark.parametrize(
    "lines",
    [
        ("a=rid:h send",),
        ("a=simulcast:send h",),
        ("a=rid:h recv", "a=simulcast:send h"),
        ("a=rid:h send", "a=simulcast:recv h"),
        ("a=rid:h send", "a=simulcast:send"),
        ("a=rid:", "a=simulcast:send h"),
        ("a=rid:h", "a=simulcast:send h"),
        ("a=rid:not/this send", "a=simulcast:send not/this"),
        ("a=rid:abcdefghijklmnopq send", "a=simulcast:send abcdefghijklmnopq"),
    ],
)
def test_without_both_lines_there_are_no_layers(lines: tuple[str, ...]) -> None:
    assert rids(*lines) == []


def test_their_number_is_bounded() -> None:
    names = [f"r{index}" for index in range(20)]
    described = [f"a=rid:{name} send" for name in names]
    assert rids(*described, f"a=simulcast:send {';'.join(names)}") == names[:MAX_LAYERS]


def test_one_that_is_named_twice_counts_once() -> None:
    assert rids("a=rid:h send", "a=rid:h send pt=1", "a=simulcast:send h;h") == ["h"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a=rid:", "a=simulcast:"]),
            st.text(st.sampled_from("hml12 send;,~=pt-"), max_size=30),
        )
    )
)
def test_no_lines_raise(parts: list[tuple[str, str]]) -> None:
    assert len(sent_layers([head + tail for head, tail in parts])) <= MAX_LAYERS


def test_an_answer_takes_them() -> None:
    assert received_lines(("h", "l")) == [
        "a=rid:h recv",
        "a=rid:l recv",
        "a=simulcast:recv h;l",
    ]
    assert received_lines(()) == []
