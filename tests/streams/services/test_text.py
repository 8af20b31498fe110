from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.services.text import clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        ("Kamera é 🎥", "Kamera é 🎥"),
        ("a\x00b", "ab"),
        ("\ud800", "?"),
        ("x" * 11, "x" * 10),
    ],
)
def test_it_makes_text_fit(text: str, cleaned: str) -> None:
    assert clean(text, 10) == cleaned


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_fits_every_database(text: str) -> None:
    cleaned = clean(text, 20)

    assert len(cleaned) <= 20
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
