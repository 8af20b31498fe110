from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.fields import Fields, is_stream_id, scalar, storable


def fields(**values: Any) -> Fields:
    return Fields(values, "s1", legacy=False)


@settings(deadline=None)
@given(st.text(st.characters()))
def test_storable_text_is_utf8_without_nul(text: str) -> None:
    stored = storable(text)

    stored.encode()
    assert "\0" not in stored
    assert storable(stored) == stored


@pytest.mark.parametrize("text", ["plain", "ä 😀", ""])
def test_storable_text_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (5, "5"), (0.5, "0.5"), (True, ""), (None, ""), ([], ""), ({}, "")],
)
def test_a_scalar_is_a_string_or_a_number(value: object, text: str) -> None:
    assert scalar(value) == text


def test_a_stream_id_has_its_alphabet_and_its_length() -> None:
    assert is_stream_id("A-z_0.9")
    assert is_stream_id("a" * 128)
    for text in ("", "a" * 129, "a b", "a\n", "ä", "٣"):
        assert not is_stream_id(text)


def test_the_first_name_that_says_something_counts() -> None:
    names = ("video", "enableVideo")

    assert fields(video=None, enableVideo="false").flag(*names) is False
    assert fields(video="maybe", enableVideo=False).flag(*names) is False
    assert fields().flag(*names) is True
