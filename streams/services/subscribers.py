"""Subscribers of streams: registered, listed, blocked (contract 7.2, 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.credentials import StoredSubscriber, current_code
from streams.models import (
    Application,
    BlockedType,
    CredentialType,
    Ending,
    LiveSession,
    SessionState,
    Subscriber,
)
from streams.services.endings import end_sessions

MAX_BLOCK_S = 100 * 365 * 86_400


class SubscriberChanges(TypedDict, total=False):
    """Fields to set; what is not named stays, or has the model's default."""

    subscriber_name: str
    type: str
    b32_secret: str
    totp_period_s: int | None
    concurrent_connections_limit: int
    blocked_type: str
    blocked_until_ms: int


@dataclass(frozen=True, slots=True)
class SubscriberState:
    """A subscriber and what it does now."""

    subscriber: Subscriber
    connections: int
    hostname: str  # of a process that serves one of them; "" without any

    @property
    def connected(self) -> bool:
        return self.connections > 0


def save_subscriber(
    application: Application,
    stream_id: str,
    subscriber_id: str,
    changes: SubscriberChanges,
    clock: Clock = timezone.now,
) -> Subscriber:
    """The subscriber exists and has these fields; one that is blocked now is cut.

    Raises:
        ValidationError: with the names of the model's fields; nothing is changed.
    """
    rows = _rows(application, stream_id, subscriber_id)
    draft = rows.first() or Subscriber(
        application=application, stream_id=stream_id, subscriber_id=subscriber_id
    )
    for name, value in changes.items():
        setattr(draft, name, value)
    draft.full_clean(validate_unique=False, validate_constraints=False)
    with transaction.atomic():
        saved, _ = Subscriber.objects.update_or_create(
            application=application,
            stream_id=stream_id,
            subscriber_id=subscriber_id,
            defaults=changes,
        )
        _cut_blocked(saved, clock())
    return saved


def block_subscriber(
    application: Application,
    stream_id: str,
    subscriber_id: str,
    seconds: int,
    type: str,
    clock: Clock = timezone.now,
) -> Subscriber:
    """Nobody publishes or plays as this subscriber for `seconds`; 0 ends a block.

    An unknown one gets a row, of the type that forbids nothing beyond the block.

    Raises:
        ValidationError: `type` is no BlockedType, or a value does not fit.
    """
    if type not in BlockedType:
        raise ValidationError({"blocked_type": "Use publish, play or publish_play."})
    if not 0 <= seconds <= MAX_BLOCK_S:
        raise ValidationError({"blocked_until_ms": f"Use 0 to {MAX_BLOCK_S} seconds."})
    now = clock()
    changes = SubscriberChanges(
        blocked_type=type if seconds else "",
        blocked_until_ms=to_ms(now) + seconds * 1000 if seconds else 0,
    )
    if not _rows(application, stream_id, subscriber_id).exists():
        changes["type"] = CredentialType.PUBLISH
    return save_subscriber(
        application, stream_id, subscriber_id, changes, clock=lambda: now
    )


def list_subscribers(
    application: Application, stream_id: str, page: slice
) -> list[SubscriberState]:
    """The stream's subscribers by id, with what is counted of their sessions."""
    rows = Subscriber.objects.filter(application=application, stream_id=stream_id)
    return _with_sessions(application, stream_id, rows[page])


def delete_subscriber(
    application: Application, stream_id: str, subscriber_id: str
) -> bool:
    return bool(_rows(application, stream_id, subscriber_id).delete()[0])


def delete_subscribers(application: Application, stream_id: str) -> int:
    """The stream has no subscribers any more; how many there were."""
    rows = Subscriber.objects.filter(application=application, stream_id=stream_id)
    return rows.delete()[0]


def subscriber_code(
    application: Application,
    stream_id: str,
    subscriber_id: str,
    type: str = "",
    clock: Clock = timezone.now,
) -> str:
    """The code that lets the subscriber in now. No type: the one it has.

    Raises:
        ValueError: there is no secret, or it could not be let in with any code.
    """
    row = _rows(application, stream_id, subscriber_id).first()
    role = type or (row.type if row is not None else CredentialType.PLAY.value)
    if role not in CredentialType:
        raise ValueError("type: use publish or play")
    if row is not None and row.type not in (CredentialType.PUBLISH, role):
        raise ValueError("this subscriber may only play")
    stored = (
        StoredSubscriber(row.type, row.b32_secret, row.totp_period_s) if row else None
    )
    return current_code(
        subscriber_id,
        stream_id,
        role,
        stored,
        application.totp_secret_play
        if role == CredentialType.PLAY
        else application.totp_secret_publish,
        application.totp_period_s,
        int(clock().timestamp()),
    )


def _rows(
    application: Application, stream_id: str, subscriber_id: str
) -> QuerySet[Subscriber]:
    return Subscriber.objects.filter(
        application=application, stream_id=stream_id, subscriber_id=subscriber_id
    )


def _cut_blocked(subscriber: Subscriber, now: datetime) -> None:
    """Sessions in a role that is blocked now end."""
    roles = [role for role in CredentialType if subscriber.is_blocked(role, now)]
    if roles:
        end_sessions(
            Q(
                application=subscriber.application_id,
                stream_id=subscriber.stream_id,
                subscriber_id=subscriber.subscriber_id,
                role__in=roles,
            ),
            Ending.BLOCKED,
        )


def _with_sessions(
    application: Application, stream_id: str, rows: QuerySet[Subscriber]
) -> list[SubscriberState]:
    counted = (
        LiveSession.objects.filter(
            application=application,
            stream_id=stream_id,
            subscriber_id__in=[row.subscriber_id for row in rows],
            state__in=(SessionState.PREPARING, SessionState.LIVE),
        )
        .order_by()
        .values("subscriber_id")
        .annotate(sessions=Count("pk"), hostname=Max("node__hostname"))
    )
    found = {
        row["subscriber_id"]: (row["sessions"], row["hostname"] or "")
        for row in counted
    }
    return [
        SubscriberState(row, *found.get(row.subscriber_id, (0, ""))) for row in rows
    ]
