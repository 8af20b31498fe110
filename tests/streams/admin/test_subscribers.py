"""The list and the pages of subscribers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from streams.clock import now_ms, to_ms
from streams.models import Application, Broadcast, Ending, LiveSession, Subscriber
from tests.streams.admin.conftest import (
    Login,
    act,
    history,
    list_url,
    page,
    url_of,
)

HOUR_MS = 3_600_000
TYPED = {
    "subscriber_name": "Anna",
    "type": "play",
    "b32_secret": "",
    "totp_period_s": "",
    "concurrent_connections_limit": "1",
    "blocked_type": "",
    "blocked_until_0": "",
    "blocked_until_1": "",
}


# The list


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"connected": "1"}, {"sub-9"}),
        ({"connected": "0"}, {"anna", "bert"}),
        ({"blocked": "1"}, {"bert"}),
        ({"blocked": "0"}, {"anna", "sub-9"}),
        ({"q": "bert"}, {"bert"}),
        ({"blocked": "x", "connected": "x"}, {"anna", "bert", "sub-9"}),
    ],
)
def test_the_list_can_be_filtered_and_searched(
    admin_client: Client,
    on_air: Broadcast,
    subscriber: Subscriber,
    query: dict[str, str],
    shown: set[str],
) -> None:
    stream = {"application": on_air.application, "stream_id": "cam"}
    block = {"blocked_type": "play", "blocked_until_ms": now_ms() + HOUR_MS}
    Subscriber.objects.create(**stream, subscriber_id="bert", **block)
    Subscriber.objects.create(**stream, subscriber_id="sub-9")

    response = admin_client.get(list_url(Subscriber), query)

    assert {row.subscriber_id for row in response.context["cl"].result_list} == shown


def test_the_list_counts_who_is_connected_and_says_who_is_blocked(
    admin_client: Client, on_air: Broadcast
) -> None:
    Subscriber.objects.create(
        application=on_air.application,
        stream_id="cam",
        subscriber_id="sub-9",
        blocked_type="publish_play",
        blocked_until_ms=to_ms(timezone.now() + timedelta(hours=1)),
    )

    text = page(admin_client, list_url(Subscriber))

    assert "1 of 1" in text
    assert "publishing and playing, until 20" in text


def test_an_action_blocks_and_another_unblocks(
    admin_client: Client, on_air: Broadcast
) -> None:
    rows = [
        Subscriber.objects.create(
            application=on_air.application, stream_id="cam", subscriber_id=name
        )
        for name in ("sub-9", "bert")
    ]

    act(admin_client, Subscriber, "block_selected", *rows)

    for row in rows:
        row.refresh_from_db()
        assert 0 < row.blocked_until_ms - now_ms() <= HOUR_MS
    assert LiveSession.objects.get(role="publish").ending == Ending.BLOCKED

    act(admin_client, Subscriber, "unblock_selected", *rows)

    assert not Subscriber.objects.exclude(blocked_until_ms=0).exists()
    assert history(rows[1])[-1] == "Unblocked."


# The page


def test_a_subscriber_is_added_with_a_secret_that_is_not_shown_again(
    admin_client: Client, application: Application
) -> None:
    secret = "6qsp6qhndryqs56zjmvs37i6gqtjsdvc"
    key = {"application": application.pk, "stream_id": "cam", "subscriber_id": "anna"}

    admin_client.post(
        reverse("admin:streams_subscriber_add"),
        {**TYPED, **key, "b32_secret": secret},
    )

    row = Subscriber.objects.get()
    assert row.b32_secret == secret
    assert secret not in page(admin_client, url_of(row)).lower()


@pytest.mark.parametrize(
    ("secret", "is_warned"), [("mysecret", True), ("A" * 24, False)]
)
def test_a_weak_secret_is_taken_with_a_warning(
    admin_client: Client, subscriber: Subscriber, secret: str, is_warned: bool
) -> None:
    sent = {**TYPED, "b32_secret": secret}

    text = admin_client.post(
        url_of(subscriber), {**sent, "_continue": "1"}, follow=True
    )

    subscriber.refresh_from_db()
    assert subscriber.b32_secret == secret
    assert ("shorter than 112 bits" in text.content.decode()) == is_warned


@pytest.mark.parametrize("secret", ["not base32!", "ABCDEFG"])
def test_a_secret_that_is_none_is_refused(
    admin_client: Client, subscriber: Subscriber, secret: str
) -> None:
    response = admin_client.post(url_of(subscriber), {**TYPED, "b32_secret": secret})

    assert response.context["adminform"].form.errors.keys() == {"b32_secret"}


def test_buttons_of_the_page_block_and_unblock(
    admin_client: Client, subscriber: Subscriber
) -> None:
    terms = {"blocked_type": "play", "seconds": "900"}

    admin_client.post(url_of(subscriber, "block"), terms)
    subscriber.refresh_from_db()
    assert subscriber.is_blocked("play", timezone.now())
    assert "Unblock</button>" in page(admin_client, url_of(subscriber))

    admin_client.post(url_of(subscriber, "unblock"))
    subscriber.refresh_from_db()
    assert not subscriber.is_blocked("play", timezone.now())
    assert "Unblock</button>" not in page(admin_client, url_of(subscriber))

    admin_client.post(url_of(subscriber, "block"), {**terms, "seconds": "1"})
    assert len(history(subscriber)) == 2


def test_a_block_until_a_date_cuts_who_is_live(
    admin_client: Client, on_air: Broadcast
) -> None:
    row = Subscriber.objects.create(
        application=on_air.application, stream_id="cam", subscriber_id="sub-9"
    )
    block = {"blocked_type": "publish", "blocked_until_0": "2099-07-01"}

    admin_client.post(
        url_of(row),
        {
            **TYPED,
            **block,
            "blocked_until_1": "12:00:00",
            "time_zone": "Europe/Berlin",
        },
    )

    row.refresh_from_db()
    assert row.blocked_until is not None
    assert row.blocked_until.isoformat() == "2099-07-01T10:00:00+00:00"
    assert LiveSession.objects.get(role="publish").ending == Ending.BLOCKED


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"blocked_type": "play"}, "blocked_until"),
        ({"blocked_until_0": "2099-07-01", "blocked_until_1": "12:00"}, "blocked_type"),
        (
            {
                "blocked_type": "play",
                "blocked_until_0": "2020-07-01",
                "blocked_until_1": "12:00",
            },
            "blocked_until",
        ),
    ],
)
def test_half_a_block_is_refused(
    admin_client: Client, subscriber: Subscriber, typed: dict[str, str], field: str
) -> None:
    response = admin_client.post(url_of(subscriber), {**TYPED, **typed})

    assert response.context["adminform"].form.errors.keys() == {field}


def test_a_block_that_is_past_is_in_nobodys_way(
    admin_client: Client, subscriber: Subscriber
) -> None:
    Subscriber.objects.update(blocked_type="play", blocked_until_ms=1000)
    assert "1970" not in page(admin_client, url_of(subscriber))

    response = admin_client.post(url_of(subscriber), TYPED)

    assert response.status_code == 302
    subscriber.refresh_from_db()
    assert (subscriber.blocked_type, subscriber.blocked_until_ms) == ("", 0)


# Permissions


def test_who_may_only_look_gets_no_secret(clerk: Login, subscriber: Subscriber) -> None:
    client = clerk("view_subscriber")

    text = page(client, url_of(subscriber))

    assert subscriber.b32_secret not in text
    assert "<svg" not in text.split('id="content"')[1].split("<footer")[0]
    assert "New secret" not in text
    assert "its own" in text
    for name in ("new_secret", "check_code", "block", "unblock"):
        assert client.post(url_of(subscriber, name)).status_code == 403
    for lookup in ("b32_secret", "b32_secret__startswith"):
        response = client.get(list_url(Subscriber), {lookup: "6"})
        assert response.status_code == 400
    act(client, Subscriber, "block_selected", subscriber)
    subscriber.refresh_from_db()
    assert subscriber.blocked_type == ""
    assert history(subscriber) == []


def test_many_are_blocked_with_one_message(
    admin_client: Client, subscriber: Subscriber
) -> None:
    other = Subscriber.objects.create(
        application=subscriber.application, stream_id="cam", subscriber_id="berta"
    )

    act(admin_client, Subscriber, "block_selected", subscriber, other)
    assert "Blocked: 2." in page(admin_client, list_url(Subscriber))
    assert Subscriber.objects.filter(blocked_type="publish_play").count() == 2

    act(admin_client, Subscriber, "unblock_selected", subscriber, other)
    assert "No longer blocked: 2." in page(admin_client, list_url(Subscriber))
    assert not Subscriber.objects.exclude(blocked_type="").exists()


@pytest.mark.parametrize("until_ms", [2**62, 253_402_300_799_000])
def test_a_block_for_ever_has_a_page(
    admin_client: Client, subscriber: Subscriber, until_ms: int
) -> None:
    """Programs may block until a time that no calendar has."""
    Subscriber.objects.update(blocked_type="play", blocked_until_ms=until_ms)

    for url in (url_of(subscriber), list_url(Subscriber)):
        assert "until 9999-12-30 00:00:00 UTC" in page(admin_client, url)
