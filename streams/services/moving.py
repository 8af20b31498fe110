"""Streams that go to another room, or get another role, while they are live.

Locks are taken in one order, as by publishers that enter and leave: the session
first, then rooms, then the stream.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from relay.control import SendData, SetRoom
from streams.models import (
    Broadcast,
    Ending,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.names import is_stream_id
from streams.policy import role_or_default
from streams.services.conference import (
    can_be_room,
    end_empty_rooms,
    enter_room,
    find_place,
    lock_rooms,
)
from streams.services.endings import end_sessions
from streams.services.happenings import tell_entered, tell_left
from streams.services.relays import relay_key, tell_relay
from streams.services.store import LostRaceError


class NotPossibleError(Exception):
    """A request that nothing was changed by; the text says why, for its caller."""


def hold_publisher(
    application_id: int, stream_id: str, main_id: str = ""
) -> LiveSession | None:
    """Who publishes the stream, in whatever state, held until the transaction ends.

    So are the room it is in and the one it may go to, `main_id`.
    """
    if not is_stream_id(stream_id):  # no row can have such an id
        return None
    publisher = (
        LiveSession.objects.filter(
            application=application_id, stream_id=stream_id, role=SessionRole.PUBLISH
        )
        .select_related("application")
        .select_for_update(of=("self",))
        .first()
    )
    if publisher is not None:
        rooms = {room for room in (publisher.room, main_id) if is_stream_id(room)}
        lock_rooms({(application_id, room) for room in rooms})
    return publisher


def move(
    stream: Broadcast, publisher: LiveSession | None, main_id: str, now: datetime
) -> None:
    """The stream is a track of `main_id`, of none for "", and its viewers see it so.

    `publisher`: the one of the stream, held. Called inside a transaction.

    Raises:
        NotPossibleError: that is no main track, or it is live on another relay: all
            of a room are on one. The transaction must be given up.
    """
    if publisher is not None:
        _check(publisher, main_id)
    flows = publisher is not None and _is_flowing(publisher)
    if publisher is not None and flows and stream.main_track_stream_id:
        tell_left(publisher, now)
    stream.main_track_stream_id = main_id
    stream.save(update_fields=["main_track_stream_id"])
    if publisher is None:
        return
    if flows and main_id:
        tell_entered(publisher, now)
    _move_publisher(publisher, main_id, now)
    tell_relay(publisher.relay, set_room(publisher, stream.role))


def change_role(stream: Broadcast, publisher: LiveSession | None) -> None:
    """The live stream has the role that its row says, for its room's viewers too."""
    if publisher is None:
        return
    commands = [set_room(publisher, stream.role)]
    if publisher.room:
        event = {
            "command": "event",
            "eventType": "UPDATE_PARTICIPANT_ROLE",
            "streamId": stream.stream_id,
            "role": role_or_default(stream.role),
        }
        room = relay_key(publisher.application.name, publisher.room)
        tell_relay(publisher.relay, *commands, SendData(room, json.dumps(event)))
        return
    tell_relay(publisher.relay, *commands)


def leave_deleted(
    application_id: int, room_ids: Collection[str], stream_ids: Collection[str]
) -> None:
    """Rooms that are about to be deleted are over for who is in them.

    Their viewers end soon. Their streams go on without a room, apart from those
    that are deleted too, `stream_ids`.
    """
    inside = LiveSession.objects.filter(application=application_id, room__in=room_ids)
    if not inside.exists():
        return
    end_sessions(
        Q(application=application_id, room__in=room_ids, role=SessionRole.PLAY),
        Ending.ROOM_ENDED,
    )
    publishers = list(
        inside.filter(role=SessionRole.PUBLISH)
        .exclude(stream_id__in=stream_ids)
        .select_related("application")
        .select_for_update(of=("self",))
    )
    for publisher in publishers:
        publisher.room = ""
        tell_relay(publisher.relay, set_room(publisher, ""))
    keys = [publisher.pk for publisher in publishers]
    LiveSession.objects.filter(pk__in=keys).update(room="", brought=False)


def set_room(publisher: LiveSession, role: str) -> SetRoom:
    """What a relay is told of the room that the publisher is in by its row."""
    application = publisher.application.name
    return SetRoom(
        stream=relay_key(application, publisher.stream_id),
        room=relay_key(application, publisher.room) if publisher.room else "",
        role=role_or_default(role),
    )


def _check(publisher: LiveSession, main_id: str) -> None:
    """Raises NotPossibleError."""
    if not _is_flowing(publisher):
        raise NotPossibleError("The stream is just starting: try again")
    if not main_id:
        return
    key = publisher.application_id
    main = Broadcast.objects.filter(application=key, stream_id=main_id).first()
    if not can_be_room(key, publisher.stream_id, main_id, main):
        raise NotPossibleError("The main track is a live stream itself")
    place = find_place(key, main_id, None, without=publisher.pk)
    if place.relay not in ("", publisher.relay):
        raise NotPossibleError(
            "The stream is live on another relay than the main track: it can only "
            "be published into it anew"
        )


def _move_publisher(publisher: LiveSession, main_id: str, now: datetime) -> None:
    key, left = publisher.application_id, publisher.room
    publisher.room = main_id
    publisher.brought = False
    publisher.save(update_fields=["room", "brought"])
    if main_id:
        try:
            enter_room(publisher.application, main_id, None, now)
        except LostRaceError as error:
            raise NotPossibleError("Main track not found") from error
    if left and left != main_id:
        end_empty_rooms({(key, left)}, now)


def _is_flowing(publisher: LiveSession) -> bool:
    """As `lookups.FLOWING`, of a row that is at hand."""
    return publisher.state != SessionState.PREPARING or publisher.restored
