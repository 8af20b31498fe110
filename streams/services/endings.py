"""Sessions that an operator or the clock wants ended, though their sockets go on.

Who wants it marks the rows. The process that holds their sockets ends them: told
by a signal when it is this one, otherwise at its next look, a second later at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from streams.clock import Clock
from streams.models import (
    Broadcast,
    Ending,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.services.lookups import find_ended, find_impatient, find_marked
from streams.signals import endings_wanted

MAX_ENDINGS = 500  # of one look; the next one finds the others


@dataclass(frozen=True, slots=True)
class EndingSession:
    """A marked session of this process."""

    session: str
    channel: str  # "" for a publisher that is awaited
    relay: str
    application: str
    stream_id: str
    role: str
    ending: str


def end_sessions(which: Q, ending: Ending) -> int:
    """Those sessions end soon, and their clients are told why.

    Returns:
        How many were marked that were not before.
    """
    # Looked for first: nothing is there to be ended at most looks, and a write
    # would hold up others.
    sessions = LiveSession.objects.filter(which, ending="").order_by()
    keys = list(sessions.values_list("pk", flat=True))
    if not keys:
        return 0
    marked = LiveSession.objects.filter(pk__in=keys, ending="").update(ending=ending)
    if marked:
        transaction.on_commit(lambda: endings_wanted.send(sender=LiveSession))
    return marked


def stop_stream(
    application_id: int, stream_id: str, ending: Ending = Ending.STOPPED
) -> bool:
    """The stream's publisher ends soon, and its viewers with it.

    Returns:
        False when nobody publishes it.
    """
    publisher = Q(
        application=application_id, stream_id=stream_id, role=SessionRole.PUBLISH
    )
    return bool(end_sessions(publisher, ending))


def end_overdue(clock: Clock = timezone.now) -> int:
    """Publishers past their planned end, or silent where that is not allowed."""
    now = clock()
    ended = _end_expired(now) if find_ended(int(now.timestamp())) else 0
    return ended + (_end_silent(now) if find_impatient() else 0)


def wanted_endings(node: str) -> Sequence[EndingSession]:
    """The marked sessions whose sockets the process `node` holds."""
    if not find_marked(node):
        return []
    rows = (
        LiveSession.objects.filter(~Q(ending=""), node=node)
        .select_related("application")
        .order_by("pk")
    )
    return [
        EndingSession(
            session=row.pk,
            channel=row.channel,
            relay=row.relay,
            application=row.application.name,
            stream_id=row.stream_id,
            role=row.role,
            ending=row.ending,
        )
        for row in rows[:MAX_ENDINGS]
    ]


def _end_expired(now: datetime) -> int:
    """Only where both dates are set is there an end (contract 7.4)."""
    expired = Broadcast.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        planned_start_date__gt=0,
        planned_end_date__gt=0,
        planned_end_date__lt=int(now.timestamp()),
    )
    return end_sessions(Q(Exists(expired), role=SessionRole.PUBLISH), Ending.NOT_ACTIVE)


def _end_silent(now: datetime) -> int:
    """A publisher that is awaited is silent by right.

    By what its relay last reported, not by the time since: where reports could not
    be written for a while, nobody knows that nothing came.
    """
    silent = Broadcast.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        media_time__gt=0,
        media_time__lt=F("update_time") - F("application__start_timeout_ms"),
    )
    long_live = Q(started_at__lt=now - timedelta(seconds=10))
    return end_sessions(
        Q(
            Exists(silent),
            long_live,
            application__drop_without_packets=True,
            role=SessionRole.PUBLISH,
            state=SessionState.LIVE,
        ),
        Ending.NO_PACKETS,
    )
