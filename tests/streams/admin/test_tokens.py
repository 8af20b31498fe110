"""The list and the pages of tokens."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from streams.models import Application, Broadcast, Token
from tests.streams.admin.conftest import Login, history, list_url, page, url_of

ADD = "admin:streams_token_add"
LATE = {"expires_0": "2099-07-01", "expires_1": "12:00:00"}


@pytest.fixture
def token(application: Application) -> Token:
    return Token.objects.create(
        application=application,
        stream_id="cam",
        type="play",
        expire_date=int(time.time()) + 3600,
    )


def found(client: Client, **query: str) -> set[str]:
    response = client.get(list_url(Token), query)
    return {row.stream_id for row in response.context["cl"].result_list}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"state": "valid"}, {"cam"}),
        ({"state": "expired"}, {"old"}),
        ({"state": "nonsense"}, {"cam", "old"}),
        ({"type__exact": "publish"}, {"old"}),
        ({"q": "old"}, {"old"}),
        ({"stream_id": "cam"}, {"cam"}),
    ],
)
def test_the_list_can_be_filtered_and_searched(
    admin_client: Client, token: Token, query: dict[str, str], shown: set[str]
) -> None:
    Token.objects.create(
        application=token.application, stream_id="old", type="publish", expire_date=9
    )

    assert found(admin_client, **query) == shown


def test_the_list_says_what_is_valid_and_gives_links(
    admin_client: Client, token: Token
) -> None:
    text = page(admin_client, list_url(Token))

    assert '<span class="state state-good">valid</span>' in text
    assert f'data-copy="/LiveApp/play?id=cam&amp;token={token.token_id}"' in text
    assert found(admin_client, q=token.token_id) == {"cam"}


def test_a_token_is_added_with_a_date_of_the_operators_zone(
    admin_client: Client, application: Application
) -> None:
    text = page(admin_client, reverse(ADD), application="2", stream_id="cam")
    assert 'value="cam"' in text

    admin_client.post(
        reverse(ADD),
        {
            "application": application.pk,
            "stream_id": "cam",
            "type": "publish",
            "room_id": "",
            "time_zone": "Europe/Berlin",
            **LATE,
        },
    )

    row = Token.objects.get()
    wanted = datetime(2099, 7, 1, 10, 0, tzinfo=UTC)
    assert datetime.fromtimestamp(row.expire_date, UTC) == wanted
    assert history(row) == ["Added."]


def test_the_zone_is_remembered(admin_client: Client, token: Token) -> None:
    admin_client.post(url_of(token), {"time_zone": "Asia/Kolkata", **LATE})

    text = page(admin_client, url_of(token))

    assert '<option value="Asia/Kolkata" selected>' in text
    assert 'value="12:00:00"' in text
    assert "2099-07-01 12:00:00 IST" in page(admin_client, list_url(Token))
    assert datetime.fromtimestamp(Token.objects.get().expire_date, UTC).hour == 6


@pytest.mark.parametrize(
    "expires",
    [
        {"expires_0": "2020-01-01", "expires_1": "12:00:00"},
        {"expires_0": "", "expires_1": ""},
        {"expires_0": "2099-01-01", "expires_1": ""},
    ],
)
def test_an_end_that_makes_no_sense_is_refused(
    admin_client: Client, application: Application, expires: dict[str, str]
) -> None:
    typed = {"application": application.pk, "stream_id": "cam", "type": "play"}

    response = admin_client.post(reverse(ADD), {**typed, "room_id": "", **expires})

    assert response.context["adminform"].form.errors.keys() == {"expires"}
    assert not Token.objects.exists()


def test_only_its_end_can_be_changed(admin_client: Client, token: Token) -> None:
    admin_client.post(
        url_of(token),
        {"stream_id": "other", "type": "publish", "token_id": "x", **LATE},
    )

    row = Token.objects.get()
    assert (row.stream_id, row.type, row.token_id) == ("cam", "play", token.token_id)
    assert row.expire_date > token.expire_date


def test_an_address_can_ask_for_any_date_without_harm(
    admin_client: Client, db: None
) -> None:
    text = page(admin_client, reverse(ADD), expires="never", time_zone="Mars/Base")

    assert "Mars" not in text


# Permissions


def test_who_may_only_look_cannot_use_a_token(clerk: Login, token: Token) -> None:
    client = clerk("view_token")

    for url in (list_url(Token), url_of(token)):
        text = page(client, url)
        assert token.token_id not in text
        assert f"{token.token_id[:4]}…" in text
    assert client.post(url_of(token), LATE).status_code == 403
    assert client.get(reverse(ADD)).status_code == 403


def test_who_may_only_look_cannot_find_a_token_by_its_letters(
    clerk: Login, token: Token
) -> None:
    client = clerk("view_token")

    assert found(client, q=token.token_id) == set()
    for lookup in ("token_id", "token_id__startswith"):
        response = client.get(list_url(Token), {lookup: token.token_id})
        assert response.status_code == 400


@pytest.mark.parametrize("expire_s", [253_402_300_799, 2**40])
def test_a_token_for_ever_has_a_page(
    admin_client: Client, token: Token, broadcast: Broadcast, expire_s: int
) -> None:
    """Programs may give an end that no calendar has, or not in every zone."""
    Token.objects.update(expire_date=expire_s)
    session = admin_client.session
    session["time_zone"] = "Pacific/Kiritimati"  # 14 hours before UTC
    session.save()

    for url in (url_of(token), list_url(Token), url_of(broadcast)):
        assert "9999-12-30" in page(admin_client, url)
