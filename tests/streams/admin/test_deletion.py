"""What goes with an application, and what keeps it."""

from __future__ import annotations

import time

import pytest
from django.db.models import Model
from django.test import Client

from streams.models import (
    Application,
    Broadcast,
    ConnectionEvent,
    LiveSession,
    Subscriber,
    Token,
    WebhookDelivery,
)
from tests.streams.admin.conftest import Login, list_url, page, url_of


@pytest.fixture
def used(application: Application, subscriber: Subscriber) -> Application:
    """An application with all that people and processes leave behind."""
    Token.objects.create(
        application=application,
        stream_id="cam",
        type="play",
        expire_date=int(time.time()) + 60,
    )
    for number in range(60):
        ConnectionEvent.objects.create(
            application=application,
            stream_id="cam",
            event_type="refused",
            type="play",
            timestamp=number,
        )
    WebhookDelivery.objects.create(
        application=application, stream_id="cam", url="http://a.example", body={}
    )
    return application


def delete(client: Client, row: Model) -> int:
    response = client.post(url_of(row, "delete"), {"post": "yes"})
    return response.status_code


def test_an_application_is_deleted_with_its_past(
    admin_client: Client, used: Application
) -> None:
    text = page(admin_client, url_of(used, "delete"))
    assert "Connection events: 60" in text
    assert "Tokens: 1" in text
    assert text.count("of cam") == 0  # counted: there may be millions

    assert delete(admin_client, used) == 302

    assert not Application.objects.filter(pk=used.pk).exists()
    assert not ConnectionEvent.objects.exists()


def test_several_are_deleted_from_the_list(
    admin_client: Client, used: Application
) -> None:
    query = {"action": "delete_selected", "_selected_action": [used.pk], "post": "y"}

    admin_client.post(list_url(Application), query)

    assert not Application.objects.filter(pk=used.pk).exists()


def test_an_application_with_broadcasts_or_sessions_stays_and_the_reason_is_told(
    admin_client: Client, used: Application
) -> None:
    for stream_id in ("cam", "hall"):
        Broadcast.objects.create(application=used, stream_id=stream_id)
    LiveSession.objects.create(
        id="a" * 32, application=used, stream_id="cam", role="play", relay="relay-1"
    )

    text = page(admin_client, url_of(used, "delete"))
    assert "LiveApp: it has broadcasts (2). Delete them first." in text
    assert "LiveApp: somebody publishes or plays there now." in text

    delete(admin_client, used)
    assert Application.objects.filter(pk=used.pk).exists()


@pytest.mark.parametrize(
    ("held", "status"),
    [
        (("delete_application", "delete_token", "delete_subscriber"), 302),
        (("delete_application", "delete_token"), 403),
        (("delete_application", "delete_subscriber"), 403),
        (("delete_token", "delete_subscriber"), 403),
    ],
)
def test_it_takes_the_permission_of_all_that_people_made(
    clerk: Login, used: Application, held: tuple[str, ...], status: int
) -> None:
    client = clerk("view_application", *held)

    assert delete(client, used) == status
    assert Application.objects.filter(pk=used.pk).exists() is (status == 403)


@pytest.mark.parametrize("model", [Subscriber, Token])
def test_rows_are_deleted_from_their_list(
    admin_client: Client, used: Application, model: type[Model]
) -> None:
    """By the page that asks once more, whose form has nothing but its own."""
    (row,) = model._default_manager.all()
    query = {
        "action": "delete_selected",
        "_selected_action": [row.pk],
        "post": "yes",
    }

    admin_client.post(list_url(model), query)

    assert not model._default_manager.exists()
