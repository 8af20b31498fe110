"""The list and the pages of devices for push notifications."""

from __future__ import annotations

import pytest
from django.test import Client

from streams.models import Application, PushToken
from tests.streams.admin.conftest import Login, list_url, page, url_of

TOKEN = "fcm-registration-token-of-a-telephone"


@pytest.fixture
def device(application: Application) -> PushToken:
    return PushToken.objects.create(
        application=application, subscriber_id="anna", type="fcm", token=TOKEN
    )


def test_the_list_and_the_page_do_not_show_the_token(
    admin_client: Client, device: PushToken
) -> None:
    for url in (list_url(PushToken), url_of(device)):
        text = page(admin_client, url)
        assert "anna" in text
        assert "<code>fcm-…</code>" in text
        assert TOKEN not in text


def test_the_list_cannot_be_searched_for_a_token(
    admin_client: Client, device: PushToken
) -> None:
    def found(**query: str) -> int:
        response = admin_client.get(list_url(PushToken), query)
        return int(response.context["cl"].result_count)

    assert found(q="anna") == 1
    assert found(q="fcm-registration") == 0
    response = admin_client.get(list_url(PushToken), {"token__startswith": "f"})
    assert response.status_code == 400


def test_nobody_adds_or_changes_a_device(
    admin_client: Client, device: PushToken
) -> None:
    assert admin_client.post(url_of(device), {"subscriber_id": "x"}).status_code == 403
    add = list_url(PushToken) + "add/"
    assert admin_client.get(add).status_code == 403


def test_a_device_can_be_deleted(admin_client: Client, device: PushToken) -> None:
    admin_client.post(url_of(device, "delete"), {"post": "yes"})

    assert not PushToken.objects.exists()


def test_who_may_only_look_deletes_nothing(clerk: Login, device: PushToken) -> None:
    client = clerk("view_pushtoken")

    assert "anna" in page(client, list_url(PushToken))
    answer = client.post(url_of(device, "delete"), {"post": "yes"})
    assert answer.status_code == 403


def test_the_key_of_an_application_is_not_shown(
    admin_client: Client, application: Application
) -> None:
    Application.objects.update(push_jwt_secret="the-key-of-push-tokens")

    text = page(admin_client, url_of(application))

    assert 'name="push_jwt_secret"' in text
    assert "the-key-of-push-tokens" not in text
