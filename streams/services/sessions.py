"""Ends and turns of live sessions. Each is settled by what a query changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from streams.clock import Clock
from streams.models import LiveSession, SessionRole, SessionState
from streams.services.admissions import release
from streams.services.broadcasts import (
    finish_broadcasts,
    leave_rooms,
    start_broadcast,
    touch_broadcast,
)
from streams.services.conference import end_empty_rooms, lock_rooms
from streams.services.happenings import tell_ended, tell_started
from streams.services.records import LostSession, SocketSession, StartedSession


def mark_started(session: str, clock: Clock = timezone.now) -> StartedSession | None:
    """Media flows: the session is live, and a publisher's broadcast with it.

    Nothing is returned for a session that is unknown or started already: its
    event is stale and must have no effect.
    """
    now = clock()
    with transaction.atomic():
        row = _locked(Q(pk=session)).first()
        if row is None or row.state != SessionState.PREPARING:
            return None
        row.state = SessionState.LIVE
        row.started_at = now
        row.save(update_fields=["state", "started_at"])
        if row.role == SessionRole.PUBLISH:
            start_broadcast(
                row.application_id, row.stream_id, now, restored=row.restored
            )
        tell_started(row, now)
    return StartedSession(
        session=row.pk,
        application=row.application.name,
        stream_id=row.stream_id,
        role=row.role,
        restored=row.restored,
        channel=row.channel,
        subscriber_id=row.subscriber_id,
    )


def close_session(session: str, reason: str = "", clock: Clock = timezone.now) -> bool:
    """The session is gone, and with a publisher its stream; idempotent.

    `reason`: for the audit; happenings.PUBLISH_TIMEOUT is told to webhooks too.

    Returns:
        False when it was gone before.
    """
    return bool(close_rows(Q(pk=session), clock(), reason))


def park_session(session: str, clock: Clock = timezone.now) -> bool:
    """A live publisher without a connection: its stream waits for its return.

    Returns:
        False when there is no such live publisher.
    """
    now = clock()
    with transaction.atomic():
        row = _locked(Q(pk=session, role=SessionRole.PUBLISH)).first()
        if row is None or not _can_wait(row):
            return False
        _park(row, now)
    return True


def close_parked(stream: str, session: str, clock: Clock = timezone.now) -> bool:
    """The return window of a stream is over, unless its publisher is back.

    `stream`: "<application>/<stream id>", as relays name it.

    Returns:
        False when the row is not that parked session any more.
    """
    application, _, stream_id = stream.partition("/")
    parked = Q(
        pk=session,
        state=SessionState.PARKED,
        application__name=application,
        stream_id=stream_id,
    )
    return bool(close_rows(parked, clock(), "not_returned"))


def close_socket(channel: str, clock: Clock = timezone.now) -> list[SocketSession]:
    """Nothing belongs to a lost socket any more.

    Viewers and publishers that never were live are closed; live publishers are
    parked. What was done is returned, for the relays to be told.
    """
    if not channel:
        return []
    now = clock()
    with transaction.atomic():
        rows = list(_locked(Q(channel=channel)))
        waiting = [row for row in rows if _can_wait(row)]
        for row in waiting:
            _park(row, now)
        parked = {row.pk for row in waiting}
        _delete([row for row in rows if row.pk not in parked], now, "socket_closed")
    return [
        SocketSession(
            session=row.pk,
            relay=row.relay,
            application=row.application.name,
            stream_id=row.stream_id,
            role=row.role,
            parked=row.pk in parked,
        )
        for row in rows
    ]


def close_relay(
    relay: str, clock: Clock = timezone.now, lost_at: datetime | None = None
) -> list[LostSession]:
    """Every session of a relay that died is closed, every stream of it finished.

    `lost_at`: later ones are of the relay's next life.
    """
    if not relay:  # peers and participants have none
        return []
    which = Q(relay=relay)
    if lost_at is not None:
        which &= Q(created_at__lte=lost_at)
    return as_lost(close_rows(which, clock(), "relay_lost"))


def close_rows(which: Q, now: datetime, reason: str = "") -> list[LiveSession]:
    """Those sessions are closed, and the streams of their publishers ended.

    `reason`: for the audit, where a row does not say itself why it was to end.

    Returns:
        The rows that this call removed, and nobody else.
    """
    with transaction.atomic():
        rows = list(_locked(which))
        _delete(rows, now, reason)
    return rows


def as_lost(rows: Sequence[LiveSession]) -> list[LostSession]:
    return [
        LostSession(
            session=row.pk,
            channel=row.channel,
            application=row.application.name,
            stream_id=row.stream_id,
            role=row.role,
            room=row.room if row.role == SessionRole.PUBLISH else "",
        )
        for row in rows
    ]


def _locked(which: Q) -> QuerySet[LiveSession, LiveSession]:
    """Rows that nobody else changes until the transaction ends.

    SQLite has one writer at a time instead of row locks. `no_key` would not do:
    a publisher's return changes the key.
    """
    return (
        LiveSession.objects.filter(which)
        .select_related("application")
        .select_for_update(of=("self",))
    )


def _can_wait(row: LiveSession) -> bool:
    """Whether a publisher has a stream that can wait for it.

    One that had just come back has, even if its own media had not yet arrived.
    """
    return row.role == SessionRole.PUBLISH and (
        row.state == SessionState.LIVE
        or (row.state == SessionState.PREPARING and row.restored)
    )


def _park(row: LiveSession, now: datetime) -> None:
    row.state = SessionState.PARKED
    row.channel = ""
    row.parked_until = now + timedelta(milliseconds=row.application.return_window_ms)
    row.save(update_fields=["state", "channel", "parked_until"])
    touch_broadcast(row.application_id, row.stream_id, now)
    release([row], now)


def _delete(rows: Sequence[LiveSession], now: datetime, reason: str) -> None:
    if not rows:
        return
    publishers = [row for row in rows if row.role == SessionRole.PUBLISH]
    rooms = {(row.application_id, row.room) for row in publishers if row.room}
    lock_rooms(rooms)
    tell_ended(rows, reason, now)  # while their broadcasts exist
    LiveSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
    release(rows, now)
    leave_rooms(
        (row.application_id, row.stream_id, row.room)
        for row in publishers
        if row.brought
    )
    finish_broadcasts(((row.application_id, row.stream_id) for row in publishers), now)
    end_empty_rooms(rooms, now)
