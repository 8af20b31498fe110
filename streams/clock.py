"""One clock for rules and rows, passed in so that tests can turn it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]

# Python's calendar ends with the year 9999; a day less fits into every time zone.
LATEST_MS = 253_402_128_000_000


def now_ms() -> int:
    """Unix time in milliseconds: the unit of most times on the wire."""
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime) -> int:
    """Unix time of an aware datetime, in milliseconds, rounded down."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware datetime (UTC) of a unix time in milliseconds.

    Of any number that a row may have: beyond 9999-12-30 it is that day, and 1970
    before that year.
    """
    return datetime.fromtimestamp(min(max(milliseconds, 0), LATEST_MS) / 1000, UTC)


def from_s(seconds: int) -> datetime:
    """As `from_ms`, of a unix time in seconds."""
    return from_ms(seconds * 1000)
