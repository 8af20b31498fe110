"""The outbox of webhooks: events wait in rows until they are posted.

A row is written in the transaction of the change that it tells of. A process that
wants to post one claims it for CLAIM by moving its next try: whoever finds the
time changed was not the first. If the process dies the claim runs out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.models import DeliveryState, WebhookDelivery
from streams.signals import deliveries_wanted

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=60)  # much longer than a post may take
RETRY_AFTER_S = (5.0, 30.0, 120.0, 600.0, 1800.0)  # the last one again and again
MAX_ATTEMPTS = 10
GIVE_UP_AFTER = timedelta(hours=24)
KEEP = timedelta(days=7)  # of what is delivered or given up
MAX_WAITING = 100_000
BATCH = 5_000  # rows of one statement, so that none holds up commands for long
DUE_LIMIT = 200  # of one look


class Action(StrEnum):
    """What the wire calls the events (contract 8)."""

    STREAM_STARTED = "liveStreamStarted"
    STREAM_ENDED = "liveStreamEnded"
    PLAY_STARTED = "playStarted"
    PLAY_STOPPED = "playStopped"
    PUBLISH_TIMEOUT = "publishTimeoutError"
    ENCODER_NOT_OPENED = "encoderNotOpenedError"
    SUBTRACK_ADDED = "subtrackAddedInTheMainTrack"
    SUBTRACK_LEFT = "subtrackLeftTheMainTrack"
    FIRST_ACTIVE = "firstActiveTrackAddedInMainTrack"
    NO_ACTIVE = "noActiveSubtracksLeftInMainTrack"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for `url`; "" for none. `said`: fields of the body by wire name."""

    application_id: int
    url: str
    action: Action
    stream_id: str
    said: dict[str, str]
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A row whose time has come. `next_try_at` is what a claim compares."""

    id: int
    url: str
    body: dict[str, str]
    secret: str = field(repr=False)
    attempts: int
    created_at: datetime
    next_try_at: datetime


def enqueue(deliveries: Iterable[Delivery]) -> None:
    """Those with an address are posted soon after the commit.

    The body of contract 8; fields that are empty are left out, times are text (ms).
    """
    rows = [
        WebhookDelivery(
            application_id=delivery.application_id,
            url=delivery.url,
            action=delivery.action,
            stream_id=delivery.stream_id,
            body=_body_of(delivery),
            created_at=delivery.happened_at,
            next_try_at=delivery.happened_at,
        )
        for delivery in deliveries
        if delivery.url
    ]
    if rows:
        WebhookDelivery.objects.bulk_create(rows)
        transaction.on_commit(lambda: deliveries_wanted.send(sender=WebhookDelivery))


def _body_of(delivery: Delivery) -> dict[str, str]:
    said = {name: text for name, text in delivery.said.items() if text}
    return {
        "id": delivery.stream_id,
        "action": delivery.action.value,
        **said,
        "timestamp": str(to_ms(delivery.happened_at)),
    }


def due_deliveries(
    busy: Collection[str], clock: Clock = timezone.now
) -> Sequence[DueDelivery]:
    """Up to DUE_LIMIT rows whose time has come, but for the addresses `busy`.

    In the order in which they were written.
    """
    due = (
        WebhookDelivery.objects.filter(
            state=DeliveryState.WAITING, next_try_at__lte=clock()
        )
        .exclude(url__in=list(busy))
        .select_related("application")
        .order_by("next_try_at", "pk")[:DUE_LIMIT]
    )
    return [
        DueDelivery(
            id=row.pk,
            url=row.url,
            body=row.body,
            secret=row.application.webhook_secret,
            attempts=row.attempts,
            created_at=row.created_at,
            next_try_at=row.next_try_at,
        )
        for row in sorted(due, key=lambda row: row.pk)
    ]


def claim_delivery(
    delivery: DueDelivery, clock: Clock = timezone.now
) -> datetime | None:
    """Until when the delivery is the caller's; nothing when another was first."""
    until = clock() + CLAIM
    claimed = WebhookDelivery.objects.filter(
        pk=delivery.id,
        state=DeliveryState.WAITING,
        next_try_at=delivery.next_try_at,
    ).update(next_try_at=until)
    return until if claimed else None


def settle_delivered(delivery: DueDelivery, clock: Clock = timezone.now) -> None:
    """It was taken, even if the claim has run out since."""
    WebhookDelivery.objects.filter(pk=delivery.id).update(
        state=DeliveryState.DELIVERED,
        attempts=F("attempts") + 1,
        delivered_at=clock(),
        last_error="",
    )


def settle_failed(
    delivery: DueDelivery,
    claim: datetime,
    error: str,
    jitter: Callable[[], float],
    clock: Clock = timezone.now,
) -> None:
    """It is tried again later, or given up. `jitter`: a factor near 1.

    A row whose claim has run out is another's, and is left alone.
    """
    now = clock()
    attempts = delivery.attempts + 1
    step = min(attempts, len(RETRY_AFTER_S)) - 1
    delay = timedelta(seconds=RETRY_AFTER_S[step] * jitter())
    too_late = now + delay > delivery.created_at + GIVE_UP_AFTER
    given_up = attempts >= MAX_ATTEMPTS or too_late
    WebhookDelivery.objects.filter(
        pk=delivery.id, state=DeliveryState.WAITING, next_try_at=claim
    ).update(
        state=DeliveryState.FAILED if given_up else DeliveryState.WAITING,
        attempts=attempts,
        next_try_at=now + delay,
        last_error=error[:255],
    )
    if given_up:
        logger.warning("webhook delivery %d is given up: %s", delivery.id, error)


def try_again(keys: Collection[int], clock: Clock = timezone.now) -> int:
    """Those that are not delivered are posted soon, as if for the first time.

    One that is older than GIVE_UP_AFTER is tried once.

    Returns:
        How many.
    """
    wanted = WebhookDelivery.objects.filter(pk__in=keys).exclude(
        state=DeliveryState.DELIVERED
    )
    found = wanted.update(state=DeliveryState.WAITING, attempts=0, next_try_at=clock())
    if found:
        transaction.on_commit(lambda: deliveries_wanted.send(sender=WebhookDelivery))
    return found


def tidy_deliveries(clock: Clock = timezone.now) -> None:
    """The outbox is within its bounds: of age, of number, of what is kept."""
    now = clock()
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.WAITING)
    old = waiting.filter(created_at__lt=now - GIVE_UP_AFTER)
    given_up = old.update(state=DeliveryState.FAILED, last_error="too old")
    excess = waiting.count() - MAX_WAITING
    while excess > 0:
        oldest = waiting.order_by("created_at", "pk").values_list("pk", flat=True)
        keys = list(oldest[: min(excess, BATCH)])
        failed = waiting.filter(pk__in=keys).update(
            state=DeliveryState.FAILED, last_error="too many are waiting"
        )
        given_up += failed
        excess -= len(keys)
    if given_up:
        logger.warning("%d webhook deliveries are given up", given_up)
    done = WebhookDelivery.objects.filter(created_at__lt=now - KEEP).exclude(
        state=DeliveryState.WAITING
    )
    while keys := list(
        done.order_by("created_at").values_list("pk", flat=True)[:BATCH]
    ):
        WebhookDelivery.objects.filter(pk__in=keys).delete()
