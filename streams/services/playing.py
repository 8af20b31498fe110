"""A viewer is let in, or told why not. Four queries, for joins come in storms."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.credentials import Claim
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
)
from streams.names import MAX_NAME_LENGTH, is_stream_id
from streams.policy import (
    NO_ROOM,
    AccessDenied,
    Denial,
    PlayFacts,
    decide_limits,
    decide_play,
)
from streams.services.access import (
    Access,
    check_access,
    hold_subscriber,
    settle,
)
from streams.services.facts import (
    approval_of,
    lock_limits,
    room_facts,
    server_facts,
)
from streams.services.limits import has_limits, lose_unless, viewer_limits
from streams.services.lookups import (
    find_application,
    find_broadcasts,
    find_sessions,
)
from streams.services.records import Load, PlayGrant, PlayRequest, SocketInfo
from streams.services.refusals import notes_refusals
from streams.services.sessions import close_rows
from streams.services.store import LostRaceError, denies_without_store
from streams.services.text import clean
from streams.webhooks.questions import AuthorisationQuestion, play_question

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Entry:
    """All that is known of one who wants to play."""

    application: Application
    request: PlayRequest
    socket: SocketInfo
    claim: Claim
    publisher: LiveSession | None
    earlier: LiveSession | None  # this socket's own session with the stream
    broadcast: Broadcast | None
    room: Broadcast | None
    now: datetime


@denies_without_store
@notes_refusals(SessionRole.PLAY)
def open_play(
    request: PlayRequest,
    socket: SocketInfo,
    load: Load,
    relays: Sequence[str],
    clock: Clock = timezone.now,
) -> PlayGrant:
    """The socket's new session is a viewer of the stream, preparing.

    Where a socket may play a stream again, the new session replaces the earlier.

    Raises:
        AccessDenied: nothing was changed.
        ApprovalNeeded: nothing was changed; ask, and call again with the answer.
    """
    if not is_stream_id(request.stream_id):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application) or Application()
    for _ in range(ATTEMPTS):
        entry = _gather(application, request, socket, relays, clock())
        decide_play(
            PlayFacts(
                server=server_facts(application, load, relays),
                played_by_this_socket=entry.earlier is not None,
                once_per_session=entry.application.play_once_per_session,
                streaming=entry.publisher is not None,
                now_ms=to_ms(entry.now),
                room=room_facts(entry.application, entry.room)
                if entry.claim.room
                else NO_ROOM,
            )
        )
        access = check_access(
            entry.application,
            entry.claim,
            socket,
            approval_of(entry.application.play_webhook_url, request.approval),
            partial(_question, entry),
            entry.now,
        )
        limits = viewer_limits(entry.application, entry.broadcast, socket)
        decide_limits(limits)
        try:
            return _join(entry, access, limited=has_limits(limits))
        except (IntegrityError, LostRaceError):
            continue
    raise AccessDenied(Denial.ALREADY_PLAYING)


def _gather(
    application: Application,
    request: PlayRequest,
    socket: SocketInfo,
    relays: Sequence[str],
    now: datetime,
) -> _Entry:
    publisher, earlier = find_sessions(application, request.stream_id, socket.channel)
    if publisher is not None and publisher.relay not in relays:
        publisher = None  # its relay is down
    room = clean(request.room, MAX_NAME_LENGTH)
    broadcasts: dict[str, Broadcast] = {}
    if publisher is not None:  # otherwise there is nothing to be let in to
        broadcasts = find_broadcasts(application, request.stream_id, room)
    broadcast = broadcasts.get(request.stream_id)
    return _Entry(
        application=application,
        request=request,
        socket=socket,
        claim=Claim(
            role=SessionRole.PLAY,
            stream_id=request.stream_id,
            room=room,
            plays_room=broadcast is not None and broadcast.virtual,
            in_room=_is_in_room(broadcast, room),
            token=request.token,
            subscriber_id=request.subscriber_id,
            subscriber_code=request.subscriber_code,
        ),
        publisher=publisher,
        earlier=earlier,
        broadcast=broadcast,
        room=broadcasts.get(room),
        now=now,
    )


def _is_in_room(broadcast: Broadcast | None, room: str) -> bool:
    """Whether the stream is a participant of the room, or the room itself."""
    if broadcast is None:
        return False
    return room in (broadcast.stream_id, broadcast.main_track_stream_id)


def _question(entry: _Entry) -> AuthorisationQuestion:
    request = entry.request
    return play_question(
        entry.application.play_webhook_url,
        entry.application.webhook_secret,
        application=entry.application.name,
        stream_id=request.stream_id,
        token=request.token,
        subscriber_id=request.subscriber_id,
        subscriber_code=request.subscriber_code,
        origin=entry.socket.origin,
    )


def _join(entry: _Entry, access: Access, *, limited: bool) -> PlayGrant:
    """Raises LostRaceError: the token or the last place was taken meanwhile."""
    application, request, socket = entry.application, entry.request, entry.socket
    assert entry.publisher is not None  # noqa: S101  the policy has refused it
    session = uuid.uuid4().hex
    with transaction.atomic():
        if limited or access.connection_limit is not None:
            lock_limits(application)
            lose_unless(viewer_limits(application, entry.broadcast, socket))
        hold_subscriber(application, entry.claim, entry.now)
        if entry.earlier is not None:
            close_rows(Q(pk=entry.earlier.pk), entry.now, "replaced")
        LiveSession.objects.create(
            id=session,
            application=application,
            stream_id=request.stream_id,
            role=SessionRole.PLAY,
            channel=socket.channel,
            node_id=socket.node,
            relay=entry.publisher.relay,
            subscriber_id=clean(request.subscriber_id, 255),
            subscriber_name=clean(request.subscriber_name, 255),
            viewer_info=clean(request.viewer_info, 255),
            remote_ip=clean(socket.remote_ip, 64),
            user_agent=clean(socket.user_agent, 255),
            admitted=access.admitted,
            created_at=entry.now,
        )
        settle(access, application, entry.claim, socket, session)
    return PlayGrant(
        session=session,
        relay=entry.publisher.relay,
        start_timeout_ms=application.start_timeout_ms,
    )
