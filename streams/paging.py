"""Pages of lists (contract 12)."""

from __future__ import annotations

DEFAULT_ROWS = 50
MAX_ROWS = 250
MAX_OFFSET = 2**31 - 1  # what every database takes


def read_page(offset: int, size: int) -> slice:
    """The rows that an offset and a size ask for; a size of 0 is the usual 50."""
    start = min(max(offset, 0), MAX_OFFSET)
    rows = min(size, MAX_ROWS) if size > 0 else DEFAULT_ROWS
    return slice(start, start + rows)
