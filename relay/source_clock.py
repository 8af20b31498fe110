"""The wall clock of a stream: its publishers' sender reports, one after the other.

Viewers put audio and video in step by the NTP times of both (RFC 3550 6.4.1). Another
publisher's machine may tell another time: until both of its reports came, one track's
would be held against the other's of the machine before. So the stream's time goes on,
and what a new publisher tells is shifted to it, for all its tracks alike.
"""

from __future__ import annotations

NTP_UNIT = 1 << 32  # of 64 bits: 32.32 seconds
NTP_MASK = (1 << 64) - 1
# Reports that took longer on their way say less; clocks drift apart a little.
LATE_WEIGHT = 1 / 16


class SourceClock:
    """Shared by the tracks of one stream. `now`: seconds that never go back."""

    __slots__ = ("_ahead", "_is_new", "_shift")

    def __init__(self) -> None:
        self._shift = 0  # from the publisher's time to the stream's
        self._ahead: int | None = None  # the stream's time less ours, None = not known
        self._is_new = False

    def change_source(self) -> None:
        """What reports tell from now on is another machine's time."""
        self._is_new = self._ahead is not None

    def stream_time(self, ntp: int, now: float) -> int:
        """The stream's NTP time that a report which came at `now` means by `ntp`."""
        ours = int(now * NTP_UNIT)
        if self._is_new and self._ahead is not None:
            self._is_new = False
            self._shift = self._ahead + ours - ntp
        ahead = ntp + self._shift - ours
        if self._ahead is None or ahead > self._ahead:
            self._ahead = ahead
        else:
            self._ahead += int((ahead - self._ahead) * LATE_WEIGHT)
        return (ntp + self._shift) & NTP_MASK

    def time(self, now: float) -> int | None:
        """The stream's NTP time at `now`; None before the first report."""
        if self._ahead is None:
            return None
        return (self._ahead + int(now * NTP_UNIT)) & NTP_MASK


def ticks_between(later: int, earlier: int, clock_rate: int) -> int:
    """RTP ticks from one NTP time to another, of any sign."""
    distance = (later - earlier) & NTP_MASK
    if distance > NTP_MASK >> 1:
        distance -= NTP_MASK + 1
    return distance * clock_rate // NTP_UNIT
