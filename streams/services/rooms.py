"""Main tracks with their subtracks, and the conference rooms of 2.x over them.

A room is a virtual broadcast; who is in it is said by the rows that name it as
their main track, and by nothing else (contract 7.1, 7.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from streams.clock import Clock
from streams.models import Application, Broadcast
from streams.services.catalogue import (
    change_broadcast,
    create_broadcast,
    delete_broadcasts,
    described,
    known,
    live,
)
from streams.services.descriptions import subtracks_of, with_viewers
from streams.services.limits import room_limits
from streams.services.moving import NotPossibleError as NotPossibleError
from streams.services.moving import hold_publisher, move

ROOM_DURATION_S = 3600  # of a room without an end
# Every room serves polling pages and multitrack pages alike; Ant Media's default.
ROOM_MODE = "legacy"


def add_subtrack(
    application_id: int, main_id: str, stream_id: str, clock: Clock = timezone.now
) -> None:
    """The stream is a subtrack of the main track, and of no other.

    If it is live, webhooks are told and the viewers of both see it.

    Raises:
        NotPossibleError: one of them is unknown, as many are live as may be, or it
            is live and cannot go there (`moving.move`).
    """
    if main_id == stream_id:
        raise NotPossibleError("A stream cannot be its own subtrack")
    with transaction.atomic():
        publisher = hold_publisher(application_id, stream_id, main_id)
        # Locked, so that two requests do not both take the last place.
        main = known(application_id, main_id).select_for_update().first()
        if main is None:
            raise NotPossibleError("Main track not found")
        subtrack = known(application_id, stream_id).select_for_update().first()
        if subtrack is None:
            raise NotPossibleError("Subtrack not found")
        if subtrack.main_track_stream_id == main_id:
            return
        limits = room_limits(main, stream_id)
        if limits.room_limit is not None and (
            limits.room_publishers >= limits.room_limit
        ):
            raise NotPossibleError("The limit of subtracks is reached")
        move(subtrack, publisher, main_id, clock())


def remove_subtrack(
    application_id: int, main_id: str, stream_id: str, clock: Clock = timezone.now
) -> None:
    """The stream is no subtrack of the main track any more; it goes on.

    If it is live, webhooks are told and the main track's viewers see it no more.

    Raises:
        NotPossibleError: it was none.
    """
    with transaction.atomic():
        publisher = hold_publisher(application_id, stream_id)
        rows = known(application_id, stream_id).filter(main_track_stream_id=main_id)
        subtrack = rows.select_for_update().first() if main_id else None
        if subtrack is None:
            raise NotPossibleError("Subtrack not found")
        move(subtrack, publisher, "", clock())


def list_subtracks(
    application_id: int, main_id: str, role: str, page: slice, *, active: bool
) -> list[dict[str, Any]] | None:
    """Of that role, or of any for ""; None for an unknown main track."""
    main = known(application_id, main_id).first()
    if main is None:
        return None
    rows = _subtracks(main, role, active=active).order_by("pk")
    return described(with_viewers(rows)[page])


def count_active_subtracks(application_id: int, main_id: str, role: str) -> int | None:
    """Of that role, or of any for ""; None for an unknown main track."""
    main = known(application_id, main_id).first()
    if main is None:
        return None
    return _subtracks(main, role, active=True).count()


def create_room(
    application: Application, values: Mapping[str, Any], clock: Clock = timezone.now
) -> dict[str, Any]:
    """A room for an hour from now, unless the dates say otherwise.

    Raises:
        ValidationError: by field; nothing was changed.
    """
    now_s = int(clock().timestamp())
    start = values.get("planned_start_date") or now_s
    end = values.get("planned_end_date") or max(start, now_s) + ROOM_DURATION_S
    dates = {"planned_start_date": start, "planned_end_date": end}
    made = create_broadcast(application, {**values, **dates, "virtual": True}, clock)
    return {**_described_room(made["streamId"], start, end), "roomStreamList": []}


def find_room(application_id: int, room_id: str) -> dict[str, Any] | None:
    found = _described_rooms(application_id, _rooms(application_id, room_id))
    return found[0] if found else None


def list_rooms(application_id: int, page: slice) -> list[dict[str, Any]]:
    rows = Broadcast.objects.filter(application=application_id, virtual=True)
    return _described_rooms(application_id, rows.order_by("pk")[page])


def change_room(
    application_id: int, room_id: str, values: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The room with its changes; None for an unknown one. A date of 0 says nothing.

    Raises:
        ValidationError: by field; nothing was changed.
    """
    if not _rooms(application_id, room_id).exists():
        return None
    said = {name: value for name, value in values.items() if value}
    change_broadcast(application_id, room_id, said)
    return find_room(application_id, room_id)


def delete_room(
    application_id: int, room_id: str, *, delete_subtracks: bool = False
) -> bool:
    """The room is gone; who was in it goes on without it, as in Ant Media 2.x.

    Returns:
        False for an unknown room.
    """
    if not _rooms(application_id, room_id).exists():
        return False
    deleted = delete_broadcasts(
        application_id, [room_id], delete_subtracks=delete_subtracks
    )
    return bool(deleted)


def room_info(
    application_id: int, room_id: str, without: str = ""
) -> dict[str, Any] | None:
    """Who is live in the room, by id and name, apart from the stream `without`."""
    room = _rooms(application_id, room_id).first()
    if room is None:
        return None
    others = _subtracks(room, "", active=True).exclude(stream_id=without)
    return {
        "roomId": room.stream_id,
        "streamDetailsMap": dict(
            others.order_by("pk").values_list("stream_id", "name")
        ),
        "startDate": room.planned_start_date,
        "endDate": room.planned_end_date,
    }


def is_room(application_id: int, room_id: str) -> bool:
    return _rooms(application_id, room_id).exists()


def _rooms(application_id: int, room_id: str) -> QuerySet[Broadcast, Broadcast]:
    return known(application_id, room_id).filter(virtual=True)


def _subtracks(
    main: Broadcast, role: str, *, active: bool
) -> QuerySet[Broadcast, Broadcast]:
    rows = Broadcast.objects.filter(
        application=main.application_id, main_track_stream_id=main.stream_id
    )
    if role:
        rows = rows.filter(role=role)
    return live(rows) if active else rows


def _described_rooms(
    application_id: int, rows: QuerySet[Broadcast, Broadcast]
) -> list[dict[str, Any]]:
    """Two queries, however many there are."""
    found = list(
        rows.values_list("stream_id", "planned_start_date", "planned_end_date")
    )
    streams: Mapping[str, Sequence[str]] = {}
    if found:
        streams = subtracks_of(application_id, [room_id for room_id, _, _ in found])
    return [
        {
            **_described_room(room_id, start, end),
            "roomStreamList": list(streams.get(room_id, ())),
        }
        for room_id, start, end in found
    ]


def _described_room(room_id: str, start: int, end: int) -> dict[str, Any]:
    return {
        "roomId": room_id,
        "startDate": start,
        "endDate": end,
        "mode": ROOM_MODE,
        "originAdress": None,
    }
