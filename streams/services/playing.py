"""A viewer is let in, or told why not. Three queries, for joins come in storms."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from streams.clock import Clock
from streams.models import Application, LiveSession, SessionRole, SessionState
from streams.names import is_stream_id
from streams.policy import AccessDenied, Denial, PlayFacts, decide_play
from streams.services.facts import find_application, server_facts
from streams.services.records import Load, PlayGrant, PlayRequest, SocketInfo
from streams.services.store import denies_without_store
from streams.services.text import clean

ATTEMPTS = 3

# A publisher whose media flows, or whose stream waits for its return, or is about
# to go on with it: in the last case its row is preparing again.
FLOWING = Q(state__in=(SessionState.LIVE, SessionState.PARKED)) | Q(
    state=SessionState.PREPARING, restored=True
)


@dataclass(frozen=True, slots=True)
class _Rows:
    publisher: LiveSession | None
    earlier: LiveSession | None  # this socket's own session with the stream


@denies_without_store
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
    """
    if not is_stream_id(request.stream_id):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application)
    for _ in range(ATTEMPTS):
        rows = _find_rows(application, request.stream_id, socket.channel, relays)
        decide_play(
            PlayFacts(
                server=server_facts(application, load, relays),
                played_by_this_socket=rows.earlier is not None,
                once_per_session=application is not None
                and application.play_once_per_session,
                streaming=rows.publisher is not None,
            )
        )
        assert application is not None  # noqa: S101  the policy has refused it
        assert rows.publisher is not None  # noqa: S101
        try:
            return _join(application, request, socket, rows, clock)
        except IntegrityError:
            continue  # the same socket's other command was first
    raise AccessDenied(Denial.ALREADY_PLAYING)


def _find_rows(
    application: Application | None,
    stream_id: str,
    channel: str,
    relays: Sequence[str],
) -> _Rows:
    """One query for both. A publisher on a relay that is down does not count."""
    publisher: LiveSession | None = None
    earlier: LiveSession | None = None
    found = LiveSession.objects.filter(
        Q(role=SessionRole.PUBLISH, relay__in=relays) & FLOWING
        | Q(role=SessionRole.PLAY, channel=channel),
        application=application,
        stream_id=stream_id,
    )
    for row in found.order_by():
        if row.role == SessionRole.PUBLISH:
            publisher = row
        else:
            earlier = row
    return _Rows(publisher, earlier)


def _join(
    application: Application,
    request: PlayRequest,
    socket: SocketInfo,
    rows: _Rows,
    clock: Clock,
) -> PlayGrant:
    assert rows.publisher is not None  # noqa: S101
    session = uuid.uuid4().hex
    with transaction.atomic():
        if rows.earlier is not None:
            LiveSession.objects.filter(pk=rows.earlier.pk).delete()
        LiveSession.objects.create(
            id=session,
            application=application,
            stream_id=request.stream_id,
            role=SessionRole.PLAY,
            channel=socket.channel,
            node_id=socket.node,
            relay=rows.publisher.relay,
            subscriber_id=clean(request.subscriber_id, 255),
            viewer_info=clean(request.viewer_info, 255),
            remote_ip=clean(socket.remote_ip, 64),
            user_agent=clean(socket.user_agent, 255),
            created_at=clock(),
        )
    return PlayGrant(
        session=session,
        relay=rows.publisher.relay,
        start_timeout_ms=application.start_timeout_ms,
    )
