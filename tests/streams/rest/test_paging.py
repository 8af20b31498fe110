from __future__ import annotations

import pytest

from streams.rest.paging import read_page


@pytest.mark.parametrize(
    ("offset", "size", "start", "stop"),
    [
        (0, 10, 0, 10),
        (5, 10, 5, 15),
        (0, 0, 0, 50),
        (0, 51, 0, 51),
        (0, 250, 0, 250),
        (0, 251, 0, 250),
        (0, 10**30, 0, 250),
        (10**30, 1, 2**31 - 1, 2**31),
    ],
)
def test_a_page_is_bounded(offset: int, size: int, start: int, stop: int) -> None:
    assert read_page(offset, size) == slice(start, stop)
