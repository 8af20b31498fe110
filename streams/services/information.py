"""What clients may ask about applications and streams."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef

from streams.clock import now_ms
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
from streams.turn import make_turn_credential

# Of a broadcast's row and of each of its renditions, in StreamInfo's order.
_MEASURES = ("width", "height", "video_bitrate", "audio_bitrate", "video_codec")


@denies_without_store
def application_exists(name: str) -> bool:
    return Application.objects.filter(name=name).exists()


@denies_without_store
def ice_server_config(
    application: str, clock: Callable[[], int] = now_ms
) -> IceServerConfig:
    """What the application's operator gives to clients; empty where unknown.

    With a secret shared with the TURN server, each answer has a credential of its own.
    """
    found = (
        Application.objects.filter(name=application)
        .values_list(
            "stun_server_uri",
            "turn_server_username",
            "turn_server_credential",
            "turn_shared_secret",
            "turn_credential_s",
        )
        .first()
    )
    if found is None:
        return IceServerConfig("", "", "")
    uri, username, credential, secret, lifetime_s = found
    if secret and uri.startswith("turn:"):
        expires_s = clock() // 1000 + lifetime_s
        made = make_turn_credential(secret, secrets.token_hex(8), expires_s)
        username, credential = made.username, made.password
    return IceServerConfig(uri, username, credential)


@denies_without_store
def stream_info(application: str, stream_id: str) -> tuple[StreamInfo, ...]:
    """The renditions of a stream that viewers can play now, highest first.

    At least one, what its publisher sends, until a relay has measured more; none of
    a stream that is not live.
    """
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
        .values_list("renditions", *_MEASURES)
        .first()
    )
    if found is None:
        return ()
    renditions, *original = found
    if not renditions:
        return (StreamInfo(*original),)
    return tuple(
        StreamInfo(*(rendition[name] for name in _MEASURES)) for rendition in renditions
    )


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
