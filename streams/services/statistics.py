"""What is counted and measured of an application's streams (contract 8)."""

from __future__ import annotations

import zlib
from typing import Any

from django.db.models import Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from streams.models import Broadcast, LiveSession, SessionRole, SessionState
from streams.services.catalogue import known, live

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
    application_id: int, stream_id: str, page: slice
) -> list[dict[str, Any]]:
    """The stream's viewers, longest first; none of an unknown one.

    Every viewer is sent the whole stream: its bitrate is theirs. What is not
    measured of each viewer is None. Bitrates in bit/s.
    """
    broadcast = known(application_id, stream_id).first()
    if broadcast is None:
        return []
    viewers = _viewers(application_id).filter(stream_id=stream_id)
    return [
        {
            "clientId": client_number(viewer.pk),
            "clientInfo": viewer.viewer_info or None,
            "clientIp": viewer.remote_ip or None,
            "sendBitrate": broadcast.bitrate,
            "measuredBitrate": broadcast.bitrate,
            "videoFrameSendPeriod": None,
            "audioFrameSendPeriod": None,
            "videoPacketCount": None,
            "audioPacketCount": None,
            "videoSentStats": None,
            "audioSentStats": None,
        }
        for viewer in viewers.order_by("started_at", "pk")[page]
    ]


def client_number(session: str) -> int:
    """A session's id as the number that Ant Media's clients have: 31 bits."""
    return zlib.crc32(session.encode()) & 0x7FFF_FFFF


def receive_statistics(application_id: int) -> dict[str, Any]:
    """What live publishers send us.

    Relays count losses, jitter and bytes of audio and video together: those are
    beside the two, and None in each of them.
    """
    sums = _live_streams(application_id).aggregate(
        audio=Coalesce(Sum("audio_bitrate"), 0),
        video=Coalesce(Sum("video_bitrate"), 0),
        lost=Coalesce(Sum("packets_lost"), 0),
        received=Coalesce(Sum("received_bytes"), 0),
        jitter=Max("jitter_ms"),
    )
    return {
        "audioReceiveStats": {
            "audioPacketsReceived": None,
            "audioBytesReceived": None,
            "audioPacketsLost": None,
            "audioJitter": None,
            "audioFractionLost": None,
            "audioPacketsReceivedPerSecond": None,
            "audioBytesReceivedPerSecond": sums["audio"] // 8,
        },
        "videoReceiveStats": {
            "videoFirCount": None,
            "videoPliCount": None,
            "videoNackCount": None,
            "videoPacketsReceived": None,
            "videoPacketsLost": None,
            "videoFractionLost": None,
            "videoFrameReceived": None,
            "videoBytesReceived": None,
            "videoPacketsReceivedPerSecond": None,
            "videoBytesReceivedPerSecond": sums["video"] // 8,
            "videoFrameReceivedPerSecond": None,
        },
        "packetsLost": sums["lost"],
        "bytesReceived": sums["received"],
        "highestJitterMs": sums["jitter"],
    }


def send_statistics(application_id: int) -> dict[str, Any]:
    """What viewers are sent: each the whole stream. The rest is not measured."""
    stream = Broadcast.objects.filter(
        application=OuterRef("application"), stream_id=OuterRef("stream_id")
    )
    sums = _viewers(application_id).aggregate(
        audio=Coalesce(Sum(_of(stream, "audio_bitrate")), 0),
        video=Coalesce(Sum(_of(stream, "video_bitrate")), 0),
        viewers=Count("pk"),
    )
    return {
        "audioSendStats": {
            "audioPacketsSent": None,
            "audioBytesSent": None,
            "audioPacketsSentPerSecond": None,
            "audioBytesSentPerSecond": sums["audio"] // 8,
        },
        "videoSendStats": {
            "videoFirCount": None,
            "videoPliCount": None,
            "videoNackCount": None,
            "videoPacketsSent": None,
            "videoFramesEncoded": None,
            "videoBytesSent": None,
            "videoPacketsSentPerSecond": None,
            "videoBytesSentPerSecond": sums["video"] // 8,
            "videoFramesEncodedPerSecond": None,
        },
        "viewers": sums["viewers"],
    }


def _of(stream: QuerySet[Broadcast, Broadcast], field: str) -> Subquery:
    return Subquery(stream.values(field)[:1], output_field=IntegerField())


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
