"""Settings of access that contradict each other are refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from streams.models import Application

SECRETS = {
    "jwt_stream_secret": "k" * 32,
    "token_hash_secret": "salt",
    "rest_jwt_secret": "k" * 32,
}


def errors(application: Application, **settings: Any) -> set[str]:
    for name, value in settings.items():
        setattr(application, name, value)
    try:
        application.full_clean()
    except ValidationError as error:
        return set(error.error_dict)
    return set()


@pytest.mark.parametrize("direction", ["publish", "play"])
@pytest.mark.parametrize(
    "kinds", [("token", "jwt"), ("jwt", "totp"), ("token", "totp")]
)
def test_a_direction_asks_for_one_kind_of_token(
    application: Application, direction: str, kinds: tuple[str, str]
) -> None:
    names = {f"{direction}_{kind}_enabled" for kind in kinds}

    assert errors(application, **SECRETS, **dict.fromkeys(names, True)) == names


def test_each_direction_may_ask_for_another_kind_and_a_hash_besides(
    application: Application,
) -> None:
    settings = {
        "publish_token_enabled": True,
        "publish_hash_enabled": True,
        "play_jwt_enabled": True,
        "play_hash_enabled": True,
    }
    assert errors(application, **SECRETS, **settings) == set()


@pytest.mark.parametrize(
    ("switch", "secret"),
    [
        ("publish_jwt_enabled", "jwt_stream_secret"),
        ("play_jwt_enabled", "jwt_stream_secret"),
        ("publish_hash_enabled", "token_hash_secret"),
        ("play_hash_enabled", "token_hash_secret"),
        ("rest_jwt_enabled", "rest_jwt_secret"),
    ],
)
def test_a_check_that_nobody_could_pass_is_not_switched_on(
    application: Application, switch: str, secret: str
) -> None:
    assert errors(application, **{switch: True}) == {secret}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("totp_period_s", 9),
        ("totp_period_s", 2**31),
        ("viewer_limit", -2),
        ("publisher_limit", -2),
        ("publish_webhook_url", "ftp://example.org/"),
        ("play_webhook_url", "javascript:alert(1)"),
        ("listener_hook_url", "not an address"),
        ("rest_allowed_cidr", "10.0.0.0/99"),
        ("connection_event_days", 0),
    ],
)
def test_it_refuses_a_value_out_of_range(
    application: Application, name: str, value: object
) -> None:
    assert errors(application, **{name: value}) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("totp_period_s", 10),
        ("totp_period_s", 2**31 - 1),
        ("viewer_limit", 0),
        ("publish_webhook_url", "http://127.0.0.1:9000/may"),
        ("rest_allowed_cidr", "10.0.0.0/8, ::1"),
    ],
)
def test_it_takes_a_value_at_the_edge(
    application: Application, name: str, value: object
) -> None:
    assert errors(application, **{name: value}) == set()


def test_nothing_is_asked_for_and_nothing_is_bounded_at_first(
    application: Application,
) -> None:
    assert not any(
        getattr(application, f"{direction}_{kind}_enabled")
        for direction in ("publish", "play")
        for kind in ("token", "jwt", "totp", "hash")
    )
    assert application.viewer_limit == application.publisher_limit == -1
    assert application.totp_period_s == 60
