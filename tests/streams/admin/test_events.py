"""What processes write: connection events, webhook deliveries, live sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from streams.clock import to_ms
from streams.models import (
    Application,
    Broadcast,
    ConnectionEvent,
    Ending,
    LiveSession,
    WebhookDelivery,
)
from tests.streams.admin.conftest import (
    Login,
    act,
    history,
    list_url,
    page,
    url_of,
)

YESTERDAY = timedelta(days=1, minutes=1)


@pytest.fixture
def events(application: Application) -> list[ConnectionEvent]:
    """A viewer came just now, and one was refused yesterday."""
    moments = (timezone.now(), timezone.now() - YESTERDAY)
    return [
        ConnectionEvent.objects.create(
            application=application,
            stream_id=stream_id,
            event_type=kind,
            type=role,
            reason=reason,
            timestamp=to_ms(moment),
            duration_ms=65_000,
        )
        for stream_id, kind, role, reason, moment in (
            ("now", "connected", "play", "", moments[0]),
            ("before", "refused", "publish", "unauthorized_access", moments[1]),
        )
    ]


@pytest.fixture
def deliveries(application: Application) -> dict[str, WebhookDelivery]:
    return {
        state: WebhookDelivery.objects.create(
            application=application,
            url="https://example.org/hook",
            action="liveStreamStarted",
            stream_id="cam",
            body={"id": "<cam>"},
            state=state,
            attempts=10,
            last_error="status 500",
        )
        for state in ("waiting", "delivered", "failed")
    }


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"since": "15m"}, {"now"}),
        ({"since": "7d"}, {"now", "before"}),
        ({"since": "x", "day": "x"}, {"now", "before"}),
        ({"event_type__exact": "refused"}, {"before"}),
        ({"type": "play"}, {"now"}),
        ({"reason": "unauthorized_access"}, {"before"}),
        ({"q": "before"}, {"before"}),
        ({"day": "2001-01-01"}, set()),
        ({"day": "9999-12-31"}, {"now", "before"}),  # it has no next day
    ],
)
def test_events_can_be_filtered_and_searched(
    admin_client: Client,
    events: list[ConnectionEvent],
    query: dict[str, str],
    shown: set[str],
) -> None:
    response = admin_client.get(list_url(ConnectionEvent), query)

    assert {row.stream_id for row in response.context["cl"].result_list} == shown


def test_a_day_is_one_of_the_operators_zone(
    admin_client: Client, events: list[ConnectionEvent]
) -> None:
    session = admin_client.session
    session["time_zone"] = "Asia/Kolkata"  # 5:30 h ahead
    session.save()
    late = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    ConnectionEvent.objects.filter(stream_id="now").update(timestamp=to_ms(late))

    url = list_url(ConnectionEvent)
    text = page(admin_client, url, day="2026-03-02", type="play")

    assert "01:30:00 IST" in text
    assert 'value="2026-03-02"' in text
    assert '<input type="hidden" name="type" value="play">' in text
    assert "01:30:00 IST" not in page(admin_client, url, day="2026-03-01")


def test_the_list_of_events_says_what_happened_and_why(
    admin_client: Client, events: list[ConnectionEvent]
) -> None:
    text = page(admin_client, list_url(ConnectionEvent))

    assert '<span class="state state-dead">refused</span>' in text
    assert '<a href="?reason=unauthorized_access">' in text
    assert "1 min 05 s" in text


def test_a_delivery_that_failed_is_tried_again(
    admin_client: Client, deliveries: dict[str, WebhookDelivery]
) -> None:
    text = page(admin_client, list_url(WebhookDelivery))
    assert "status 500" in text
    assert "given up" in text

    act(admin_client, WebhookDelivery, "deliver_again", *deliveries.values())

    for row in deliveries.values():
        row.refresh_from_db()
    assert (deliveries["failed"].state, deliveries["failed"].attempts) == ("waiting", 0)
    assert deliveries["delivered"].state == "delivered"
    assert history(deliveries["failed"]) == ["Tried again."]
    assert history(deliveries["delivered"]) == []


def test_the_page_of_a_delivery_shows_what_is_posted(
    admin_client: Client, deliveries: dict[str, WebhookDelivery]
) -> None:
    text = page(admin_client, url_of(deliveries["waiting"]))

    assert "&quot;id&quot;: &quot;&lt;cam&gt;&quot;" in text


def test_sessions_are_ended_by_an_action(
    admin_client: Client, on_air: Broadcast
) -> None:
    viewer, other = LiveSession.objects.filter(role="play")

    act(admin_client, LiveSession, "end_now", viewer)

    viewer.refresh_from_db()
    other.refresh_from_db()
    assert (viewer.ending, other.ending) == (Ending.STOPPED, "")
    assert history(viewer) == ["Ended."]
    assert ">ending<" in page(admin_client, list_url(LiveSession))


@pytest.mark.parametrize("model", [ConnectionEvent, WebhookDelivery])
def test_nobody_changes_what_processes_write(
    admin_client: Client,
    events: list[ConnectionEvent],
    deliveries: dict[str, WebhookDelivery],
    model: type[Model],
) -> None:
    row = model._default_manager.all()[0]
    name = model._meta.model_name

    assert 'name="_save"' not in page(admin_client, url_of(row))
    assert admin_client.post(url_of(row), {}).status_code == 403
    assert admin_client.post(url_of(row, "delete"), {}).status_code == 403
    assert admin_client.get(reverse(f"admin:streams_{name}_add")).status_code == 403


def test_who_may_only_look_ends_nothing_and_repeats_nothing(
    clerk: Login, on_air: Broadcast, deliveries: dict[str, WebhookDelivery]
) -> None:
    client = clerk("view_livesession", "view_webhookdelivery")
    for model in (LiveSession, WebhookDelivery):
        assert 'name="action"' not in page(client, list_url(model))

    act(client, LiveSession, "end_now", *LiveSession.objects.all())
    act(client, WebhookDelivery, "deliver_again", deliveries["failed"])

    assert not LiveSession.objects.exclude(ending="").exists()
    assert WebhookDelivery.objects.filter(state="failed").exists()


def test_a_day_is_added_to_the_search_and_the_other_filters(
    admin_client: Client, application: Application
) -> None:
    text = page(
        admin_client, list_url(ConnectionEvent), q="cam", event_type="refused", o="1"
    )

    (form,) = re.findall(r'<form [^>]*class="day-filter">.*?</form>', text, re.DOTALL)
    sent = re.findall(r'name="(\w+)" value="(\w*)"', form)
    assert sent == [("event_type", "refused"), ("o", "1"), ("q", "cam"), ("day", "")]
