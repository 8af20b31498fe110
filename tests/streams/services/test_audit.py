from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streams.clock import to_ms
from streams.models import Application, ConnectionEvent
from streams.refusals import Refusal, RefusalKey
from streams.services import audit
from streams.services.audit import purge_events, write_refusals
from tests.streams.conftest import TurnableClock, at_most

KEY = RefusalKey("LiveApp", "unauthorized", "cam", "publish", "sub-1", "192.0.2.1")
NODE = "asgi-1"


def rows() -> list[ConnectionEvent]:
    return list(ConnectionEvent.objects.order_by("pk"))


def test_a_refusal_is_an_event(application: Application) -> None:
    assert write_refusals([Refusal(KEY, 3, 1_000_000)], NODE) == 1

    [event] = rows()
    assert (event.application, event.event_type) == (application, "refused")
    assert (event.stream_id, event.type) == ("cam", "publish")
    assert (event.reason, event.count) == ("unauthorized", 3)
    assert (event.subscriber_id, event.remote_ip) == ("sub-1", "192.0.2.1")
    assert (event.timestamp, event.instance) == (1_000_000, NODE)


def test_refusals_in_a_row_are_one_event(application: Application) -> None:
    """Each within a minute of the last, however long it goes on."""
    for number in range(5):
        write_refusals([Refusal(KEY, 10, 1_000_000 + number * 60_000)], NODE)

    [event] = rows()
    assert (event.count, event.timestamp) == (50, 1_240_000)


def test_a_refusal_after_a_pause_is_another_event(application: Application) -> None:
    write_refusals([Refusal(KEY, 1, 1_000_000)], NODE)
    write_refusals([Refusal(KEY, 1, 1_060_001)], NODE)
    write_refusals([Refusal(KEY, 1, 1_060_002)], NODE)

    assert [event.count for event in rows()] == [1, 2]


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "no_stream"},
        {"stream_id": "cam2"},
        {"role": "play"},
        {"subscriber_id": "sub-2"},
        {"remote_ip": "192.0.2.2"},
    ],
    ids=str,
)
def test_refusals_that_differ_are_different_events(
    application: Application, changed: dict[str, Any]
) -> None:
    write_refusals([Refusal(KEY, 1, 1_000_000)], NODE)
    write_refusals([Refusal(replace(KEY, **changed), 1, 1_000_001)], NODE)

    assert [event.count for event in rows()] == [1, 1]


def test_refusals_of_two_applications_are_different_events(
    application: Application,
) -> None:
    Application.objects.create(name="Other")
    write_refusals([Refusal(KEY, 1, 1_000_000)], NODE)
    write_refusals([Refusal(replace(KEY, application="Other"), 1, 1_000_001)], NODE)

    assert [event.application.name for event in rows()] == ["LiveApp", "Other"]


def test_each_process_counts_in_rows_of_its_own(application: Application) -> None:
    write_refusals([Refusal(KEY, 1, 1_000_000)], "asgi-1")
    write_refusals([Refusal(KEY, 1, 1_000_000)], "asgi-2")

    assert [(event.instance, event.count) for event in rows()] == [
        ("asgi-1", 1),
        ("asgi-2", 1),
    ]


def test_a_late_report_does_not_turn_back_the_time(application: Application) -> None:
    write_refusals([Refusal(KEY, 1, 1_000_000)], NODE)
    write_refusals([Refusal(KEY, 1, 999_000)], NODE)

    [event] = rows()
    assert (event.count, event.timestamp) == (2, 1_000_000)


def test_a_connection_is_no_refusal(application: Application) -> None:
    ConnectionEvent.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="sub-1",
        event_type="disconnected",
        type="publish",
        reason="unauthorized",
        remote_ip="192.0.2.1",
        timestamp=1_000_000,
        instance=NODE,
    )

    write_refusals([Refusal(KEY, 1, 1_000_000)], NODE)

    assert len(rows()) == 2


def test_nothing_is_written_where_no_events_are_kept(application: Application) -> None:
    application.write_connection_events = False
    application.save()

    assert write_refusals([Refusal(KEY, 1, 1_000_000)], NODE) == 0
    assert rows() == []


def test_nothing_is_written_of_an_unknown_application(application: Application) -> None:
    assert not write_refusals([Refusal(replace(KEY, application="?"), 1, 1)], NODE)
    assert rows() == []


def test_an_empty_batch_costs_nothing(application: Application) -> None:
    with at_most(1):
        write_refusals([], NODE)


def test_a_big_batch_costs_few_queries(application: Application) -> None:
    batch = [
        Refusal(replace(KEY, stream_id=f"s{number}"), 1, 1_000_000)
        for number in range(60)
    ]
    write_refusals(batch[:30], NODE)

    with at_most(4):
        write_refusals(batch, NODE)

    assert sum(event.count for event in rows()) == 90


def keep(application: Application, days: int) -> None:
    application.connection_event_days = days
    application.save()


def event(application: Application, clock: TurnableClock, **age: float) -> None:
    ConnectionEvent.objects.create(
        application=application,
        stream_id="cam",
        event_type="connected",
        type="play",
        timestamp=to_ms(clock.now - timedelta(**age)),
    )


def test_events_are_kept_as_long_as_their_application_says(
    application: Application, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    keep(application, 7)
    other = Application.objects.create(name="Other", connection_event_days=30)
    for _ in range(5):
        event(application, clock, days=7, seconds=1)
    event(application, clock, days=6, hours=23)
    event(other, clock, days=29)
    event(other, clock, days=31)

    assert purge_events(clock.now) == 6

    assert [(row.application.name, row.timestamp) for row in rows()] == [
        ("LiveApp", to_ms(clock.now - timedelta(days=6, hours=23))),
        ("Other", to_ms(clock.now - timedelta(days=29))),
    ]
