"""What a publisher's comings and goings do to the row of its broadcast.

Always called inside the transaction that changes the publisher's session.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Value, When

from streams.clock import to_ms
from streams.models import Application, Broadcast, BroadcastStatus
from streams.services.conference import MAX_META_DATA_LENGTH
from streams.services.records import PublishRequest, SocketInfo
from streams.services.store import LostRaceError
from streams.services.text import clean

# What a stream that is not live measures.
_AT_REST: dict[str, Any] = {
    "bitrate": 0,
    "video_bitrate": 0,
    "audio_bitrate": 0,
    "jitter_ms": 0,
    "rtt_ms": 0,
    "renditions": [],
}


def prepare_broadcast(
    application: Application,
    request: PublishRequest,
    socket: SocketInfo,
    now: datetime,
    *,
    restored: bool,
    seen_status: str = "",
) -> None:
    """The broadcast is preparing; an unregistered one exists from now on.

    A restored one goes on as it is. What an operator has entered stays where the
    publisher says nothing. `seen_status`: of a row that nobody publishes, as it was
    found before; with another one by now it has become a room.

    Raises:
        LostRaceError: the broadcast went away and may not be made here.
        IntegrityError: it has become a room.
    """
    said = {
        "name": clean(request.name, 255),
        "meta_data": clean(request.meta_data, MAX_META_DATA_LENGTH),
        "role": clean(request.role, 64),
        "main_track_stream_id": clean(request.main_track or request.room, 128),
    }
    values: dict[str, object] = {
        **{field: text for field, text in said.items() if text},
        "publish_type": "WebRTC",
        "update_time": to_ms(now),
        "user_agent": clean(socket.user_agent, 255),
        "remote_ip": clean(socket.remote_ip, 64),
    }
    if not restored:
        values |= {"status": BroadcastStatus.PREPARING, **_UNMEASURED}
    rows = Broadcast.objects.filter(
        application=application, stream_id=request.stream_id, virtual=False
    )
    if seen_status:
        rows = rows.filter(status=seen_status)
    if rows.update(**values):
        return
    if application.accept_only_registered_streams:
        raise LostRaceError
    Broadcast.objects.create(
        application=application,
        stream_id=request.stream_id,
        zombi=True,
        date=to_ms(now),
        **{"status": BroadcastStatus.PREPARING, **values},
    )


_UNMEASURED: dict[str, object] = {
    **_AT_REST,
    "width": 0,
    "height": 0,
    "received_bytes": 0,
    "packets_lost": 0,
    "duration": 0,
    "start_time": 0,
    "video_codec": "",
    "audio_codec": "",
}


def start_broadcast(
    application_id: int, stream_id: str, now: datetime, *, restored: bool
) -> None:
    """The broadcast is live: since now, or since before its publisher's return."""
    values = {"status": BroadcastStatus.BROADCASTING, "update_time": to_ms(now)}
    if not restored:
        values["start_time"] = to_ms(now)
    Broadcast.objects.filter(application=application_id, stream_id=stream_id).update(
        **values
    )


def touch_broadcast(application_id: int, stream_id: str, now: datetime) -> None:
    """The broadcast was heard of just now."""
    Broadcast.objects.filter(application=application_id, stream_id=stream_id).update(
        update_time=to_ms(now)
    )


def leave_rooms(entered: Iterable[tuple[int, str, str]]) -> None:
    """Broadcasts are no longer in the rooms that their publishers took them to.

    `entered`: application key, stream id, room. What an operator has put into a
    room stays there.
    """
    ids_by_room: dict[tuple[int, str], list[str]] = {}
    for application_id, stream_id, room in entered:
        ids_by_room.setdefault((application_id, room), []).append(stream_id)
    for (application_id, room), ids in ids_by_room.items():
        Broadcast.objects.filter(
            application=application_id, stream_id__in=ids, main_track_stream_id=room
        ).update(main_track_stream_id="")


def finish_broadcasts(streams: Iterable[tuple[int, str]], now: datetime) -> None:
    """Registered broadcasts are finished, automatic ones are gone.

    `streams`: pairs of application key and stream id.
    """
    ids_by_application: dict[int, list[str]] = {}
    for application_id, stream_id in streams:
        ids_by_application.setdefault(application_id, []).append(stream_id)
    now_ms = to_ms(now)
    for application_id, ids in ids_by_application.items():
        rows = Broadcast.objects.filter(application=application_id, stream_id__in=ids)
        rows.filter(zombi=True).delete()
        rows.update(
            status=BroadcastStatus.FINISHED,
            update_time=now_ms,
            duration=Case(
                When(start_time__gt=0, then=Value(now_ms) - F("start_time")),
                default=Value(0),
            ),
            **_AT_REST,
        )
