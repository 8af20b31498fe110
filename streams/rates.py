"""What two reports of the same session say together: rates, and what came in between.

Counters of relays only grow while a session lasts; losses may be taken back by a
late packet, which then adds nothing.
"""

from __future__ import annotations

from relay.control import KindReport, StreamReport, ViewerReport
from streams.measures import KindRates, SideTotals, StreamMeasure, ViewerMeasure

_NO_KIND = KindReport()
_NO_VIEWER = ViewerReport("", "", *([0] * 17))
MIN_ELAPSED_S = 0.5  # two reports that arrived in one go say nothing of a second


def viewer_rates(
    before: ViewerMeasure | None, report: ViewerReport, now_s: float
) -> KindRates:
    """Without two reports to compare what the earlier two said, or nothing."""
    if before is None:
        return KindRates()
    elapsed_s = now_s - before.at_s
    if elapsed_s < MIN_ELAPSED_S:
        return before.rates
    earlier = before.report
    return KindRates(
        video_packets=_rate(report.video_packets, earlier.video_packets, elapsed_s),
        audio_packets=_rate(report.audio_packets, earlier.audio_packets, elapsed_s),
        video_bytes=_rate(report.video_bytes, earlier.video_bytes, elapsed_s),
        audio_bytes=_rate(report.audio_bytes, earlier.audio_bytes, elapsed_s),
    )


def stream_rates(
    before: StreamMeasure | None, report: StreamReport, now_s: float
) -> KindRates:
    """As `viewer_rates`, of what a publisher sent."""
    if before is None:
        return KindRates()
    elapsed_s = now_s - before.at_s
    if elapsed_s < MIN_ELAPSED_S:
        return before.rates
    video, audio = report.video, report.audio
    was_video, was_audio = before.report.video, before.report.audio
    return KindRates(
        video_packets=_rate(video.packets, was_video.packets, elapsed_s),
        audio_packets=_rate(audio.packets, was_audio.packets, elapsed_s),
        video_bytes=_rate(video.bytes, was_video.bytes, elapsed_s),
        audio_bytes=_rate(audio.bytes, was_audio.bytes, elapsed_s),
        video_frames=_rate(video.frames, was_video.frames, elapsed_s),
    )


def add_viewer(
    totals: SideTotals, before: ViewerReport | None, report: ViewerReport
) -> SideTotals:
    """The totals with what is new in a viewer's report; `before`: its last one."""
    old = _NO_VIEWER if before is None else before
    return SideTotals(
        totals.lost_packets + max(0, report.packets_lost - old.packets_lost),
        totals.repaired_packets
        + max(0, report.retransmitted_packets - old.retransmitted_packets),
        totals.dropped_packets + max(0, report.dropped_packets - old.dropped_packets),
        totals.nacks + max(0, report.nacks - old.nacks),
        totals.key_frame_requests
        + max(0, report.key_frame_requests - old.key_frame_requests),
    )


def add_publisher(
    totals: SideTotals, before: StreamReport | None, report: StreamReport
) -> SideTotals:
    """As `add_viewer`; `before`: the last report of the same publisher."""
    pairs = (
        (_NO_KIND if before is None else before.video, report.video),
        (_NO_KIND if before is None else before.audio, report.audio),
    )
    for old, new in pairs:
        totals = SideTotals(
            totals.lost_packets + max(0, new.packets_lost - old.packets_lost),
            totals.repaired_packets
            + max(0, new.packets_recovered - old.packets_recovered),
            totals.dropped_packets,
            totals.nacks + max(0, new.nacks - old.nacks),
            totals.key_frame_requests
            + max(0, new.key_frame_requests - old.key_frame_requests),
        )
    return totals


def _rate(now: int, before: int, elapsed_s: float) -> float:
    return max(0, now - before) / elapsed_s
