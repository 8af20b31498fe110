from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streams.models import Application, WebhookDelivery
from streams.services import webhooks
from streams.services.webhooks import (
    DueDelivery,
    claim_delivery,
    due_deliveries,
    settle_delivered,
    settle_failed,
    tidy_deliveries,
    try_again,
)
from streams.signals import deliveries_wanted
from tests.streams.conftest import TurnableClock, at_most

URL = "http://hook.example/"


@pytest.fixture
def put(application: Application, clock: TurnableClock) -> Any:
    def call(**fields: Any) -> WebhookDelivery:
        values = {
            "url": URL,
            "action": "liveStreamStarted",
            "stream_id": "cam",
            "body": {"id": "cam"},
            "created_at": clock.now,
            "next_try_at": clock.now,
            **fields,
        }
        return WebhookDelivery.objects.create(application=application, **values)

    return call


def steady() -> float:
    return 1.0


def fail(due: DueDelivery, clock: TurnableClock, error: str = "status 500") -> None:
    claim = claim_delivery(due, clock)
    assert claim is not None
    settle_failed(due, claim, error, steady, clock)


def due(clock: TurnableClock, *busy: str) -> list[int]:
    return [delivery.id for delivery in due_deliveries(busy, clock)]


def test_what_is_due_comes_in_its_order(
    put: Any, application: Application, clock: TurnableClock
) -> None:
    application.webhook_secret = "s3cret"
    application.save()
    later = put(next_try_at=clock.now)
    sooner = put(next_try_at=clock.now - timedelta(seconds=1))
    put(next_try_at=clock.now + timedelta(seconds=1))
    put(state="delivered")
    put(state="failed")

    with at_most(1):
        found = due_deliveries((), clock)

    assert [delivery.id for delivery in found] == [later.pk, sooner.pk]
    assert found[0].body == {"id": "cam"}
    assert found[0].secret == "s3cret"
    assert "s3cret" not in repr(found[0])


def test_busy_addresses_are_left_out(put: Any, clock: TurnableClock) -> None:
    put()
    other = put(url="http://other.example/")

    assert due(clock, URL) == [other.pk]


def test_one_look_is_bounded(
    put: Any, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "DUE_LIMIT", 2)
    rows = [put(next_try_at=clock.now - timedelta(seconds=n)) for n in range(3)]

    assert due(clock) == [rows[1].pk, rows[2].pk]


def test_a_claim_is_one_processs_alone(put: Any, clock: TurnableClock) -> None:
    put()
    [seen] = due_deliveries((), clock)

    assert claim_delivery(seen, clock) == clock.now + timedelta(seconds=60)
    assert claim_delivery(seen, clock) is None
    assert due(clock) == []


def test_a_claim_of_a_dead_process_runs_out(put: Any, clock: TurnableClock) -> None:
    row = put()
    [seen] = due_deliveries((), clock)
    claim_delivery(seen, clock)
    clock.turn(seconds=60)

    assert due(clock) == [row.pk]


def test_what_was_taken_is_done(put: Any, clock: TurnableClock) -> None:
    row = put(last_error="status 500")
    [seen] = due_deliveries((), clock)
    claim_delivery(seen, clock)
    settle_delivered(seen, clock)

    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error) == ("delivered", 1, "")
    assert row.delivered_at == clock.now


def test_it_is_tried_ten_times_and_less_and_less_often(
    put: Any, clock: TurnableClock
) -> None:
    row = put()
    waits = []
    for _ in range(10):
        [seen] = due_deliveries((), clock)
        fail(seen, clock)
        row.refresh_from_db()
        waits.append((row.next_try_at - clock.now).total_seconds())
        clock.now = row.next_try_at

    assert waits[:9] == [5, 30, 120, 600, 1800, 1800, 1800, 1800, 1800]
    assert (row.state, row.attempts, row.last_error) == ("failed", 10, "status 500")
    assert due(clock) == []


def test_it_is_given_up_when_a_day_is_over(put: Any, clock: TurnableClock) -> None:
    row = put(created_at=clock.now - timedelta(hours=24) + timedelta(seconds=4))
    [seen] = due_deliveries((), clock)
    fail(seen, clock)

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", 1)


def test_those_that_failed_together_do_not_come_back_together(
    put: Any, clock: TurnableClock
) -> None:
    row = put()
    [seen] = due_deliveries((), clock)
    claim = claim_delivery(seen, clock)
    assert claim is not None
    settle_failed(seen, claim, "x", lambda: 1.2, clock)

    row.refresh_from_db()
    assert row.next_try_at == clock.now + timedelta(seconds=6)


def test_a_failure_that_comes_late_leaves_the_next_claim_alone(
    put: Any, clock: TurnableClock
) -> None:
    row = put()
    [seen] = due_deliveries((), clock)
    claim = claim_delivery(seen, clock)
    assert claim is not None
    clock.turn(seconds=60)
    [again] = due_deliveries((), clock)
    second = claim_delivery(again, clock)

    settle_failed(seen, claim, "late", steady, clock)

    row.refresh_from_db()
    assert (row.next_try_at, row.attempts, row.last_error) == (second, 0, "")


def test_what_is_done_is_kept_for_a_week(
    put: Any, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "BATCH", 2)
    old = clock.now - timedelta(days=7, seconds=1)
    for _ in range(3):
        put(state="delivered", created_at=old)
    put(state="failed", created_at=old)
    kept = put(state="delivered", created_at=clock.now - timedelta(days=6))

    tidy_deliveries(clock)

    assert list(WebhookDelivery.objects.all()) == [kept]


def test_what_waits_too_long_is_given_up(put: Any, clock: TurnableClock) -> None:
    row = put(created_at=clock.now - timedelta(hours=24, seconds=1))
    young = put(created_at=clock.now - timedelta(hours=23))

    tidy_deliveries(clock)

    row.refresh_from_db()
    assert (row.state, row.last_error) == ("failed", "too old")
    assert due(clock) == [young.pk]


def test_of_too_many_the_oldest_are_given_up(
    put: Any,
    clock: TurnableClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(webhooks, "MAX_WAITING", 2)
    monkeypatch.setattr(webhooks, "BATCH", 2)
    rows = [put(created_at=clock.now - timedelta(minutes=n)) for n in range(7)]
    put(state="delivered")

    tidy_deliveries(clock)

    assert due(clock) == [rows[0].pk, rows[1].pk]
    assert WebhookDelivery.objects.filter(state="failed").count() == 5
    assert "5 webhook deliveries are given up" in caplog.text


def test_an_outbox_in_order_is_left_as_it_is(put: Any, clock: TurnableClock) -> None:
    put()

    with at_most(3):
        tidy_deliveries(clock)

    assert len(due(clock)) == 1


def test_what_was_given_up_is_tried_again_on_demand(
    put: Any, clock: TurnableClock, django_capture_on_commit_callbacks: Any
) -> None:
    failed = put(state="failed", attempts=10)
    delivered = put(state="delivered", attempts=1)
    clock.turn(minutes=1)
    heard: list[object] = []

    def hear(**_: object) -> None:
        heard.append(1)

    deliveries_wanted.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert try_again([failed.pk, delivered.pk], clock) == 1
            assert try_again([delivered.pk], clock) == 0
    finally:
        deliveries_wanted.disconnect(hear)

    assert due(clock) == [failed.pk]
    failed.refresh_from_db()
    assert (failed.attempts, failed.next_try_at) == (0, clock.now)
    assert heard == [1]
