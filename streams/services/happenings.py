"""What the starts and ends of sessions mean to others: events and webhooks.

Called inside the transaction that changes the session, if anything does. One query
reads what is said of the streams; a second one is needed for tracks of a room.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.models import Broadcast, LiveSession, SessionRole
from streams.services.audit import write_connected, write_disconnected
from streams.services.lookups import FLOWING, Stream, those
from streams.services.webhooks import Action, Delivery, enqueue

PUBLISH_TIMEOUT = "publish_timeout"


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of a stream. An unregistered room has no name of its own."""

    name: str = ""
    category: str = ""
    meta_data: str = ""
    hook_url: str = ""
    start_time_ms: int = 0
    room: str = ""
    room_name: str = ""
    room_category: str = ""
    room_hook_url: str = ""


def tell_started(row: LiveSession, now: datetime) -> None:
    """The session is live. A publisher that is back has never been away."""
    if row.restored:
        return
    write_connected(row, now)
    told = _told_of([row]).get(_stream(row), _Told())
    if row.role == SessionRole.PLAY:
        enqueue([_of_stream(Action.PLAY_STARTED, row, told, now)])
        return
    started = _of_stream(Action.STREAM_STARTED, row, told, now)
    enqueue([started, *_of_entered_room(row, told, now)])


def tell_entered(row: LiveSession, now: datetime) -> None:
    """The live stream was put into the room that its broadcast names."""
    told = _told_of([row]).get(_stream(row), _Told())
    enqueue(_of_entered_room(row, told, now))


def tell_left(row: LiveSession, now: datetime) -> None:
    """The live stream is about to be taken out of the room it is in."""
    told = _told_of([row]).get(_stream(row), _Told())
    if told.room:
        left = _of_track(Action.SUBTRACK_LEFT, row, told, now)
        enqueue([left, *_of_left_rooms([row], {row.pk: told}, now)])


def tell_encoder_not_opened(session: str, clock: Clock = timezone.now) -> None:
    """That publisher's stream has no renditions but the original. It goes on."""
    with transaction.atomic():
        row = (
            LiveSession.objects.filter(pk=session, role=SessionRole.PUBLISH)
            .select_related("application")
            .first()
        )
        if row is not None:
            told = _told_of([row]).get(_stream(row), _Told())
            enqueue([_of_stream(Action.ENCODER_NOT_OPENED, row, told, clock())])


def tell_ended(rows: Sequence[LiveSession], reason: str, now: datetime) -> None:
    """The sessions are about to go, and the streams of their publishers.

    Of a session that never was live nothing is said, unless a publisher was given
    up for that. `row.application` is loaded.
    """
    live = [
        row
        for row in rows
        if _was_live(row)
        and row.role != SessionRole.PARTICIPANT  # it is nobody's media
    ]
    failed = [
        row
        for row in rows
        if reason == PUBLISH_TIMEOUT
        and row.role == SessionRole.PUBLISH
        and not _was_live(row)
    ]
    if not live and not failed:
        return
    streams = _told_of([*live, *failed])
    told = {row.pk: streams.get(_stream(row), _Told()) for row in [*live, *failed]}
    since = {row.pk: _live_since_ms(row, told[row.pk], now) for row in live}
    write_disconnected(live, since, reason, now)
    deliveries = [
        _of_stream(Action.PUBLISH_TIMEOUT, row, told[row.pk], now) for row in failed
    ]
    for row in live:
        if row.role != SessionRole.PEER:  # of whom no webhook is told (contract 6.1)
            deliveries += _of_end(row, told[row.pk], now)
    enqueue([*deliveries, *_of_left_rooms(live, told, now)])


def _of_end(row: LiveSession, told: _Told, now: datetime) -> list[Delivery]:
    if row.role == SessionRole.PLAY:
        return [_of_stream(Action.PLAY_STOPPED, row, told, now)]
    deliveries = [_of_stream(Action.STREAM_ENDED, row, told, now)]
    if told.room:
        deliveries.append(_of_track(Action.SUBTRACK_LEFT, row, told, now))
    return deliveries


def _of_entered_room(row: LiveSession, told: _Told, now: datetime) -> list[Delivery]:
    if not told.room:
        return []
    deliveries = [_of_track(Action.SUBTRACK_ADDED, row, told, now)]
    if _room_url(row, told) and not _active_rooms([row], {_room(row, told)}):
        deliveries.append(_of_room(Action.FIRST_ACTIVE, row, told, now))
    return deliveries


