"""People in front of the admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from relay.control import Report
from streams import services
from streams.models import Application, Broadcast, Subscriber
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock
from tests.streams.services.test_reports import STREAM

Login = Callable[..., Client]


@pytest.fixture
def on_air(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> Broadcast:
    """`cam`, live with two viewers and measured once."""
    grant = live(alice, name="Lobby", subscriber_id="sub-9")
    for number in range(2):
        viewer = play(replace(bob, channel=f"viewer-{number}"), viewer_info="<tv>")
        services.mark_started(viewer.session, clock)
    report = Report("relay-1", (replace(STREAM, session=grant.session),), 3)
    services.record_report(report, clock)
    return Broadcast.objects.get(stream_id="cam")


@pytest.fixture
def broadcast(application: Application) -> Broadcast:
    return Broadcast.objects.create(application=application, stream_id="cam")


@pytest.fixture
def subscriber(application: Application) -> Subscriber:
    return Subscriber.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="anna",
        b32_secret="6qsp6qhndryqs56zjmvs37i6gqtjsdvc",
    )


@pytest.fixture
def clerk(db: None) -> Login:
    """Logs in somebody with no more than these permissions."""

    def login(*codenames: str) -> Client:
        user = User.objects.create_user("clerk", is_staff=True)
        for codename in codenames:
            user.user_permissions.add(Permission.objects.get(codename=codename))
        client = Client()
        client.force_login(user)
        return client

    return login


def page(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def url_of(row: Model, action: str = "change") -> str:
    return reverse(f"admin:streams_{row._meta.model_name}_{action}", args=[row.pk])


def list_url(model: type[Model]) -> str:
    return reverse(f"admin:streams_{model._meta.model_name}_changelist")


def act(client: Client, model: type[Model], action: str, *rows: Model) -> None:
    """Runs an action of a list on some rows."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    client.post(list_url(model), {**chosen, "seconds": "3600"})


def history(row: Model) -> list[str]:
    """What the admin noted of it, the newest last."""
    entries = LogEntry.objects.filter(object_id=row.pk).order_by("pk")
    return [entry.get_change_message() for entry in entries]
