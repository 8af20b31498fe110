"""What is known of a viewer, a stream and a relay at one moment; frozen."""

from __future__ import annotations

from dataclasses import dataclass

from relay.control import Report, StreamReport, ViewerReport
from streams.histogram import Counted


@dataclass(frozen=True, slots=True)
class KindRates:
    """A second; None until there are two reports to compare."""

    video_packets: float | None = None
    audio_packets: float | None = None
    video_bytes: float | None = None
    audio_bytes: float | None = None
    video_frames: float | None = None  # of a publisher; not known of viewers


@dataclass(frozen=True, slots=True)
class ViewerMeasure:
    """The newest report of a viewer; when it came, as Unix time and by a clock."""

    report: ViewerReport
    at_ms: int
    at_s: float
    rates: KindRates


@dataclass(frozen=True, slots=True)
class StreamMeasure:
    """The newest report of a live stream."""

    report: StreamReport
    at_ms: int
    at_s: float
    rates: KindRates

    @property
    def loss(self) -> float:
        """The worse of audio's and video's, 0 to 1, of the last second or so."""
        return max(self.report.video.fraction_lost, self.report.audio.fraction_lost)

    @property
    def key_frame_requests(self) -> int:
        return self.report.video.key_frame_requests


@dataclass(frozen=True, slots=True)
class SideTotals:
    """Of all publishers, or of all viewers, that a relay had since it started."""

    lost_packets: int = 0  # of viewers: by their receiver reports
    repaired_packets: int = 0  # publishers: that came late; viewers: sent again
    dropped_packets: int = 0  # viewers: that the kernel had no room for
    nacks: int = 0  # sent to publishers, or by viewers
    key_frame_requests: int = 0  # likewise


@dataclass(frozen=True, slots=True)
class RelayTotals:
    publishers: SideTotals = SideTotals()
    viewers: SideTotals = SideTotals()


@dataclass(frozen=True, slots=True)
class RelayMeasure:
    """The newest report of a relay, and what follows from it."""

    report: Report
    age_s: float  # of the report
    busy: bool  # it takes no newcomers
    incoming: int  # bit/s, of its streams
    outgoing: int  # bit/s, to its viewers
    viewers: int  # that were measured lately
    totals: RelayTotals = RelayTotals()


@dataclass(frozen=True, slots=True)
class Distributions:
    """Of all viewers' reports since this process started."""

    round_trip_s: Counted
    loss_ratio: Counted
    join_s: Counted
