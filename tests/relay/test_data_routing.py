"""Who gets what is said on a data channel."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.control import Distribution
from relay.data_routing import (
    Member,
    from_publisher,
    from_room_viewer,
    from_viewer,
    to_room,
    to_stream,
)


@dataclass(eq=False)
class Somebody:
    name: str
    own_streams: frozenset[str] = frozenset()
    has_data: bool = True
    reply_to: str = "socket"


@dataclass
class Published:
    stream_id: str
    publisher: Somebody | None
    viewers: dict[str, Somebody] = field(default_factory=dict)


def names(members: list[Member]) -> list[str]:
    return [member.name for member in members if isinstance(member, Somebody)]


PUBLISHER = Somebody("publisher")
ONE, TWO = Somebody("one"), Somebody("two")
STREAM = Published("s", PUBLISHER, {"1": ONE, "2": TWO})

# A room: a and b are pages that publish and view, c only publishes, d only views.
A = Somebody("a", frozenset({"a"}))
B = Somebody("b", frozenset({"b"}))
D = Somebody("d")
SEEN_BY_ONE = Somebody("viewer of a alone")
STREAMS = [
    Published("a", Somebody("publisher a"), {"1": SEEN_BY_ONE}),
    Published("b", Somebody("publisher b")),
    Published("c", Somebody("publisher c")),
]
VIEWERS = [A, B, D]


def test_a_publisher_reaches_its_viewers() -> None:
    assert names(from_publisher(STREAM, ())) == ["one", "two"]


def test_in_a_room_it_reaches_who_sees_it_but_not_its_own_page() -> None:
    said = from_publisher(STREAMS[0], VIEWERS)
    assert names(said) == ["viewer of a alone", "b", "d"]


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (Distribution.ALL, ["publisher", "two"]),
        (Distribution.PUBLISHER, ["publisher"]),
        (Distribution.NONE, []),
    ],
)
def test_a_viewer_reaches_whom_the_distribution_allows(
    distribution: Distribution, expected: list[str]
) -> None:
    assert names(from_viewer(ONE, STREAM, distribution)) == expected


def test_without_a_publisher_a_viewer_reaches_the_others() -> None:
    waiting = Published("s", None, {"1": ONE, "2": TWO})
    assert names(from_viewer(ONE, waiting, Distribution.ALL)) == ["two"]
    assert from_viewer(ONE, waiting, Distribution.PUBLISHER) == []


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (Distribution.ALL, ["b", "d", "publisher c"]),
        (Distribution.PUBLISHER, ["b", "publisher c"]),
        (Distribution.NONE, []),
    ],
)
def test_a_rooms_viewer_reaches_each_page_once(
    distribution: Distribution, expected: list[str]
) -> None:
    assert names(from_room_viewer(A, STREAMS, VIEWERS, distribution)) == expected


def test_a_participant_whose_viewer_has_no_channel_is_reached_as_publisher() -> None:
    silent = Somebody("b", frozenset({"b"}), has_data=False)
    said = from_room_viewer(A, STREAMS[:2], [A, silent], Distribution.PUBLISHER)
    assert names(said) == ["publisher b"]


@pytest.mark.parametrize("distribution", [Distribution.ALL, Distribution.PUBLISHER])
def test_what_a_viewer_of_another_socket_calls_its_own_goes_to_the_publisher(
    distribution: Distribution,
) -> None:
    liar = Somebody("liar", frozenset({"b"}), reply_to="another socket")
    said = from_room_viewer(A, STREAMS[:2], [A, liar], distribution)
    assert "publisher b" in names(said)
    assert ("liar" in names(said)) is (distribution is Distribution.ALL)


def test_a_participant_does_not_speak_to_whom_it_does_not_exist_for() -> None:
    said = from_room_viewer(A, STREAMS, VIEWERS, Distribution.ALL, [B])
    assert names(said) == ["d", "publisher c"]
    said = from_room_viewer(A, STREAMS, VIEWERS, Distribution.PUBLISHER, [B])
    assert names(said) == ["publisher c"]


def test_a_page_with_two_streams_is_reached_once() -> None:
    both = Somebody("both", frozenset({"b", "c"}))
    said = from_room_viewer(A, STREAMS, [A, both], Distribution.PUBLISHER)
    assert names(said) == ["both"]


def test_the_server_reaches_everybody_at_a_stream() -> None:
    assert names(to_stream(STREAM)) == ["publisher", "one", "two"]
    assert names(to_stream(Published("s", None, {"1": ONE}))) == ["one"]


def test_the_server_reaches_every_page_of_a_room_once() -> None:
    assert names(to_room(STREAMS, VIEWERS)) == ["a", "b", "d", "publisher c"]
    assert names(to_room([], [D])) == ["d"]


STREAM_IDS = st.sampled_from("abcd")


@given(
    st.lists(st.frozensets(STREAM_IDS), min_size=1, max_size=6),
    st.sets(STREAM_IDS),
    st.sampled_from(Distribution),
)
def test_nobody_hears_twice_or_itself(
    own: list[frozenset[str]], published: set[str], distribution: Distribution
) -> None:
    viewers = [Somebody(f"viewer {i}", streams) for i, streams in enumerate(own)]
    streams = [Published(i, Somebody(f"publisher {i}")) for i in sorted(published)]
    sender = viewers[0]
    for said in (
        from_room_viewer(sender, streams, viewers, distribution),
        to_room(streams, viewers),
    ):
        assert len(names(said)) == len(set(names(said)))
    assert sender not in from_room_viewer(sender, streams, viewers, distribution)
