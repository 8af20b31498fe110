"""Arithmetic on RTP numbers that wrap: 16-bit sequence numbers, 32-bit timestamps.

Every difference is the shorter way round, so it is right as long as the two
numbers are less than half the range apart. At exactly half the range neither
number is newer.
"""

from __future__ import annotations

SEQ_MASK = 0xFFFF
TIMESTAMP_MASK = 0xFFFFFFFF
_SEQ_HALF = 0x8000
_TIMESTAMP_HALF = 0x80000000


def seq_add(seq: int, delta: int) -> int:
    """The 16-bit number `delta` (any sign) after `seq`."""
    return (seq + delta) & SEQ_MASK


def seq_diff(a: int, b: int) -> int:
    """How far `a` is ahead of `b`: -32768 to 32767."""
    return ((a - b + _SEQ_HALF) & SEQ_MASK) - _SEQ_HALF


def seq_newer(a: int, b: int) -> bool:
    """True when `a` was sent after `b`."""
    return 0 < ((a - b) & SEQ_MASK) < _SEQ_HALF


def timestamp_add(timestamp: int, delta: int) -> int:
    """The 32-bit timestamp `delta` ticks (any sign) after `timestamp`."""
    return (timestamp + delta) & TIMESTAMP_MASK


def timestamp_diff(a: int, b: int) -> int:
    """How many ticks `a` is ahead of `b`: -2**31 to 2**31 - 1."""
    return ((a - b + _TIMESTAMP_HALF) & TIMESTAMP_MASK) - _TIMESTAMP_HALF


class SeqUnwrapper:
    """Maps 16-bit sequence numbers to a number line without end.

    The first number maps to itself. One older than the first maps below it, even
    below zero, so that order is always kept.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, seq: int) -> int:
        """The place of `seq` (16 bits), nearest to that of the call before."""
        last = self._last
        if last is None:
            self._last = seq
            return seq
        self._last = last + seq_diff(seq, last)
        return self._last
