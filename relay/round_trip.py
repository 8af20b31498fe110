"""The round trip to a sender, by RFC 3611: our time, and its answer to that time.

A sender answers with its next report, so a sample comes about once a second.
"""

from __future__ import annotations

from collections.abc import Iterable

from relay.rtcp import DelaySinceReference, build_reference_time

MAX_RTT_S = 10.0  # more is an answer to a time of long ago, or no time of ours
SMOOTHING = 1 / 4  # of a new sample


class RoundTrip:
    """Times are seconds of one clock that never goes back."""

    __slots__ = ("_ssrc", "rtt_s")

    def __init__(self, ssrc: int) -> None:
        """`ssrc`: that we ask under."""
        self.rtt_s = 0.0  # 0 = not known
        self._ssrc = ssrc

    def question(self, now: float) -> bytes:
        """The RTCP packet to send; our clock need not be the wall's (RFC 3611 4.4)."""
        return build_reference_time(self._ssrc, int(now * (1 << 32)) & ((1 << 64) - 1))

    def answered(self, delays: Iterable[DelaySinceReference], now: float) -> None:
        for item in delays:
            if item.ssrc != self._ssrc or not item.last_reference:
                continue
            passed = int(now * 65536) - item.last_reference - item.delay
            sample = (passed & 0xFFFFFFFF) / 65536
            if sample > MAX_RTT_S:  # less than none included
                continue
            if self.rtt_s:
                sample = self.rtt_s + (sample - self.rtt_s) * SMOOTHING
            self.rtt_s = max(sample, 1 / 65536)
