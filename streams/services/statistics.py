"""What is counted and measured of an application's streams (contract 8)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import Coalesce

from streams.measured import measured
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.names import is_stream_id
from streams.services.catalogue import known, live
from streams.services.measured_stats import (
    audio_received,
    audio_sent,
    nothing,
    video_received,
    video_sent,
    viewer_stats,
)
from streams.services.relays import relay_key

UNKNOWN = -1


def count_live_streams(application_id: int) -> int:
    return _live_streams(application_id).count()


def broadcast_statistics(application_id: int, stream_id: str) -> dict[str, int]:
    """Who watches, by protocol. Nobody does by those that are not served."""
    if not known(application_id, stream_id).exists():
        return _watchers(UNKNOWN, others=UNKNOWN)
    return _watchers(_viewers(application_id).filter(stream_id=stream_id).count())


def total_statistics(application_id: int) -> dict[str, int]:
    watchers = _watchers(_viewers(application_id).count())
    return {**watchers, "activeLiveStreamCount": count_live_streams(application_id)}


def viewer_statistics(
    application: Application, stream_id: str, page: slice
) -> list[dict[str, Any]]:
    """The stream's viewers, longest first; none of an unknown one. One query.

    What is not measured of a viewer is None: all, where it is on a relay of another
    process or has been there for less than a few seconds. Bitrates in bit/s.
    """
    if not is_stream_id(stream_id):
        return []
    viewers = _viewers(application.pk).filter(stream_id=stream_id)
    rows = list(viewers.order_by("started_at", "pk")[page])
    found = measured.viewers(row.pk for row in rows)
    stream = measured.stream(relay_key(application.name, stream_id))
    return [
        {
            "clientId": client_number(row.pk),
            "clientInfo": row.viewer_info or None,
            "clientIp": row.remote_ip or None,
            **viewer_stats(found.get(row.pk), stream),
        }
        for row in rows
    ]


def client_number(session: str) -> int:
    """A session's id as the number that Ant Media's clients have: 31 bits."""
    return zlib.crc32(session.encode()) & 0x7FFF_FFFF


def receive_statistics(application: Application) -> dict[str, Any]:
    """What live publishers send us.

    By kind, as the relays of this process measure it now; None where it has none of
    the live streams. All kinds and processes together, from the rows, are beside it.
    """
    sums = _live_streams(application.pk).aggregate(
        live=Count("pk"),
        lost=Coalesce(Sum("packets_lost"), 0),
        received=Coalesce(Sum("received_bytes"), 0),
        jitter=Max("jitter_ms"),
    )
    streams = measured.streams(application.name) if sums["live"] else []
    nobody = not sums["live"]
    return {
        "audioReceiveStats": _of(audio_received, streams, nobody=nobody),
        "videoReceiveStats": _of(video_received, streams, nobody=nobody),
        "packetsLost": sums["lost"],
        "bytesReceived": sums["received"],
        "highestJitterMs": sums["jitter"],
    }


def send_statistics(application: Application) -> dict[str, Any]:
    """What viewers are sent, as the relays of this process measure it now.

    None where none of the viewers is measured. One query.
    """
    sessions = list(_viewers(application.pk).order_by().values_list("pk", flat=True))
    viewers = list(measured.viewers(sessions).values())
    nobody = not sessions
    return {
        "audioSendStats": _of(audio_sent, viewers, nobody=nobody),
        "videoSendStats": _of(video_sent, viewers, nobody=nobody),
        "viewers": len(sessions),
        "measuredViewers": len(viewers),
    }


def _of(
    stats: Callable[[Sequence[Any]], dict[str, Any]],
    measures: Sequence[Any],
    *,
    nobody: bool,
) -> dict[str, Any]:
    return nothing(stats) if nobody else stats(measures)


def _live_streams(application_id: int) -> QuerySet[Broadcast, Broadcast]:
    return live(Broadcast.objects.filter(application=application_id))


def _viewers(application_id: int) -> QuerySet[LiveSession, LiveSession]:
    return LiveSession.objects.filter(
        application=application_id, role=SessionRole.PLAY, state=SessionState.LIVE
    )


def _watchers(web_rtc: int, *, others: int = 0) -> dict[str, int]:
    return {
        "totalRTMPWatchersCount": others,
        "totalHLSWatchersCount": others,
        "totalWebRTCWatchersCount": web_rtc,
        "totalDASHWatchersCount": others,
    }
