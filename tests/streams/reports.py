"""Reports of relays, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from relay.control import KindReport, Report, StreamReport, ViewerReport

NO_VIEWER = ViewerReport(
    session="",
    reply_to="",
    target_bitrate=0,
    video_bitrate=0,
    audio_bitrate=0,
    height=0,
    video_packets=0,
    audio_packets=0,
    video_bytes=0,
    audio_bytes=0,
    packets_lost=0,
    fraction_lost=0.0,
    jitter_ms=0,
    rtt_ms=0,
    dropped_packets=0,
    retransmitted_packets=0,
    nacks=0,
    key_frame_requests=0,
    join_ms=0,
)
NO_STREAM = StreamReport(
    stream="LiveApp/cam",
    session="",
    video_codec="VP8",
    audio_codec="opus",
    width=1280,
    height=720,
    video_bitrate=0,
    audio_bitrate=0,
    received_bytes=0,
    packets_lost=0,
    jitter_ms=0,
    rtt_ms=0,
    viewers=0,
    key_frame_requests=0,
    dropped_sends=0,
)


def viewer(session: str, **values: Any) -> ViewerReport:
    return replace(NO_VIEWER, session=session, reply_to=f"channel-{session}", **values)


def stream(
    session: str,
    key: str = "LiveApp/cam",
    *,
    video: KindReport | None = None,
    audio: KindReport | None = None,
    **values: Any,
) -> StreamReport:
    return replace(
        NO_STREAM,
        stream=key,
        session=session,
        video=video or KindReport(),
        audio=audio or KindReport(),
        **values,
    )


def report(*streams: StreamReport, **values: Any) -> Report:
    return replace(Report("relay-1", streams, peers=0), **values)
