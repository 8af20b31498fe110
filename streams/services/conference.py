"""A room as long as somebody is in it: its row, its end, the relay it is on.

A room is known by the id of its main track. Who is in it is said by the sessions
that name it: of publishers in any state, and of viewers of the whole room. They are
all on one relay. Whoever enters or leaves locks the room's row, so that a last
leaver and a newcomer never miss each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, Q, Value, When

from streams.clock import to_ms
from streams.models import (
    STREAMING,
    Application,
    Broadcast,
    BroadcastStatus,
    Ending,
    LiveSession,
    SessionRole,
)
from streams.names import is_stream_id
from streams.services.endings import end_sessions
from streams.services.lookups import Stream, find_publisher, those
from streams.services.store import LostRaceError, denies_without_store
from streams.services.text import clean

MAX_META_DATA_LENGTH = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Where a room is. `relay` is "" where nobody of it is on a relay that is up."""

    relay: str
    occupied: bool  # somebody publishes there, is about to, or is awaited


def find_place(
    application_id: int,
    room_id: str,
    relays: Sequence[str] | None,
    without: str = "",
) -> Place:
    """Where the room is now, the session `without` aside; of `relays`, or of all.

    The relay of its publishers goes before that of viewers who are left over.
    """
    sessions = LiveSession.objects.filter(
        application=application_id,
        room=room_id,
        role__in=(SessionRole.PUBLISH, SessionRole.PLAY),
    ).exclude(pk=without)
    if relays is not None:
        sessions = sessions.filter(relay__in=relays)
    found = set(sessions.order_by().values_list("role", "relay").distinct())
    of_publishers = {relay for role, relay in found if role == SessionRole.PUBLISH}
    candidates = of_publishers or {relay for _, relay in found}
    return Place(min(candidates, default=""), bool(of_publishers))


def choose_relay(key: str, relays: Sequence[str]) -> str:
    """The one of `relays` that every process chooses for `key`.

    Rendezvous hashing: when a relay comes or goes, only its own rooms move.
    """

    def weight(relay: str) -> bytes:
        return hashlib.sha256(f"{relay} {key}".encode()).digest()

    return max(relays, key=weight)


def can_be_room(
    application_id: int, stream_id: str, room_id: str, room: Broadcast | None
) -> bool:
    """Whether the stream may be a track of `room_id`, whose row is `room`.

    What is published itself is no room.
    """
    if not is_stream_id(room_id) or room_id == stream_id:
        return False
    if room is None or room.virtual:
        return True
    return find_publisher(application_id, room_id) is None


def is_in_use_as_room(broadcast: Broadcast | None) -> bool:
    """Whether a row that nobody publishes is a room, registered as one or not."""
    if broadcast is None:
        return False
    return broadcast.virtual or broadcast.current_status in STREAMING


def enter_room(
    application: Application, room_id: str, room: Broadcast | None, now: datetime
) -> None:
    """The room is live; one that is not registered exists from now on.

    `room`: its row as it was found before, if any.

    Called inside the transaction that writes the publisher's session, after that.
    Until its end nobody else enters or leaves the room.

    Raises:
        LostRaceError, IntegrityError: the row has become another meanwhile.
    """
    now_ms = to_ms(now)
    rows = Broadcast.objects.filter(application=application, stream_id=room_id)
    entered = rows.update(
        start_time=Case(
            When(status=BroadcastStatus.BROADCASTING, then=F("start_time")),
            default=Value(now_ms),
        ),
        status=BroadcastStatus.BROADCASTING,
        update_time=now_ms,
    )
    if entered:
        known = room is not None and room.virtual
        if not known and find_publisher(application.pk, room_id) is not None:
            raise LostRaceError  # a stream by now
        return
    if application.accept_only_registered_rooms:
        raise LostRaceError
    Broadcast.objects.create(
        application=application,
        stream_id=room_id,
        zombi=True,
        virtual=True,
        status=BroadcastStatus.BROADCASTING,
        date=now_ms,
        start_time=now_ms,
        update_time=now_ms,
    )


def lock_rooms(rooms: Collection[Stream]) -> None:
    """Until the transaction ends nobody else enters or leaves those rooms.

    SQLite has one writer at a time instead.
    """
    if not rooms:
        return
    list(
        Broadcast.objects.filter(those(rooms))
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk")
    )


def end_empty_rooms(rooms: Collection[Stream], now: datetime) -> None:
    """Of `rooms`, which are locked, those that nobody publishes in are over.

    An automatic one is gone, a registered one finished; their viewers end soon.
    """
    if not rooms:
        return
    occupied = LiveSession.objects.filter(
        those(rooms, "room"), role=SessionRole.PUBLISH
    ).order_by()
    left = set(rooms) - set(occupied.values_list("application_id", "room").distinct())
    if not left:
        return
    now_ms = to_ms(now)
    rows = Broadcast.objects.filter(those(left))
    rows.filter(zombi=True, virtual=True).delete()
    rows.filter(status=BroadcastStatus.BROADCASTING).update(
        status=BroadcastStatus.FINISHED,
        update_time=now_ms,
        duration=Case(
            When(start_time__gt=0, then=Value(now_ms) - F("start_time")),
            default=Value(0),
        ),
    )
    end_sessions(those(left, "room") & Q(role=SessionRole.PLAY), Ending.ROOM_ENDED)


@denies_without_store
def update_meta_data(session: str, stream_id: str, meta_data: str) -> str:
    """The publisher's stream, or the room it is in, has that metadata now.

    `session`: of the publisher.

    Returns:
        The room it is in; "" for none, or if it may not say anything about that id.
    """
    publisher = LiveSession.objects.filter(pk=session, role=SessionRole.PUBLISH).first()
    if publisher is None or stream_id not in (publisher.stream_id, publisher.room):
        return ""
    Broadcast.objects.filter(
        application=publisher.application_id, stream_id=stream_id
    ).update(meta_data=clean(meta_data, MAX_META_DATA_LENGTH))
    return publisher.room
