"""A publisher that was let in takes the stream id, or finds that another was first.

Settled by the constraint of one publisher per stream, and by an UPDATE that only
finds a waiting row while nobody else has taken it over.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q

from relay.control import Distribution, EndStream
from streams.credentials import Claim
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.models.conference import MAX_ROLE_LENGTH
from streams.policy import role_or_default
from streams.services.access import Access, hold_subscriber, settle
from streams.services.broadcasts import prepare_broadcast
from streams.services.conference import (
    choose_relay,
    end_empty_rooms,
    enter_room,
    find_place,
    lock_rooms,
)
from streams.services.facts import lock_limits
from streams.services.happenings import tell_ended
from streams.services.ladder import ladder_of
from streams.services.limits import (
    count_publishers,
    limit_of,
    lose_unless,
    room_limits,
)
from streams.services.records import PublishGrant, PublishRequest, SocketInfo
from streams.services.relays import relay_key, tell_relay
from streams.services.sessions import close_rows
from streams.services.store import LostRaceError
from streams.services.text import clean


@dataclass(frozen=True, slots=True)
class Holder:
    """The publisher row that the stream has already, and what it stands for."""

    row: LiveSession
    parked: bool
    dead: bool  # its process died before it could close the row

    @property
    def active(self) -> bool:
        return not self.parked and not self.dead


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is known of one who wants to publish."""

    application: Application
    request: PublishRequest
    socket: SocketInfo
    relays: Sequence[str]
    claim: Claim
    holder: Holder | None
    broadcast: Broadcast | None
    room_id: str  # that it enters; "" for none
    room: Broadcast | None
    now: datetime
    busy_relays: frozenset[str] = frozenset()

    @property
    def returns(self) -> bool:
        """Whether its stream waits for it, in the room that it comes for."""
        holder = self.holder
        return (
            holder is not None
            and holder.row.room == self.room_id
            and _can_return(holder, self.relays, self.now)
        )

    @property
    def free_relays(self) -> Sequence[str]:
        """Those that take newcomers."""
        return [relay for relay in self.relays if relay not in self.busy_relays]

    @property
    def role(self) -> str:
        """What an operator has entered stays where the publisher says nothing."""
        said = clean(self.request.role, MAX_ROLE_LENGTH)
        stored = self.broadcast.role if self.broadcast is not None else ""
        return role_or_default(said or stored)


def claim_stream(entry: Entry, access: Access, *, limited: bool) -> PublishGrant:
    """The stream id is the socket's; its session is written, its token used up.

    `limited`: something is counted that others may be taking a place of.

    Raises:
        LostRaceError, IntegrityError: another was first; nothing was changed.
    """
    application, holder = entry.application, entry.holder
    session = uuid.uuid4().hex
    relay, restored = _choose_relay(entry)
    values = _session_values(entry) | {
        "id": session,
        "relay": relay,
        "restored": restored,
        "admitted": access.admitted,
    }
    with transaction.atomic():
        _lock_and_look_again(entry, access, limited=limited)
        hold_subscriber(application, entry.claim, entry.now)
        _write_session(application, entry.request.stream_id, holder, values, entry.now)
        if not (restored and holder and holder.row.room == entry.room_id):
            _change_rooms(entry, session, relay)
        prepare_broadcast(
            application,
            entry.request,
            entry.socket,
            entry.now,
            restored=restored,
            seen_status=entry.broadcast.status
            if entry.broadcast is not None and holder is None
            else "",
        )
        settle(access, application, entry.claim, entry.socket, session)
    return PublishGrant(
        session=session,
        room=entry.room_id,
        role=entry.role,
        relay=relay,
        restored=restored,
        video_codecs=application.video_codecs,
        start_timeout_ms=application.start_timeout_ms,
        return_window_ms=application.return_window_ms,
        max_bitrate_bps=application.max_publish_bitrate,
        data_channels=application.data_channel_enabled,
        distribution=Distribution(application.data_channel_distribution),
        encoder_settings=ladder_of(application, entry.broadcast),
        tcp_candidates=application.tcp_candidates_enabled,
    )


def _choose_relay(entry: Entry) -> tuple[str, bool]:
    """The relay, and whether the stream waits there for this return.

    All of a room are on one relay. A stream that waits on another one does not go
    on: a new one begins, with its room.
    """
    holder, room_relay = entry.holder, ""
    if entry.room_id:
        room_relay = find_place(entry.application.pk, entry.room_id, entry.relays).relay
    if (
        holder is not None
        and _can_return(holder, entry.relays, entry.now)
        and room_relay in ("", holder.row.relay)
    ):
        return holder.row.relay, True
    free = entry.free_relays or entry.relays
    if not entry.room_id:
        return _least_busy_relay(free), False
    key = relay_key(entry.application.name, entry.room_id)
    return room_relay or choose_relay(key, free), False


