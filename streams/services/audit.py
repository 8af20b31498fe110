"""Connection events: who came, went and was refused (contract 7.2).

Events of sessions are written in the transaction that changes the session.
Refusals come in batches, see `streams.refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from streams.clock import to_ms
from streams.models import Application, ConnectionEvent, EventType, LiveSession
from streams.refusals import Refusal, RefusalKey

GROUP_WITHIN_MS = 60_000
BATCH = 5_000  # rows of one DELETE, so that none holds up commands for long
_UPDATE_BATCH = 500


def write_connected(row: LiveSession, now: datetime) -> None:
    """The session was live at `now`. `row.application` is loaded."""
    if row.application.write_connection_events:
        _event(row, EventType.CONNECTED, now).save(force_insert=True)


def write_disconnected(
    rows: Iterable[LiveSession],
    live_since_ms: Mapping[str, int],
    reason: str,
    now: datetime,
) -> None:
    """The sessions ended at `now`; one statement for all of them.

    `live_since_ms`: by session. A session that was told to end says why itself.
    """
    events = []
    for row in rows:
        if not row.application.write_connection_events:
            continue
        event = _event(row, EventType.DISCONNECTED, now)
        event.duration_ms = max(0, event.timestamp - live_since_ms[row.pk])
        event.reason = row.ending or reason
        events.append(event)
    ConnectionEvent.objects.bulk_create(events)


def _event(row: LiveSession, event_type: EventType, now: datetime) -> ConnectionEvent:
    return ConnectionEvent(
        application_id=row.application_id,
        stream_id=row.stream_id,
        subscriber_id=row.subscriber_id,
        event_type=event_type,
        type=row.role,
        timestamp=to_ms(now),
        remote_ip=row.remote_ip,
        session=row.pk,
        instance=row.node_id or "",
    )


def write_refusals(batch: Sequence[Refusal], node: str) -> int:
    """Refusals of the process `node` are events; equal ones in a row are one.

    "In a row": within a minute of the last. Each process has rows of its own, so
    that no count is lost between two of them.

    Returns:
        How many rows were written.
    """
    kept = _writable(batch)
    if not kept:
        return 0
    earlier = _earlier_rows(kept, node)
    again: list[ConnectionEvent] = []
    new: list[ConnectionEvent] = []
    for (application_id, key), refusal in kept.items():
        row = earlier.get((application_id, key))
        if row is None or row.timestamp < refusal.timestamp_ms - GROUP_WITHIN_MS:
            new.append(_refused(application_id, refusal, node))
            continue
        row.count += refusal.count
        row.timestamp = max(row.timestamp, refusal.timestamp_ms)
        again.append(row)
    with transaction.atomic():
        ConnectionEvent.objects.bulk_update(
            again, ["count", "timestamp"], batch_size=_UPDATE_BATCH
        )
        ConnectionEvent.objects.bulk_create(new, batch_size=_UPDATE_BATCH)
    return len(again) + len(new)


def _writable(batch: Sequence[Refusal]) -> dict[tuple[int, RefusalKey], Refusal]:
    """Those of applications that exist and keep events, with their keys."""
    names = {refusal.key.application for refusal in batch}
    keeping = dict(
        Application.objects.filter(name__in=names, write_connection_events=True)
        .order_by()
        .values_list("name", "pk")
    )
    return {
        (keeping[refusal.key.application], refusal.key): refusal
        for refusal in batch
        if refusal.key.application in keeping
    }


def _earlier_rows(
    kept: Mapping[tuple[int, RefusalKey], Refusal], node: str
) -> dict[tuple[int, RefusalKey], ConnectionEvent]:
    """The last row of each of those refusals, if it is of the last minute."""
    since = min(refusal.timestamp_ms for refusal in kept.values()) - GROUP_WITHIN_MS
    names = {application_id: key.application for application_id, key in kept}
    rows = ConnectionEvent.objects.filter(
        application__in=names,
        stream_id__in={key.stream_id for _, key in kept},
        event_type=EventType.REFUSED,
        instance=node,
        timestamp__gte=since,
    )
    return {
        (
            row.application_id,
            RefusalKey(
                application=names[row.application_id],
                reason=row.reason,
                stream_id=row.stream_id,
                role=row.type,
                subscriber_id=row.subscriber_id,
                remote_ip=row.remote_ip,
            ),
        ): row
        for row in rows.order_by("timestamp")
    }


def _refused(application_id: int, refusal: Refusal, node: str) -> ConnectionEvent:
    key = refusal.key
    return ConnectionEvent(
        application_id=application_id,
        stream_id=key.stream_id,
        subscriber_id=key.subscriber_id,
        event_type=EventType.REFUSED,
        type=key.role,
        timestamp=refusal.timestamp_ms,
        reason=key.reason,
        count=refusal.count,
        remote_ip=key.remote_ip,
        instance=node,
    )


def purge_events(now: datetime | None = None) -> int:
    """Events older than their application keeps them are gone.

    Returns:
        How many they were.
    """
    now = now or timezone.now()
    purged = 0
    for application in Application.objects.only("pk", "connection_event_days"):
        kept_from = now - timedelta(days=application.connection_event_days)
        old = ConnectionEvent.objects.filter(
            application=application.pk, timestamp__lt=to_ms(kept_from)
        )
        while keys := list(old.order_by("timestamp").values_list("pk")[:BATCH]):
            purged += ConnectionEvent.objects.filter(
                pk__in=[key for (key,) in keys]
            ).delete()[0]
    return purged
