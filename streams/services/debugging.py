"""What a socket may know of its own sessions with a stream."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streams.models import Broadcast, LiveSession
from streams.services.catalogue import live
from streams.services.descriptions import with_viewers
from streams.services.store import denies_without_store


@dataclass(frozen=True, slots=True)
class SessionTimes:
    created_at: datetime
    started_at: datetime | None  # None: its media does not flow yet


@dataclass(frozen=True, slots=True)
class StreamMeasures:
    """Of a stream. Bitrates in bit/s; 0 and "" while unknown."""

    video_codec: str
    audio_codec: str
    width: int
    height: int
    video_bitrate: int
    audio_bitrate: int
    packets_lost: int
    jitter_ms: int
    rtt_ms: int
    viewers: int
    participants: int  # live subtracks


@denies_without_store
def session_times(sessions: Collection[str]) -> dict[str, SessionTimes]:
    """Of those sessions that have a row."""
    rows = LiveSession.objects.filter(pk__in=list(sessions))
    found = rows.values_list("pk", "created_at", "started_at")
    return {key: SessionTimes(created, started) for key, created, started in found}


@denies_without_store
def stream_measures(application: str, stream_id: str) -> StreamMeasures | None:
    """As they were reported last; None without a broadcast."""
    rows = Broadcast.objects.filter(application__name=application)
    row: Any = with_viewers(rows.filter(stream_id=stream_id)).first()
    if row is None:
        return None
    return StreamMeasures(
        video_codec=row.video_codec,
        audio_codec=row.audio_codec,
        width=row.width,
        height=row.height,
        video_bitrate=row.video_bitrate,
        audio_bitrate=row.audio_bitrate,
        packets_lost=row.packets_lost,
        jitter_ms=row.jitter_ms,
        rtt_ms=row.rtt_ms,
        viewers=row.viewers,
        participants=live(rows.filter(main_track_stream_id=stream_id)).count(),
    )
