"""A broadcast by its wire names (contract 7.1), for the WebSocket and for REST."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Func, IntegerField, OuterRef, QuerySet, Subquery

from streams.models import Broadcast, LiveSession, SessionRole, SessionState

# What means nothing here, with the defaults of Ant Media: nothing is pulled,
# recorded, restreamed or transcoded, and no other protocol plays.
WITHOUT_MEANING: dict[str, Any] = {
    "username": None,
    "password": None,
    "ipAddr": None,
    "streamUrl": None,
    "quality": None,
    "rtmpURL": None,
    "originAdress": None,
    "subFolder": None,
    "autoStartStopEnabled": False,
    "mp4Enabled": 0,
    "webMEnabled": 0,
    "maxIdleTime": 0,
    "hlsViewerLimit": -1,
    "dashViewerLimit": -1,
    "hlsViewerCount": 0,
    "dashViewerCount": 0,
    "rtmpViewerCount": 0,
    "speed": 0,
    "pendingPacketSize": 0,
    "encoderQueueSize": 0,
    "dropPacketCountInIngestion": 0,
    "dropFrameCountInEncoding": 0,
    "packetLostRatio": None,
    "endPointList": None,
    "playListItemList": None,
    "playListStatus": None,
    "currentPlayIndex": 0,
    "playlistLoopEnabled": False,
    "seekTimeInMs": 0,
    "hlsParameters": None,
}
UNKNOWN_USER_AGENT = "N/A"


def with_viewers(
    broadcasts: QuerySet[Broadcast, Broadcast],
) -> QuerySet[Broadcast, Broadcast]:
    """Adds `viewers`: how many play it now, in the same query."""
    playing = LiveSession.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PLAY,
        state=SessionState.LIVE,
    ).order_by()
    # A plain function call: Count() would group by the row.
    counted = playing.annotate(found=Func("pk", function="COUNT")).values("found")
    return broadcasts.annotate(viewers=Subquery(counted, output_field=IntegerField()))


def subtracks_of(
    application_id: int, main_ids: Iterable[str]
) -> dict[str, Sequence[str]]:
    """The ids of each one's subtracks, those without any left out. One query."""
    rows = Broadcast.objects.filter(
        application=application_id, main_track_stream_id__in=list(main_ids)
    ).order_by("stream_id")
    found: dict[str, list[str]] = {}
    for main, stream_id in rows.values_list("main_track_stream_id", "stream_id"):
        found.setdefault(main, []).append(stream_id)
    return dict(found)


def describe(row: Any, subtracks: Sequence[str] = ()) -> dict[str, Any]:
    """What anyone may know: not where the publisher is, nor whom it tells.

    `row`: a Broadcast with `viewers` (with_viewers).
    """
    return {
        **WITHOUT_MEANING,
        **_description(row),
        **_times(row),
        **_measurements(row),
        "webRTCViewerCount": row.viewers,
        # conference.html needs the list although 3.x servers have none (T26).
        "subTrackStreamIds": list(subtracks),
    }


def describe_fully(row: Any, subtracks: Sequence[str] = ()) -> dict[str, Any]:
    """For who has a key: the publisher's address and device, and the webhook too."""
    return {
        **describe(row, subtracks),
        "remoteIp": row.remote_ip or None,
        "userAgent": row.user_agent or UNKNOWN_USER_AGENT,
        "listenerHookURL": row.listener_hook_url or None,
    }


def _description(row: Broadcast) -> dict[str, Any]:
    return {
        "streamId": row.stream_id,
        "status": row.current_status,
        "type": row.type,
        "publishType": row.publish_type or None,
        "name": row.name,
        "description": row.description,
        "category": row.category or None,
        "publish": row.publish,
        "publicStream": row.public_stream,
        "is360": row.is_360,
        "latitude": row.latitude or None,
        "longitude": row.longitude or None,
        "altitude": row.altitude or None,
        "zombi": row.zombi,
        "virtual": row.virtual,
        # Pages parse it unless it is null (contract T27).
        "metaData": row.meta_data or None,
        "role": row.role or None,
        "mainTrackStreamId": row.main_track_stream_id or None,
        "subtracksLimit": row.subtracks_limit,
        "webRTCViewerLimit": row.viewer_limit,
        "encoderSettingsList": row.encoder_settings,
    }


def _times(row: Broadcast) -> dict[str, Any]:
    return {
        "date": row.date,
        "startTime": row.start_time,
        "updateTime": row.update_time,
        "absoluteStartTimeMs": row.start_time,
        "duration": row.duration,
        "plannedStartDate": row.planned_start_date,
        "plannedEndDate": row.planned_end_date,
        "expireDurationMS": row.expire_duration_ms,
    }


def _measurements(row: Broadcast) -> dict[str, Any]:
    return {
        "bitrate": row.bitrate,
        "receivedBytes": row.received_bytes,
        "width": row.width,
        "height": row.height,
        "packetsLost": row.packets_lost,
        "jitterMs": row.jitter_ms,
        "rttMs": row.rtt_ms,
    }
