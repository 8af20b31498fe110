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

from streams.credentials import Claim
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.services.access import Access, hold_subscriber, settle
from streams.services.broadcasts import prepare_broadcast
from streams.services.facts import lock_limits
from streams.services.happenings import tell_ended
from streams.services.limits import (
    count_publishers,
    limit_of,
    lose_unless,
    room_limits,
)
from streams.services.records import PublishGrant, PublishRequest, SocketInfo
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


def claim_stream(entry: Entry, access: Access, *, limited: bool) -> PublishGrant:
    """The stream id is the socket's; its session is written, its token used up.

    `limited`: something is counted that others may be taking a place of.

    Raises:
        LostRaceError, IntegrityError: another was first; nothing was changed.
    """
    application, holder = entry.application, entry.holder
    session = uuid.uuid4().hex
    restored = holder is not None and _can_return(holder, entry.relays, entry.now)
    relay = (
        holder.row.relay
        if holder is not None and restored
        else _least_busy_relay(entry.relays)
    )
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
        prepare_broadcast(
            application, entry.request, entry.socket, entry.now, restored=restored
        )
        settle(access, application, entry.claim, entry.socket, session)
    return PublishGrant(
        session=session,
        room=entry.room_id,
        relay=relay,
        restored=restored,
        video_codecs=application.video_codecs,
        start_timeout_ms=application.start_timeout_ms,
        return_window_ms=application.return_window_ms,
        max_bitrate_bps=application.max_publish_bitrate,
    )


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
        "room": _entered_room(entry),
    }


def _entered_room(entry: Entry) -> str:
    """The room that the broadcast is in for as long as this publisher is."""
    broadcast, holder = entry.broadcast, entry.holder
    if holder is not None and holder.row.room == entry.room_id:
        return entry.room_id
    is_in = broadcast is not None and broadcast.main_track_stream_id == entry.room_id
    return "" if is_in else entry.room_id


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
        return
    if holder is not None:
        close_rows(Q(pk=holder.row.pk), now, "process_ended")
    LiveSession.objects.create(
        application=application,
        stream_id=stream_id,
        role=SessionRole.PUBLISH,
        **values,
    )


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
