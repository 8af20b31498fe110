"""Rooms that are joined by name, the old way (contract 6.2, 6.3).

Who has joined is a row of its own; what a participant publishes under the id it
has joined with belongs to the room as its track, as with `mainTrack`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.names import generate_stream_id, is_stream_id
from streams.policy import (
    AccessDenied,
    Denial,
    ParticipantFacts,
    decide_participant,
)
from streams.services.facts import room_facts, server_facts
from streams.services.lookups import FLOWING, find_application, find_broadcasts
from streams.services.records import (
    Load,
    RoomGrant,
    RoomRequest,
    RoomState,
    RoomStream,
    SocketInfo,
)
from streams.services.store import denies_without_store
from streams.services.text import clean

MAX_STREAMS_SHOWN = 250


@denies_without_store
def join_room(
    request: RoomRequest,
    socket: SocketInfo,
    load: Load,
    relays: Sequence[str],
    clock: Clock = timezone.now,
) -> RoomGrant:
    """The socket is in the room; what it had joined by that id or room before is over.

    Raises:
        AccessDenied: nothing was changed.
    """
    if not is_stream_id(request.room):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application) or Application()
    now = clock()
    room = find_broadcasts(application, request.room).get(request.room)
    decide_participant(
        ParticipantFacts(
            server_facts(application, load, None),
            room_facts(application, room),
            to_ms(now),
        )
    )
    stream_id = request.stream_id or generate_stream_id()
    session = uuid.uuid4().hex
    earlier = Q(room=request.room) | Q(stream_id=stream_id)
    with transaction.atomic():
        LiveSession.objects.filter(
            earlier,
            application=application,
            channel=socket.channel,
            role=SessionRole.PARTICIPANT,
        ).delete()
        LiveSession.objects.create(
            id=session,
            application=application,
            stream_id=stream_id,
            room=request.room,
            role=SessionRole.PARTICIPANT,
            state=SessionState.LIVE,
            channel=socket.channel,
            node_id=socket.node,
            relay="",
            subscriber_id=clean(request.subscriber_id, 255),
            remote_ip=clean(socket.remote_ip, 64),
            user_agent=clean(socket.user_agent, 255),
            created_at=now,
            started_at=now,
        )
    return RoomGrant(
        session,
        stream_id,
        _streams(application.pk, request.room, stream_id),
        application.max_video_track_count,
    )


@denies_without_store
def room_state(application: str, room: str, stream_id: str) -> RoomState:
    """Who is in the room and publishes, `stream_id` left out."""
    found = find_application(application)
    if found is None or not is_stream_id(room):
        return RoomState(empty=True, streams=())
    streams = _streams(found.pk, room, stream_id)
    members = LiveSession.objects.filter(
        application=found.pk,
        room=room,
        role__in=(SessionRole.PUBLISH, SessionRole.PARTICIPANT),
    )
    empty = not streams and not members.exists()
    return RoomState(empty, streams)


def room_of(stream: str) -> str:
    """The room of a stream, by the name that relays have for it; "" without one."""
    application, _, stream_id = stream.partition("/")
    rooms = Broadcast.objects.filter(
        application__name=application, stream_id=stream_id
    ).values_list("main_track_stream_id", flat=True)
    return next(iter(rooms), "")


def _streams(application_id: int, room: str, stream_id: str) -> tuple[RoomStream, ...]:
    publisher = LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    rows = (
        Broadcast.objects.filter(
            Exists(publisher), application=application_id, main_track_stream_id=room
        )
        .exclude(stream_id=stream_id)
        .order_by("stream_id")
        .values_list("stream_id", "name", "meta_data")
    )
    return tuple(RoomStream(*row) for row in rows[:MAX_STREAMS_SHOWN])
