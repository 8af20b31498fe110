"""A viewer is let in, or told why not. Four queries, for joins come in storms.

Of a room there are two more: where it is, and whether somebody is still in it when
the viewer's row is written.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from relay.control import Distribution
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
    RoomFacts,
    decide_limits,
    decide_play,
    visible_roles,
)
from streams.services.access import (
    Access,
    check_access,
    hold_subscriber,
    settle,
)
from streams.services.conference import find_place, is_in_use_as_room, lock_rooms
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
from streams.services.records import (
    Load,
    PlayGrant,
    PlayRequest,
    RoomView,
    SocketInfo,
)
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
    relay: str  # that the stream, or the room, is on; "" for none
    is_room: bool
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
                streaming=bool(entry.relay),
                now_ms=to_ms(entry.now),
                room=_room_facts(entry),
                relay_busy=entry.relay in load.busy_relays,
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
    room = clean(request.room, MAX_NAME_LENGTH)
    broadcasts = find_broadcasts(application, request.stream_id, room)
    broadcast = broadcasts.get(request.stream_id)
    publisher: LiveSession | None = None
    earlier: LiveSession | None = None
    relay, is_room = "", False
    if broadcast is not None:  # otherwise nobody publishes it, or is in it
        publisher, earlier = find_sessions(
            application, request.stream_id, socket.channel
        )
        is_room = publisher is None and is_in_use_as_room(broadcast)
    if is_room:
        place = find_place(application.pk, request.stream_id, relays)
        relay = place.relay if place.occupied else ""
    elif publisher is not None and publisher.relay in relays:  # else it is down
        relay = publisher.relay
    return _Entry(
        application=application,
        request=request,
        socket=socket,
        claim=Claim(
            role=SessionRole.PLAY,
            stream_id=request.stream_id,
            room=room,
            plays_room=is_room,
            in_room=_is_in_room(broadcast, room),
            token=request.token,
            subscriber_id=request.subscriber_id,
            subscriber_code=request.subscriber_code,
        ),
        relay=relay,
        is_room=is_room,
        earlier=earlier,
        broadcast=broadcast,
        room=broadcasts.get(room),
        now=now,
    )


def _room_facts(entry: _Entry) -> RoomFacts:
    """Of the room that is played, or that a stream is played from."""
    if entry.is_room:
        return room_facts(entry.application, entry.broadcast)
    if entry.claim.room:
        return room_facts(entry.application, entry.room)
    return NO_ROOM


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
    """Raises LostRaceError: the token or the last place was taken meanwhile, or the
    last one has left the room.
    """
    application, request, socket = entry.application, entry.request, entry.socket
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
            relay=entry.relay,
            room=request.stream_id if entry.is_room else "",
            subscriber_id=clean(request.subscriber_id, 255),
            subscriber_name=clean(request.subscriber_name, 255),
            viewer_info=clean(request.viewer_info, 255),
            remote_ip=clean(socket.remote_ip, 64),
            user_agent=clean(socket.user_agent, 255),
            admitted=access.admitted,
            created_at=entry.now,
        )
        if entry.is_room:
            _hold_room(entry)
        settle(access, application, entry.claim, socket, session)
    return PlayGrant(
        session=session,
        relay=entry.relay,
        start_timeout_ms=application.start_timeout_ms,
        return_window_ms=application.return_window_ms,
        data_channels=application.data_channel_enabled,
        distribution=Distribution(application.data_channel_distribution),
        adaptive=application.adaptive_enabled,
        tcp_candidates=application.tcp_candidates_enabled,
        view=_view(application, request.role) if entry.is_room else None,
    )


def _hold_room(entry: _Entry) -> None:
    """Who leaves last from now on finds the viewer's row.

    Raises:
        LostRaceError: nobody is there any more.
    """
    key, room_id = entry.application.pk, entry.request.stream_id
    lock_rooms({(key, room_id)})
    place = find_place(key, room_id, (entry.relay,))
    if not place.occupied:
        raise LostRaceError


def _view(application: Application, role: str) -> RoomView:
    return RoomView(
        sees_roles=visible_roles(application.visibility_matrix, clean(role, 64)),
        video_codecs=application.video_codecs,
        max_video_tracks=application.max_video_track_count,
        max_audio_tracks=application.max_audio_track_count,
        audio_levels=application.send_audio_levels,
        audio_level_threshold=application.audio_level_threshold,
    )
