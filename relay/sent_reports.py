"""When our sender reports left, to measure round trips (RFC 3550 6.4.1).

A report that goes to all viewers of a track has one NTP time, so a stream remembers a
few times and no viewer any.
"""

from __future__ import annotations

from relay.rtcp import ReportBlock

MAX_REMEMBERED = 256  # viewers who join get one each; older ones are forgotten
MAX_ROUND_TRIP_S = 10.0
MIN_ROUND_TRIP_S = 0.0005  # clocks of 1/65536 s may say less than nothing
_MIDDLE = slice(10, 14)  # of a sender report: header, SSRC, then 64 bits of NTP


class SentReports:
    """Times are seconds of one clock that never goes back."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: dict[int, float] = {}  # by the middle 32 bits of NTP, oldest first

    def note(self, report: bytes, now: float) -> None:
        """The sender report (a compound that begins with it) leaves now."""
        middle = int.from_bytes(report[_MIDDLE])
        self._left.pop(middle, None)
        self._left[middle] = now
        if len(self._left) > MAX_REMEMBERED:
            del self._left[next(iter(self._left))]

    def round_trip_s(self, block: ReportBlock, now: float) -> float | None:
        """What a block that arrives now tells; None: of no report known here."""
        left = self._left.get(block.lsr)
        if left is None or not block.lsr:
            return None
        round_trip = now - left - block.dlsr / 65536
        if round_trip > MAX_ROUND_TRIP_S:
            return None
        return max(round_trip, MIN_ROUND_TRIP_S)
