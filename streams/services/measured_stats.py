"""Measurements by Ant Media's names (WebRTCClientStats and the low-level statistics).

Pure. None is what is not measured: frames are counted as publishers send them and not
for each viewer, nothing is encoded for a viewer, and a viewer's FIRs are counted with
its PLIs. We ask publishers for key frames by PLI alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from relay.control import KindReport
from streams.measures import StreamMeasure, ViewerMeasure

# Of a viewer that no relay of this process has measured (yet).
UNMEASURED_VIEWER: dict[str, Any] = dict.fromkeys(
    (
        "sendBitrate",
        "measuredBitrate",
        "videoFrameSendPeriod",
        "audioFrameSendPeriod",
        "videoPacketCount",
        "audioPacketCount",
        "videoSentStats",
        "audioSentStats",
        "videoHeight",
        "packetsLost",
        "fractionLost",
        "jitterMs",
        "rttMs",
        "droppedPackets",
        "retransmittedPackets",
        "nackCount",
        "keyFrameRequests",
        "joinTimeMs",
    )
)


def viewer_stats(
    measure: ViewerMeasure | None, stream: StreamMeasure | None
) -> dict[str, Any]:
    """`stream`: what the viewer plays, unless that is a room."""
    if measure is None:
        return UNMEASURED_VIEWER
    report = measure.report
    return {
        "sendBitrate": report.video_bitrate + report.audio_bitrate,
        "measuredBitrate": report.target_bitrate,
        "videoFrameSendPeriod": _video_period_ms(measure, stream),
        "audioFrameSendPeriod": _period_ms(measure.rates.audio_packets),
        "videoPacketCount": report.video_packets,
        "audioPacketCount": report.audio_packets,
        "videoSentStats": {**video_sent([measure]), "timeMs": measure.at_ms},
        "audioSentStats": {**audio_sent([measure]), "timeMs": measure.at_ms},
        "videoHeight": report.height,
        "packetsLost": report.packets_lost,
        "fractionLost": report.fraction_lost,
        "jitterMs": report.jitter_ms,
        "rttMs": report.rtt_ms,
        "droppedPackets": report.dropped_packets,
        "retransmittedPackets": report.retransmitted_packets,
        "nackCount": report.nacks,
        "keyFrameRequests": report.key_frame_requests,
        "joinTimeMs": report.join_ms,
    }


def video_sent(measures: Sequence[ViewerMeasure]) -> dict[str, Any]:
    """To those viewers together; all None without any."""
    reports = [measure.report for measure in measures]
    return {
        "videoFirCount": None,
        "videoPliCount": _sum(report.key_frame_requests for report in reports),
        "videoNackCount": _sum(report.nacks for report in reports),
        "videoPacketsSent": _sum(report.video_packets for report in reports),
        "videoFramesEncoded": None,
        "videoBytesSent": _sum(report.video_bytes for report in reports),
        "videoPacketsSentPerSecond": _rate(m.rates.video_packets for m in measures),
        "videoBytesSentPerSecond": _sum(
            report.video_bitrate // 8 for report in reports
        ),
        "videoFramesEncodedPerSecond": None,
    }


def audio_sent(measures: Sequence[ViewerMeasure]) -> dict[str, Any]:
    reports = [measure.report for measure in measures]
    return {
        "audioPacketsSent": _sum(report.audio_packets for report in reports),
        "audioBytesSent": _sum(report.audio_bytes for report in reports),
        "audioPacketsPerSecond": _rate(m.rates.audio_packets for m in measures),
        "audioBytesSentPerSecond": _sum(
            report.audio_bitrate // 8 for report in reports
        ),
    }


def video_received(measures: Sequence[StreamMeasure]) -> dict[str, Any]:
    """From those publishers together; all None without any."""
    kinds = [measure.report.video for measure in measures]
    weights = [measure.rates.video_packets for measure in measures]
    return {
        "videoFirCount": _sum(0 for _ in kinds),
        "videoPliCount": _sum(kind.key_frame_requests for kind in kinds),
        "videoNackCount": _sum(kind.nacks for kind in kinds),
        "videoPacketsReceived": _sum(kind.packets for kind in kinds),
        "videoPacketsLost": _sum(kind.packets_lost for kind in kinds),
        "videoFractionLost": _fraction(kinds, weights),
        "videoFrameReceived": _sum(kind.frames for kind in kinds),
        "videoBytesReceived": _sum(kind.bytes for kind in kinds),
        "videoPacketsReceivedPerSecond": _rate(m.rates.video_packets for m in measures),
        "videoBytesReceivedPerSecond": _sum(
            measure.report.video_bitrate // 8 for measure in measures
        ),
        "videoFrameReceivedPerSecond": _rate(m.rates.video_frames for m in measures),
    }


def audio_received(measures: Sequence[StreamMeasure]) -> dict[str, Any]:
    """The jitter is the highest, in ms."""
    kinds = [measure.report.audio for measure in measures]
    weights = [measure.rates.audio_packets for measure in measures]
    return {
        "audioPacketsReceived": _sum(kind.packets for kind in kinds),
        "audioBytesReceived": _sum(kind.bytes for kind in kinds),
        "audioPacketsLost": _sum(kind.packets_lost for kind in kinds),
        "audioJitter": max((kind.jitter_ms for kind in kinds), default=None),
        "audioFractionLost": _fraction(kinds, weights),
        "audioPacketsReceivedPerSecond": _rate(m.rates.audio_packets for m in measures),
        "audioBytesReceivedPerSecond": _sum(
            measure.report.audio_bitrate // 8 for measure in measures
        ),
    }


def nothing(stats: Callable[[Sequence[Any]], dict[str, Any]]) -> dict[str, Any]:
    """Where nobody is live: zeros for what would be measured."""
    unmeasurable = {
        "videoFirCount",
        "videoFramesEncoded",
        "videoFramesEncodedPerSecond",
    }
    sends = stats in (video_sent, audio_sent)
    return {name: None if sends and name in unmeasurable else 0 for name in stats(())}


def _video_period_ms(
    viewer: ViewerMeasure, stream: StreamMeasure | None
) -> float | None:
    """Known of who gets the original: each of its frames is passed on."""
    if stream is None or not viewer.report.height or not viewer.rates.video_packets:
        return None
    if viewer.report.height != stream.report.height:
        return None
    return _period_ms(stream.rates.video_frames)


def _period_ms(per_second: float | None) -> float | None:
    return round(1000 / per_second, 1) if per_second else None


def _sum(numbers: Iterable[int]) -> int | None:
    found = list(numbers)
    return sum(found) if found else None


def _rate(rates: Iterable[float | None]) -> int | None:
    known = [rate for rate in rates if rate is not None]
    return round(sum(known)) if known else None


def _fraction(
    kinds: Sequence[KindReport], weights: Sequence[float | None]
) -> float | None:
    """Of the last second or so, over all of them by how much they send."""
    if not kinds:
        return None
    total = sum(weight or 0.0 for weight in weights)
    if not total:
        return max(kind.fraction_lost for kind in kinds)
    lost = sum(
        kind.fraction_lost * (weight or 0.0)
        for kind, weight in zip(kinds, weights, strict=True)
    )
    return round(lost / total, 4)
