"""One clock for rules and rows, passed in so that tests can turn it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now_ms() -> int:
    """Unix time in milliseconds: the unit of most times on the wire."""
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime) -> int:
    """Unix time of an aware datetime, in milliseconds, rounded down."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware datetime (UTC) of a unix time in milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
