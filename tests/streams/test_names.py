from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from streams.names import (
    generate_stream_id,
    is_stream_id,
    validate_application_name,
    validate_stream_id,
)

GOOD = ["a", "stream1", "A_b.C-9", "-", "..", "x" * 128]
BAD = ["", " ", "a b", "a/b", "a:b", "a?b", "x" * 129, "é", "a\n", "\x00", "a\x00"]


@pytest.mark.parametrize("name", GOOD)
def test_it_accepts_ids_of_the_contract(name: str) -> None:
    assert is_stream_id(name)
    validate_stream_id(name)


@pytest.mark.parametrize("name", BAD)
def test_it_rejects_other_ids(name: str) -> None:
    assert not is_stream_id(name)
    with pytest.raises(ValidationError):
        validate_stream_id(name)


@pytest.mark.parametrize("name", ["LiveApp", "WebRTCApp4", "a.b", ".well-known"])
def test_it_accepts_application_names(name: str) -> None:
    validate_application_name(name)


@pytest.mark.parametrize("name", [*BAD, ".", "..", "admin", "Admin", "static"])
def test_it_rejects_names_that_are_no_path_of_their_own(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_application_name(name)


def test_generated_ids_are_24_digits_and_differ() -> None:
    ids = {generate_stream_id() for _ in range(50)}

    assert len(ids) == 50
    assert all(len(text) == 24 and text.isdigit() for text in ids)
    assert all(is_stream_id(text) for text in ids)
