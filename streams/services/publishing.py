"""A publisher is let in, or told why not.

What the policy needs is read first, without a lock, so that a refusal writes
nothing. The write is settled by the constraint of one publisher per stream and by
an UPDATE that only finds the row while nobody else has taken it. Who loses that
race looks again, and is refused by what the winner wrote.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.names import is_stream_id
from streams.policy import (
    AccessDenied,
    Denial,
    PublishFacts,
    Schedule,
    decide_publish,
)
from streams.services.broadcasts import prepare_broadcast
from streams.services.facts import find_application, server_facts
from streams.services.nodes import is_dead
from streams.services.records import Load, PublishGrant, PublishRequest, SocketInfo
from streams.services.sessions import close_rows
from streams.services.store import LostRaceError, denies_without_store
from streams.services.text import clean

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Holder:
    """The publisher row that the stream has already, and what it stands for."""

    row: LiveSession
    parked: bool
    dead: bool  # its process died before it could close the row

    @property
    def active(self) -> bool:
        return not self.parked and not self.dead


@denies_without_store
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
    the fewest publishers.

    Raises:
        AccessDenied: nothing was changed.
    """
    if not is_stream_id(request.stream_id):
        raise AccessDenied(Denial.INVALID_STREAM_ID)
    application = find_application(request.application)
    for _ in range(ATTEMPTS):
        now = clock()
        holder = _find_holder(application, request.stream_id, now)
        decide_publish(_gather(application, request, holder, socket, load, relays, now))
        assert application is not None  # noqa: S101  the policy has refused it
        try:
            return _claim(application, request, holder, socket, relays, now)
        except (IntegrityError, LostRaceError):
            continue
    raise AccessDenied(Denial.ID_IN_USE)


def _find_holder(
    application: Application | None, stream_id: str, now: datetime
) -> _Holder | None:
    row = (
        LiveSession.objects.filter(
            application=application, stream_id=stream_id, role=SessionRole.PUBLISH
        )
        .select_related("node")
        .first()
    )
    if row is None:
        return None
    parked = row.state == SessionState.PARKED
    return _Holder(row, parked, dead=not parked and is_dead(row, now))


def _gather(
    application: Application | None,
    request: PublishRequest,
    holder: _Holder | None,
    socket: SocketInfo,
    load: Load,
    relays: Sequence[str],
    now: datetime,
) -> PublishFacts:
    broadcast = Broadcast.objects.filter(
        application=application, stream_id=request.stream_id
    ).first()
    active = holder is not None and holder.active
    own = active and holder is not None and holder.row.channel == socket.channel
    return PublishFacts(
        server=server_facts(application, load, relays),
        codec_enabled=application is not None and bool(application.video_codecs),
        published_by_this_socket=own,
        published_by_another=active and not own,
        registered=broadcast is not None and not broadcast.zombi,
        registration_required=application is not None
        and application.accept_only_registered_streams,
        schedule=_schedule(broadcast),
        now_ms=to_ms(now),
    )


def _schedule(broadcast: Broadcast | None) -> Schedule:
    if broadcast is None:
        return Schedule()
    return Schedule(
        planned_start_s=broadcast.planned_start_date,
        planned_end_s=broadcast.planned_end_date,
        registered_at_ms=broadcast.date,
        expire_after_ms=broadcast.expire_duration_ms,
    )


def _claim(
    application: Application,
    request: PublishRequest,
    holder: _Holder | None,
    socket: SocketInfo,
    relays: Sequence[str],
    now: datetime,
) -> PublishGrant:
    session = uuid.uuid4().hex
    restored = holder is not None and _can_return(holder, relays, now)
    relay = (
        holder.row.relay
        if holder is not None and restored
        else _least_busy_relay(relays)
    )
    values = _session_values(request, socket, now)
    values |= {"id": session, "relay": relay, "restored": restored}
    with transaction.atomic():
        _write_session(application, request.stream_id, holder, values, now)
        prepare_broadcast(application, request, socket, now, restored=restored)
    return PublishGrant(
        session=session,
        relay=relay,
        restored=restored,
        video_codecs=application.video_codecs,
        start_timeout_ms=application.start_timeout_ms,
        return_window_ms=application.return_window_ms,
        max_bitrate_bps=application.max_publish_bitrate,
    )


def _session_values(
    request: PublishRequest, socket: SocketInfo, now: datetime
) -> dict[str, object]:
    return {
        "state": SessionState.PREPARING,
        "channel": socket.channel,
        "node_id": socket.node,
        "subscriber_id": clean(request.subscriber_id, 255),
        "remote_ip": clean(socket.remote_ip, 64),
        "user_agent": clean(socket.user_agent, 255),
        "created_at": now,
        "started_at": None,
        "parked_until": None,
    }


def _write_session(
    application: Application,
    stream_id: str,
    holder: _Holder | None,
    values: dict[str, object],
    now: datetime,
) -> None:
    """A parked row is taken over, a dead one replaced; otherwise a row is added."""
    if holder is not None and holder.parked:
        _take_over(holder.row, values)
        return
    if holder is not None:
        close_rows(Q(pk=holder.row.pk), now)
    LiveSession.objects.create(
        application=application,
        stream_id=stream_id,
        role=SessionRole.PUBLISH,
        **values,
    )


def _can_return(holder: _Holder, relays: Sequence[str], now: datetime) -> bool:
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