def has_busy_relay(entry: Entry) -> bool:
    """Whether a newcomer would have to go to a relay that has enough to do.

    All of a room are on one: another one with room does not help. Without a busy
    relay nothing is looked up.
    """
    if not entry.busy_relays.intersection(entry.relays):
        return False
    if entry.room_id:
        key = entry.application.pk
        place = find_place(key, entry.room_id, entry.relays)
        if place.relay:
            return place.relay in entry.busy_relays
    return not entry.free_relays


def _change_rooms(entry: Entry, session: str, relay: str) -> None:
    """The stream is in its room, and no more in the one it waited in.

    Raises:
        LostRaceError: the room is on another relay by now, or is none.
    """
    application, holder = entry.application, entry.holder
    left = holder.row.room if holder is not None and holder.parked else ""
    if left and left != entry.room_id:
        rooms = {(application.pk, room) for room in (left, entry.room_id)}
        lock_rooms(rooms)
        end_empty_rooms({(application.pk, left)}, entry.now)
    if not entry.room_id:
        return
    enter_room(application, entry.room_id, entry.room, entry.now)
    others = find_place(application.pk, entry.room_id, entry.relays, session)
    if others.relay not in ("", relay):
        raise LostRaceError


def _lock_and_look_again(entry: Entry, access: Access, *, limited: bool) -> None:
    """Where something is counted, one at a time counts and takes a place.

    Raises:
        LostRaceError: the last place was taken meanwhile.
    """
    application, stream_id = entry.application, entry.request.stream_id
    most = limit_of(application.publisher_limit)
    if not limited and most is None and access.connection_limit is None:
        return
    lock_limits(application)
    if most is not None and count_publishers(application, stream_id) >= most:
        raise LostRaceError
    lose_unless(room_limits(entry.room, stream_id))


def _session_values(entry: Entry) -> dict[str, object]:
    request, socket = entry.request, entry.socket
    return {
        "state": SessionState.PREPARING,
        "channel": socket.channel,
        "node_id": socket.node,
        "subscriber_id": clean(request.subscriber_id, 255),
        "remote_ip": clean(socket.remote_ip, 64),
        "user_agent": clean(socket.user_agent, 255),
        "created_at": entry.now,
        "started_at": None,
        "parked_until": None,
        "room": entry.room_id,
        "brought": _is_brought(entry),
    }


def _is_brought(entry: Entry) -> bool:
    """Whether the broadcast is in the room only for as long as this publisher is."""
    broadcast, holder = entry.broadcast, entry.holder
    if not entry.room_id:
        return False
    if holder is not None and holder.row.room == entry.room_id:
        return holder.row.brought
    return broadcast is None or broadcast.main_track_stream_id != entry.room_id


def _write_session(
    application: Application,
    stream_id: str,
    holder: Holder | None,
    values: dict[str, object],
    now: datetime,
) -> None:
    """A parked row is taken over, a dead one replaced; otherwise a row is added."""
    if holder is not None and holder.parked:
        _take_over(holder.row, values)
        if not values["restored"]:  # another stream begins, under the same row
            holder.row.application = application
            tell_ended([holder.row], "not_returned", now)
            _end_at_its_relay(holder.row, str(values["relay"]))
        return
    if holder is not None:
        close_rows(Q(pk=holder.row.pk), now, "process_ended")
    LiveSession.objects.create(
        application=application,
        stream_id=stream_id,
        role=SessionRole.PUBLISH,
        **values,
    )


def _end_at_its_relay(parked: LiveSession, relay: str) -> None:
    """Its viewers do not wait any longer, where the new stream is elsewhere."""
    if parked.relay == relay:
        return
    stream = relay_key(parked.application.name, parked.stream_id)
    tell_relay(parked.relay, EndStream(stream))


def _can_return(holder: Holder, relays: Sequence[str], now: datetime) -> bool:
    until = holder.row.parked_until
    return (
        holder.parked
        and holder.row.relay in relays
        and until is not None
        and now <= until
    )


def _take_over(parked: LiveSession, values: dict[str, object]) -> None:
    """The parked row is this session's, under its new id.

    Raises:
        LostRaceError: another return, or the end of the window, was first.
    """
    waiting = LiveSession.objects.filter(pk=parked.pk, state=SessionState.PARKED)
    if not waiting.update(**values):
        raise LostRaceError


def _least_busy_relay(relays: Sequence[str]) -> str:
    """The relay with the fewest publishers; among equals the first of `relays`."""
    if len(relays) == 1:
        return relays[0]
    counts = dict(
        LiveSession.objects.filter(role=SessionRole.PUBLISH, relay__in=relays)
        .order_by()
        .values_list("relay")
        .annotate(publishers=Count("pk"))
    )
    return min(relays, key=lambda relay: counts.get(relay, 0))