def _of_left_rooms(
    rows: Sequence[LiveSession], told: dict[str, _Told], now: datetime
) -> list[Delivery]:
    """One delivery for each room whose last active track is among `rows`."""
    last_of: dict[Stream, LiveSession] = {
        _room(row, told[row.pk]): row
        for row in rows
        if row.role == SessionRole.PUBLISH and told[row.pk].room
    }
    listening = {room for room, row in last_of.items() if _room_url(row, told[row.pk])}
    if not listening:
        return []
    left = listening - _active_rooms(rows, listening)
    return [
        _of_room(Action.NO_ACTIVE, row, told[row.pk], now)
        for room, row in last_of.items()
        if room in left
    ]


def _told_of(rows: Sequence[LiveSession]) -> dict[Stream, _Told]:
    """One query, however many rows."""
    room = Broadcast.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("main_track_stream_id"),
    ).order_by()
    found = Broadcast.objects.filter(those({_stream(row) for row in rows})).order_by()
    return {
        (application_id, stream_id): _Told(
            *said[:6], *(text or "" for text in said[6:])
        )
        for application_id, stream_id, *said in found.values_list(
            "application_id",
            "stream_id",
            "name",
            "category",
            "meta_data",
            "listener_hook_url",
            "start_time",
            "main_track_stream_id",
            Subquery(room.values("name")),
            Subquery(room.values("category")),
            Subquery(room.values("listener_hook_url")),
        )
    }


def _active_rooms(gone: Sequence[LiveSession], rooms: set[Stream]) -> set[Stream]:
    """Those rooms with a live track that is not of one of the sessions `gone`.

    Their rows are locked first: of two tracks that end at once neither sees that
    the other does.
    """
    list(
        Broadcast.objects.filter(those(rooms))
        .select_for_update(no_key=True)
        .order_by("pk")
        .values_list("pk")
    )
    publisher = LiveSession.objects.filter(
        ~Q(pk__in=[row.pk for row in gone]),
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    active = Broadcast.objects.filter(
        Exists(publisher),
        application__in={application_id for application_id, _ in rooms},
        main_track_stream_id__in={stream_id for _, stream_id in rooms},
    )
    return rooms & set(
        active.order_by().values_list("application_id", "main_track_stream_id")
    )


def _of_stream(
    action: Action, row: LiveSession, told: _Told, now: datetime
) -> Delivery:
    said = _said_of(row, told)
    if action == Action.PUBLISH_TIMEOUT:  # as receivers of Ant Media's know it
        said["metadata"] = json.dumps({"subscriberId": row.subscriber_id})
    elif row.role == SessionRole.PUBLISH:  # thousands of viewers need no copy of it
        said["metadata"] = told.meta_data
    url = told.hook_url or row.application.listener_hook_url
    return _delivery(action, row, row.stream_id, url, said, now)


def _of_track(action: Action, row: LiveSession, told: _Told, now: datetime) -> Delivery:
    return _delivery(
        action, row, row.stream_id, _room_url(row, told), _said_of(row, told), now
    )


def _of_room(action: Action, row: LiveSession, told: _Told, now: datetime) -> Delivery:
    """Of the first track, or of the room itself when none is left."""
    said = {
        "streamName": told.room_name,
        "category": told.room_category,
        "mainTrackId": told.room,
        "roomId": told.room,
    }
    stream_id = told.room
    if action == Action.FIRST_ACTIVE:
        stream_id = row.stream_id
        said["subscriberId"] = row.subscriber_id
    return _delivery(action, row, stream_id, _room_url(row, told), said, now)


def _said_of(row: LiveSession, told: _Told) -> dict[str, str]:
    return {
        "streamName": told.name,
        "category": told.category,
        "subscriberId": row.subscriber_id,
        "mainTrackId": told.room,
        "roomId": told.room,
    }


def _delivery(
    action: Action,
    row: LiveSession,
    stream_id: str,
    url: str,
    said: dict[str, str],
    now: datetime,
) -> Delivery:
    return Delivery(row.application_id, url, action, stream_id, said, now)


def _room_url(row: LiveSession, told: _Told) -> str:
    return told.room_hook_url or row.application.listener_hook_url


def _room(row: LiveSession, told: _Told) -> Stream:
    return row.application_id, told.room


def _stream(row: LiveSession) -> Stream:
    return row.application_id, row.stream_id


def _was_live(row: LiveSession) -> bool:
    return row.started_at is not None or row.restored


def _live_since_ms(row: LiveSession, told: _Told, now: datetime) -> int:
    """A publisher that came back was live before its row's last start."""
    if row.role == SessionRole.PUBLISH and told.start_time_ms:
        return told.start_time_ms
    return to_ms(row.started_at or now)
