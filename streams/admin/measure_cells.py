"""Measurements of a session in people's words, a cell for each."""

from __future__ import annotations

from streams.measures import StreamMeasure, ViewerMeasure
from streams.wording import word_bitrate, word_share

# What the cells are, and in full.
MEASURE_COLUMNS = (
    ("Bitrate", "Video and audio together"),
    ("Loss", "Of the packets sent, of late"),
    ("RTT", "Round-trip time"),
    ("Picture", "Height of the rendition that is sent"),
    ("Jitter", "How unevenly packets arrive"),
    ("Dropped", "Packets that were not sent, for the network had no room"),
    ("Repaired", "Packets that were sent again"),
    ("Key frames", "How often a key frame was asked for"),
    ("Joined in", "From its command to its connection"),
)
NOT_KNOWN = "-"


def unmeasured(bitrate: str = "") -> tuple[str, ...]:
    return (bitrate or NOT_KNOWN, *[NOT_KNOWN] * (len(MEASURE_COLUMNS) - 1))


def viewer_cells(measure: ViewerMeasure | None) -> tuple[str, ...]:
    if measure is None:
        return unmeasured()
    report = measure.report
    return (
        word_bitrate(report.video_bitrate + report.audio_bitrate) or NOT_KNOWN,
        word_share(report.fraction_lost),
        _milliseconds(report.rtt_ms),
        _height(report.height),
        f"{report.jitter_ms} ms",
        str(report.dropped_packets),
        str(report.retransmitted_packets),
        str(report.key_frame_requests),
        _milliseconds(report.join_ms),
    )


def publisher_cells(measure: StreamMeasure) -> tuple[str, ...]:
    report = measure.report
    return (
        word_bitrate(report.video_bitrate + report.audio_bitrate) or NOT_KNOWN,
        word_share(measure.loss),
        _milliseconds(report.rtt_ms),
        _height(report.height),
        f"{report.jitter_ms} ms",
        NOT_KNOWN,  # nothing is sent to it
        str(report.video.packets_recovered + report.audio.packets_recovered),
        str(measure.key_frame_requests),
        NOT_KNOWN,
    )


def _height(pixels: int) -> str:
    return f"{pixels}p" if pixels else NOT_KNOWN


def _milliseconds(number: int) -> str:
    """0 is what is not known."""
    return f"{number} ms" if number else NOT_KNOWN
