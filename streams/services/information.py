"""What clients may ask about applications and streams."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef

from streams.models import (
    Application,
    Broadcast,
    BroadcastStatus,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.paging import MAX_ROWS
from streams.services.descriptions import describe, with_viewers
from streams.services.lookups import FLOWING
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

    Anyone may ask for it: the publisher's address and device are left out. A room
    that nobody has registered is known by who is live in it.
    """
    rows = Broadcast.objects.filter(application__name=application)
    row: Any = with_viewers(rows.filter(stream_id=stream_id)).first()
    publisher = LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    # Who is live goes first, if there are more than are told.
    found = (
        rows.filter(main_track_stream_id=stream_id)
        .annotate(is_live=Exists(publisher))
        .order_by("-is_live", "stream_id")
        .values_list("stream_id", "is_live", "start_time")[:MAX_ROWS]
    )
    subtracks = list(found)
    if row is None:
        starts = [start for _, is_live, start in subtracks if is_live]
        if not starts:
            return None
        row = _unregistered_room(application, stream_id, min(starts))
    return describe(row, sorted(subtrack for subtrack, _, _ in subtracks))


def _unregistered_room(application: str, stream_id: str, start_ms: int) -> Broadcast:
    """What its row would say, had it one."""
    viewers = LiveSession.objects.filter(
        application__name=application,
        stream_id=stream_id,
        role=SessionRole.PLAY,
        state=SessionState.LIVE,
    )
    room: Any = Broadcast(
        stream_id=stream_id,
        status=BroadcastStatus.BROADCASTING,
        virtual=True,
        zombi=True,
        date=start_ms,
        start_time=start_ms,
        update_time=start_ms,
    )
    room.viewers = viewers.count()
    made: Broadcast = room
    return made
