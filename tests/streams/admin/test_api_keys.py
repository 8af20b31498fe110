"""The list and the pages of API keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from streams.models import ApiKey, Application
from streams.services.api_keys import create_api_key, find_api_key
from tests.streams.admin.conftest import (
    Login,
    act,
    history,
    list_url,
    page,
    url_of,
)

ADD = "admin:streams_apikey_add"
TYPED = {"name": "Scheduler", "scope": "read", "expires_0": "", "expires_1": ""}


@pytest.fixture
def key(db: None) -> ApiKey:
    return create_api_key("Panel", "write", None, None)[0]


def test_a_key_is_shown_once_and_stored_nowhere(
    admin_client: Client, application: Application
) -> None:
    response = admin_client.post(reverse(ADD), {**TYPED, "application": application.pk})

    text = response.content.decode().split('id="made-key">')[1].split("<")[0]
    found = find_api_key(text, timezone.now())
    assert found is not None
    assert (found.name, found.scope, found.application) == (
        "Scheduler",
        "read",
        application,
    )
    assert "no-store" in response.headers["Cache-Control"]
    assert response.cookies.get("messages") is None
    assert text not in str(Session.objects.values_list("session_data"))
    assert text not in page(admin_client, url_of(found))
    assert found.digest not in page(admin_client, url_of(found))
    assert history(found) == ["Added."]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "Panel"}, "name"),
        ({"scope": "all"}, "scope"),
        ({"expires_0": "2020-01-01", "expires_1": "12:00"}, "expires"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    admin_client: Client, key: ApiKey, typed: dict[str, str], field: str
) -> None:
    response = admin_client.post(reverse(ADD), {**TYPED, **typed})

    assert response.context["adminform"].form.errors.keys() == {field}
    assert ApiKey.objects.count() == 1


def test_a_key_keeps_what_it_opens(
    admin_client: Client, key: ApiKey, application: Application
) -> None:
    sent = {"digest": "x", "prefix": "x", "application": application.pk}

    admin_client.post(
        url_of(key),
        {**TYPED, **sent, "expires_0": "2099-01-01", "expires_1": "12:00"},
    )

    again = ApiKey.objects.get()
    assert (again.digest, again.prefix) == (key.digest, key.prefix)
    assert (again.scope, again.application) == ("write", None)
    assert again.name == "Scheduler"
    assert again.expires_at is not None


def test_an_expired_key_can_still_be_renamed(admin_client: Client, key: ApiKey) -> None:
    ApiKey.objects.update(expires_at="2020-01-01T12:00Z")
    kept = {"expires_0": "2020-01-01", "expires_1": "12:00:00"}

    response = admin_client.post(url_of(key), {**TYPED, **kept})

    assert response.status_code == 302
    assert ApiKey.objects.get().name == "Scheduler"


def test_keys_are_revoked_by_an_action_and_by_a_button(
    admin_client: Client, key: ApiKey
) -> None:
    other = create_api_key("Other", "read", None, None)[0]
    assert "Revoke</button>" in page(admin_client, url_of(key))

    admin_client.post(url_of(key, "revoke"))
    act(admin_client, ApiKey, "revoke_selected", key, other)

    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert history(key) == history(other) == ["Revoked."]
    assert "Revoke</button>" not in page(admin_client, url_of(key))


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("good", {"Panel"}),
        ("expired", {"Old"}),
        ("revoked", {"Gone"}),
        ("nonsense", {"Panel", "Old", "Gone"}),
    ],
)
def test_the_list_can_be_filtered(
    admin_client: Client, key: ApiKey, state: str, shown: set[str]
) -> None:
    past = timezone.now() - timedelta(days=1)
    create_api_key("Old", "read", None, past)
    create_api_key("Gone", "read", None, past)
    ApiKey.objects.filter(name="Gone").update(revoked_at=past)

    response = admin_client.get(list_url(ApiKey), {"state": state})

    assert {row.name for row in response.context["cl"].result_list} == shown
    words = {"good": "good", "expired": "expired", "revoked": "revoked 20"}
    assert f">{words.get(state, 'good')}" in response.content.decode()


def test_who_may_only_look_can_do_nothing(clerk: Login, key: ApiKey) -> None:
    client = clerk("view_apikey")

    assert "Revoke" not in page(client, url_of(key))
    assert client.post(url_of(key, "revoke")).status_code == 403
    assert client.post(reverse(ADD), TYPED).status_code == 403
    act(client, ApiKey, "revoke_selected", key)
    assert ApiKey.objects.filter(revoked_at=None).exists()
    assert client.get(list_url(ApiKey), {"digest__startswith": "a"}).status_code == 400
