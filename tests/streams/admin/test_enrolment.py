"""Enrolment and the check of codes on a subscriber's page."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from streams.credentials import stored_key, totp_code
from streams.models import Application, Subscriber
from streams.secrets import decode_base32
from tests.streams.admin.conftest import history, page, url_of


def check(client: Client, subscriber: Subscriber, code: str, role: str = "play") -> str:
    url = url_of(subscriber, "check_code")
    response = client.post(url, {"code": code, "role": role}, follow=True)
    (message,) = response.context["messages"]
    return str(message)


def code_of(subscriber: Subscriber, steps_ago: int = 0) -> str:
    moment = int(time.time()) - 60 * steps_ago
    return totp_code(stored_key(subscriber.b32_secret), 60, moment)


def test_a_button_makes_a_secret_of_160_bits(
    admin_client: Client, subscriber: Subscriber
) -> None:
    before = subscriber.b32_secret

    admin_client.post(url_of(subscriber, "new_secret"))

    subscriber.refresh_from_db()
    assert subscriber.b32_secret != before
    assert len(decode_base32(subscriber.b32_secret)) == 20
    assert history(subscriber) == ["Made a new secret."]


def test_the_page_draws_a_qr_code_and_nobody_keeps_the_page(
    admin_client: Client, subscriber: Subscriber
) -> None:
    response = admin_client.get(url_of(subscriber))

    assert "<svg" in response.content.decode().split('class="qr"')[1]
    assert "no-store" in response.headers["Cache-Control"]


def test_a_subscriber_without_any_secret_has_no_qr_code(
    admin_client: Client, subscriber: Subscriber
) -> None:
    Subscriber.objects.update(b32_secret="")
    assert "There is no secret" in page(admin_client, url_of(subscriber))

    Application.objects.update(totp_secret_play="of the application")
    assert 'class="qr"' in page(admin_client, url_of(subscriber))


def test_a_code_is_checked(admin_client: Client, subscriber: Subscriber) -> None:
    Application.objects.update(play_totp_enabled=True)
    code = code_of(subscriber)

    told = check(admin_client, subscriber, f"{code[:3]} {code[3:]}")

    assert told == "This code would be accepted to play."


def test_it_says_when_nobody_asks_for_codes(
    admin_client: Client, subscriber: Subscriber
) -> None:
    told = check(admin_client, subscriber, code_of(subscriber))

    assert told.endswith("The application does not ask for codes to play now.")


@pytest.mark.parametrize(
    ("changes", "code", "role", "reason"),
    [
        ({}, "12345", "play", "6 digits"),
        ({}, "two steps ago", "play", "wrong, or too old"),
        ({}, "now", "publish", "may play only"),
        ({"b32_secret": ""}, "now", "play", "there is no secret"),
        (
            {"blocked_type": "play", "blocked_until_ms": 2**45},
            "now",
            "play",
            "is blocked",
        ),
    ],
)
def test_a_code_that_would_be_refused_has_a_reason(
    admin_client: Client,
    subscriber: Subscriber,
    changes: dict[str, object],
    code: str,
    role: str,
    reason: str,
) -> None:
    code = {
        "now": code_of(subscriber),
        "two steps ago": code_of(subscriber, steps_ago=3),
    }.get(code, code)
    Subscriber.objects.update(**changes)

    told = check(admin_client, subscriber, code, role)

    assert told.startswith(f"This code would not be accepted to {role}: ")
    assert reason in told


def test_an_empty_code_is_no_code(admin_client: Client, subscriber: Subscriber) -> None:
    assert check(admin_client, subscriber, "").startswith("Code: ")
