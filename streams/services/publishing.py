"""A publisher is let in, or told why not.

What the policy needs is read first, without a lock, so that a refusal writes
nothing, and in the order of its rules, so that it costs few queries. Who then loses
the race for the stream id looks again, and is refused by what the winner wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import IntegrityError
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.credentials import Claim
from streams.models import (
    Application,
    Broadcast,
    SessionRole,
    SessionState,
)
from streams.names import MAX_NAME_LENGTH, is_stream_id
from streams.policy import (
    NO_ROOM,
    AccessDenied,
    Denial,
    PublishFacts,
    decide_limits,
    decide_publish,
)
from streams.services.access import check_access
from streams.services.claiming import Entry, Holder, claim_stream, has_busy_relay
from streams.services.conference import can_be_room, is_in_use_as_room
from streams.services.facts import (
    approval_of,
    room_facts,
    schedule_of,
    server_facts,
)
from streams.services.limits import (
    count_publishers,
    has_limits,
    limit_of,
    room_limits,
)
from streams.services.lookups import (
    find_application,
    find_broadcasts,
    find_node,
    find_publisher,
)
from streams.services.nodes import is_dead
from streams.services.records import Load, PublishGrant, PublishRequest, SocketInfo
from streams.services.refusals import notes_refusals
from streams.services.store import LostRaceError, denies_without_store
from streams.services.text import clean
from streams.webhooks.questions import AuthorisationQuestion, publish_question

ATTEMPTS = 3


@denies_without_store
@notes_refusals(SessionRole.PUBLISH)
def open_publish(
    request: PublishRequest,
    socket: SocketInfo,
    load: Load,
    relays: Sequence[str],
    clock: Clock = timezone.now,
) -> PublishGrant:
    """The socket's new session is the one publisher of the stream, preparing.

    `relays`: names of those that are up. A publisher that was lost comes back to
    its own relay within the return window; a new stream goes to the relay with
    the fewest publishers, of those that take newcomers.

    Raises:
        AccessDenied: nothing was changed.
        ApprovalNeeded: nothing was changed; ask, and call again with the answer.
    """
    if not is_stream_id(request.stream_id):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application) or Application()
    for _ in range(ATTEMPTS):
        entry = _gather(application, request, socket, relays, clock())
        entry = replace(entry, busy_relays=load.busy_relays)
        decide_publish(_facts(entry, load))
        access = check_access(
            entry.application,
            entry.claim,
            socket,
            approval_of(entry.application.publish_webhook_url, request.approval),
            partial(_question, entry),
            entry.now,
        )
        limits = room_limits(
            entry.room, request.stream_id, unusable=_is_unusable_room(entry)
        )
        decide_limits(limits)
        try:
            return claim_stream(entry, access, limited=has_limits(limits))
        except (IntegrityError, LostRaceError):
            continue
    raise AccessDenied(Denial.ID_IN_USE)


def _is_unusable_room(entry: Entry) -> bool:
    return bool(entry.room_id) and not can_be_room(
        entry.application.pk, entry.request.stream_id, entry.room_id, entry.room
    )


def _find_holder(
    application: Application, stream_id: str, now: datetime
) -> Holder | None:
    row = find_publisher(application.pk, stream_id)
    if row is None:
        return None
    parked = row.state == SessionState.PARKED
    if not parked and row.node_id is not None:
        row.node = find_node(row.node_id)
    return Holder(row, parked, dead=not parked and is_dead(row, now))


def _gather(
    application: Application,
    request: PublishRequest,
    socket: SocketInfo,
    relays: Sequence[str],
    now: datetime,
) -> Entry:
    # Joined or named, a room asks for its own tokens: a stream's would otherwise
    # bring it into any.
    room = clean(request.main_track or request.room, MAX_NAME_LENGTH)
    broadcasts = find_broadcasts(application, request.stream_id, room)
    broadcast = broadcasts.get(request.stream_id)
    # One that an operator has put into a room enters it without saying so.
    room_id = room or (broadcast.main_track_stream_id if broadcast is not None else "")
    if room_id and not room:
        broadcasts |= find_broadcasts(application, room_id)
    return Entry(
        application=application,
        request=request,
        socket=socket,
        relays=relays,
        claim=Claim(
            role=SessionRole.PUBLISH,
            stream_id=request.stream_id,
            room=room,
            in_room=_may_enter(broadcast, room),
            token=request.token,
            subscriber_id=request.subscriber_id,
            subscriber_code=request.subscriber_code,
        ),
        holder=_find_holder(application, request.stream_id, now),
        broadcast=broadcast,
        room_id=room_id,
        room=broadcasts.get(room_id),
        now=now,
    )


def _may_enter(broadcast: Broadcast | None, room: str) -> bool:
    """Whether the room's token may bring this id in: a new one, or one of the room.

    Otherwise it would take every stream of the application that is not live.
    """
    return broadcast is None or broadcast.main_track_stream_id == room


def _facts(entry: Entry, load: Load) -> PublishFacts:
    settings, holder = entry.application, entry.holder
    active = holder is not None and holder.active
    own = active and holder is not None and holder.row.channel == entry.socket.channel
    limit = limit_of(settings.publisher_limit)
    return PublishFacts(
        server=server_facts(settings, load, entry.relays),
        codec_enabled=bool(settings.video_codecs),
        published_by_this_socket=own,
        published_by_another=active and not own,
        registered=entry.broadcast is not None and not entry.broadcast.zombi,
        registration_required=settings.accept_only_registered_streams,
        schedule=schedule_of(entry.broadcast),
        now_ms=to_ms(entry.now),
        publishers=0
        if limit is None
        else count_publishers(settings, entry.request.stream_id),
        publisher_limit=limit,
        room=room_facts(settings, entry.room) if entry.room_id else NO_ROOM,
        is_room=holder is None and is_in_use_as_room(entry.broadcast),
        relay_busy=has_busy_relay(entry),
        returning=entry.returns,
    )


def _question(entry: Entry) -> AuthorisationQuestion:
    request = entry.request
    return publish_question(
        entry.application.publish_webhook_url,
        entry.application.webhook_secret,
        application=entry.application.name,
        stream_id=request.stream_id,
        token=request.token,
        subscriber_id=request.subscriber_id,
        subscriber_code=request.subscriber_code,
        meta_data=request.meta_data,
        query_params=entry.socket.query,
    )
