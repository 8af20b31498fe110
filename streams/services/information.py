"""What clients may ask about applications and streams."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef

from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.services.playing import FLOWING
from streams.services.records import IceServerConfig, StreamInfo
from streams.services.store import denies_without_store


@denies_without_store
def application_exists(name: str) -> bool:
    return Application.objects.filter(name=name).exists()


@denies_without_store
def ice_server_config(application: str) -> IceServerConfig:
    """What the application's operator gives to clients; empty where unknown."""
    found = (
        Application.objects.filter(name=application)
        .values_list(
            "stun_server_uri", "turn_server_username", "turn_server_credential"
        )
        .first()
    )
    return IceServerConfig(*(found or ("", "", "")))


@denies_without_store
def stream_info(application: str, stream_id: str) -> StreamInfo | None:
    """Of a stream that viewers can play now; otherwise nothing."""
    publisher = LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    found = (
        Broadcast.objects.filter(
            Exists(publisher), application__name=application, stream_id=stream_id
        )
        .values_list("width", "height", "video_bitrate", "audio_bitrate", "video_codec")
        .first()
    )
    return StreamInfo(*found) if found else None


@denies_without_store
def broadcast_object(application: str, stream_id: str) -> dict[str, Any] | None:
    """A broadcast by its wire names (contract 7.1), or nothing for an unknown id.

    Anyone may ask for it: the publisher's address and device are left out.
    """
    row = Broadcast.objects.filter(
        application__name=application, stream_id=stream_id
    ).first()
    if row is None:
        return None
    viewers = LiveSession.objects.filter(
        application=row.application_id,
        stream_id=row.stream_id,
        role=SessionRole.PLAY,
        state=SessionState.LIVE,
    ).count()
    return {**_description(row), **_times(row), **_measurements(row, viewers)}


def _description(row: Broadcast) -> dict[str, Any]:
    return {
        "streamId": row.stream_id,
        "status": row.current_status,
        "type": row.type,
        "publishType": row.publish_type or None,
        "name": row.name,
        "description": row.description,
        "publish": True,
        "zombi": row.zombi,
        "virtual": row.virtual,
        # Pages parse it unless it is null (contract T27).
        "metaData": row.meta_data or None,
        "role": row.role or None,
        "mainTrackStreamId": row.main_track_stream_id or None,
        # conference.html needs the list although 3.x servers have none (T26).
        "subTrackStreamIds": [],
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


def _measurements(row: Broadcast, viewers: int) -> dict[str, Any]:
    return {
        "webRTCViewerCount": viewers,
        "hlsViewerCount": 0,
        "dashViewerCount": 0,
        "rtmpViewerCount": 0,
        "bitrate": row.bitrate,
        "receivedBytes": row.received_bytes,
        "width": row.width,
        "height": row.height,
        "packetsLost": row.packets_lost,
        "jitterMs": row.jitter_ms,
        "rttMs": row.rtt_ms,
    }
