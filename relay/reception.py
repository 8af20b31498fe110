"""What a viewer says of the packets it gets: its receiver reports, summed up.

Source: RFC 3550 6.4.1 and A.3. Not every report is read (`ReportPace`), so what was
lost since the last one follows from the counters, not from its fraction.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from relay.rtcp import ReportBlock

REPORT_INTERVAL_S = 0.75  # on average, of those that are read
REPORT_BURST_S = 1.5  # audio's and video's may come at once
MAX_JUMP = 1 << 20  # packets between two reports: more is nonsense
SENT_WINDOW_S = 0.5  # one to two of them: a receiver counts over a second
SENT_WINDOWS = 4  # that a peak is remembered for
ROUND_TRIP_WEIGHT = 0.25  # of a new sample


class ReportPace:
    """Which receiver reports are worth being read, or decrypted where they come alone.

    Browsers send four or five a second, most of them in front of a REMB.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0.0

    def is_open(self, now: float) -> bool:
        """Whether the next one is read."""
        return now >= self._next

    def admits(self, now: float) -> bool:
        """As `is_open`; if so, it is read now."""
        if not self.is_open(now):
            return False
        self._next = max(self._next, now - REPORT_BURST_S) + REPORT_INTERVAL_S
        return True


@dataclass(frozen=True, slots=True)
class Loss:
    """What of one SSRC was lost between two reports."""

    expected: int
    lost: int


@dataclass(slots=True)
class _Ssrc:
    """The last report of one SSRC that was read."""

    highest_sequence: int  # extended, 32 bits
    packets_lost: int
    jitter_s: float
    is_repair: bool


class SentRate:
    """What one viewer was sent in the last second or so, looked at now and then.

    Bit/s. `peak_bps`: the most of the last few seconds; losses are told of late.
    """

    __slots__ = ("_newer", "_older", "_peaks", "bits_per_s")

    def __init__(self, now: float) -> None:
        # Times, and bytes up to then.
        self._older, self._newer = (now - SENT_WINDOW_S, 0), (now, 0)
        self._peaks: deque[float] = deque((0.0,), maxlen=SENT_WINDOWS)
        self.bits_per_s = 0.0

    @property
    def peak_bps(self) -> float:
        return max(self.bits_per_s, *self._peaks)

    def is_due(self, now: float) -> bool:
        """Whether it is time for an update."""
        return now - self._newer[0] >= SENT_WINDOW_S

    def update(self, total_bytes: int, now: float) -> None:
        """`total_bytes`: up to now, since the start."""
        if self.is_due(now):
            self.bits_per_s = (
                (total_bytes - self._older[1]) * 8 / (now - self._older[0])
            )
            self._older, self._newer = self._newer, (now, total_bytes)
            self._peaks.append(self.bits_per_s)


class Reception:
    """One viewer's, of all SSRCs that it is sent. The caller knows these: no others."""

    __slots__ = ("_by_ssrc", "_lost_before")

    def __init__(self) -> None:
        self._by_ssrc: dict[int, _Ssrc] = {}
        self._lost_before = 0  # of SSRCs that are gone

    def take(self, block: ReportBlock, clock_rate: int, *, is_repair: bool) -> Loss:
        """A newer report, and what it tells beyond the one before.

        `is_repair`: of an RTX stream: what is lost of it is nobody's packet.
        """
        known = self._by_ssrc.get(block.ssrc)
        self._by_ssrc[block.ssrc] = _Ssrc(
            block.highest_sequence,
            block.packets_lost,
            block.jitter / clock_rate,
            is_repair,
        )
        if known is None:
            return Loss(0, 0)
        expected = (block.highest_sequence - known.highest_sequence) & 0xFFFFFFFF
        if not 0 < expected < MAX_JUMP:
            return Loss(0, 0)
        lost = block.packets_lost - known.packets_lost
        return Loss(expected, min(max(lost, 0), expected))

    def forget(self, ssrc: int) -> None:
        gone = self._by_ssrc.pop(ssrc, None)
        if gone is not None and not gone.is_repair:
            self._lost_before += max(gone.packets_lost, 0)

    @property
    def packets_lost(self) -> int:
        """As the viewer counts them: those that came again included."""
        return self._lost_before + sum(
            max(s.packets_lost, 0) for s in self._by_ssrc.values() if not s.is_repair
        )

    @property
    def jitter_s(self) -> float:
        """The worst of its streams."""
        jitters = (s.jitter_s for s in self._by_ssrc.values() if not s.is_repair)
        return max(jitters, default=0.0)


def smoothed_round_trip(known_s: float | None, sample_s: float) -> float:
    if known_s is None:
        return sample_s
    return known_s + (sample_s - known_s) * ROUND_TRIP_WEIGHT
