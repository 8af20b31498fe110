from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.db import OperationalError

from streams import services
from streams.models import Application, PushToken
from streams.policy import AccessDenied
from streams.push import Device, Push
from streams.services import (
    PushRefusal,
    PushRefusedError,
    PushRegistration,
    PushRequest,
    push,
)
from tests.streams.conftest import TurnableClock, at_most

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def application(application: Application) -> Application:
    Application.objects.update(push_jwt_secret=SECRET)
    return application


def token_of(subscriber_id: str, clock: TurnableClock) -> str:
    expiry = clock() + timedelta(minutes=5)
    return jwt.encode({"subscriberId": subscriber_id, "exp": expiry}, SECRET, "HS256")


def register(
    clock: TurnableClock, subscriber_id: str, device: str = "device", **fields: str
) -> None:
    registration = PushRegistration(
        "LiveApp", subscriber_id, token_of(subscriber_id, clock), device, "fcm"
    )
    services.register_push_token(replace(registration, **fields), clock)


def request_of(clock: TurnableClock, **fields: Any) -> PushRequest:
    request = PushRequest(
        "LiveApp", "anna", token_of("anna", clock), '{"title":"Call"}', ("bert",)
    )
    return replace(request, **fields)


def refused_registration(clock: TurnableClock, **fields: str) -> PushRefusedError:
    with pytest.raises(PushRefusedError) as caught:
        register(clock, "anna", **fields)
    assert not PushToken.objects.exists()
    return caught.value


def refused_request(clock: TurnableClock, **fields: Any) -> PushRefusedError:
    with pytest.raises(PushRefusedError) as caught:
        services.prepare_push(request_of(clock, **fields), clock)
    return caught.value


def devices() -> list[tuple[str, str, str]]:
    rows = PushToken.objects.order_by("pk")
    return list(rows.values_list("subscriber_id", "type", "token"))


# Registration


def test_a_device_is_registered_once(clock: TurnableClock) -> None:
    register(clock, "anna")
    clock.turn(seconds=9)
    register(clock, "anna")
    register(clock, "anna", type="apn")

    assert devices() == [("anna", "fcm", "device"), ("anna", "apn", "device")]
    assert PushToken.objects.order_by("pk")[0].registered_at == clock()


def test_a_device_belongs_to_who_registered_it_last(clock: TurnableClock) -> None:
    """What is meant for Anna must not appear on a telephone that Bert has now."""
    register(clock, "anna")
    register(clock, "bert")

    assert devices() == [("bert", "fcm", "device")]


def test_applications_do_not_share_devices(clock: TurnableClock) -> None:
    register(clock, "anna")
    register(clock, "bert", application="WebRTCAppEE")

    assert len(devices()) == 2


def test_a_subscriber_keeps_the_newest_devices(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "MAX_DEVICES", 2)
    register(clock, "bert", "other")
    for device in ("one", "two", "one", "three"):
        clock.turn(seconds=1)
        register(clock, "anna", device)

    assert {device for _, _, device in devices()} == {"other", "one", "three"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"subscriber_id": ""}, "subscriberId"),
        ({"token": ""}, "token"),
        ({"registration_token": ""}, "pnsRegistrationToken"),
        ({"registration_token": "a b"}, "pnsRegistrationToken"),
        ({"registration_token": "ä"}, "pnsRegistrationToken"),
        ({"registration_token": "x" * 1025}, "pnsRegistrationToken"),
        ({"type": "sms"}, "pnsType"),
        ({"type": ""}, "pnsType"),
    ],
)
def test_a_registration_says_what_it_lacks(
    clock: TurnableClock, fields: dict[str, str], name: str
) -> None:
    if "subscriber_id" in fields:
        with pytest.raises(PushRefusedError) as caught:
            services.register_push_token(
                PushRegistration("LiveApp", "", "t", "device", "fcm"), clock
            )
        refused = caught.value
    else:
        refused = refused_registration(clock, **fields)

    assert refused.reason is PushRefusal.PARAMETER
    assert name in str(refused)


def test_a_registration_needs_a_good_token(clock: TurnableClock) -> None:
    for fields in (
        {"token": "no.jwt.at-all"},
        {"token": token_of("bert", clock)},
        {"application": "Nowhere"},
    ):
        assert refused_registration(clock, **fields).reason is PushRefusal.TOKEN


def test_an_expired_token_is_refused(clock: TurnableClock) -> None:
    token = token_of("anna", clock)
    clock.turn(minutes=5)

    assert refused_registration(clock, token=token).reason is PushRefusal.TOKEN


def test_without_a_key_every_command_is_refused(clock: TurnableClock) -> None:
    Application.objects.update(push_jwt_secret="")
    # HMAC takes an empty key for as many NUL bytes.
    empty = jwt.encode({"subscriberId": "anna"}, bytes(64), "HS256")

    assert refused_registration(clock, token=empty).reason is PushRefusal.TOKEN
    assert refused_request(clock, token=empty).reason is PushRefusal.TOKEN


# Sending


def test_a_push_goes_to_all_devices_of_those_subscribers(
    clock: TurnableClock,
) -> None:
    register(clock, "bert", "one")
    register(clock, "bert", "two", type="apn")
    register(clock, "carl", "three")
    register(clock, "dora", "four")
    register(clock, "bert", "elsewhere", application="WebRTCAppEE")
    request = request_of(clock, subscriber_ids=("bert", "carl", "nobody"), topic="t")

    with at_most(2):
        prepared = services.prepare_push(request, clock)

    assert prepared == Push(
        application="LiveApp",
        sender_id="anna",
        content={"title": "Call"},
        devices=(
            Device("bert", "fcm", "one"),
            Device("bert", "apn", "two"),
            Device("carl", "fcm", "three"),
        ),
        topic="",
    )


def test_a_push_may_go_to_a_topic(clock: TurnableClock) -> None:
    request = request_of(clock, subscriber_ids=(), topic="news-1.all")

    prepared = services.prepare_push(request, clock)

    assert (prepared.topic, prepared.devices) == ("news-1.all", ())


def test_a_push_to_subscribers_without_devices_is_refused(
    clock: TurnableClock,
) -> None:
    refused = refused_request(clock, topic="news")

    assert refused.reason is PushRefusal.NOBODY


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"subscriber_id": ""}, "subscriberId"),
        ({"token": ""}, "token"),
        ({"content": ""}, "pushNotificationContent"),
        ({"content": json.dumps({"a": "x" * 8192})}, "pushNotificationContent"),
        ({"subscriber_ids": ()}, "topic"),
        ({"subscriber_ids": ("bert", "")}, "subscriberIdsToNotify"),
        (
            {"subscriber_ids": tuple(map(str, range(501)))},
            "subscriberIdsToNotify",
        ),
        ({"subscriber_ids": (), "topic": "a' || 'b"}, "topic"),
        ({"subscriber_ids": (), "topic": "x" * 256}, "topic"),
    ],
)
def test_a_push_says_what_it_lacks(
    clock: TurnableClock, fields: dict[str, Any], name: str
) -> None:
    register(clock, "bert")

    refused = refused_request(clock, **fields)

    assert refused.reason is PushRefusal.PARAMETER
    assert name in str(refused)


def test_a_push_needs_a_good_token(clock: TurnableClock) -> None:
    register(clock, "bert")

    refused = refused_request(clock, token=token_of("bert", clock))

    assert refused.reason is PushRefusal.TOKEN


def test_devices_that_are_gone_are_forgotten(clock: TurnableClock) -> None:
    for device in ("one", "two", "other"):
        register(clock, "bert" if device != "other" else "carl", device)
    prepared = services.prepare_push(request_of(clock), clock)

    # A sender cannot have others' forgotten.
    assert services.forget_push_tokens(prepared, ("one", "other", "never")) == 1
    assert {device for _, _, device in devices()} == {"two", "other"}


def test_commands_are_refused_while_the_database_is_away(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(push, "find_application", away)

    with pytest.raises(AccessDenied):
        register(clock, "anna")
    with pytest.raises(AccessDenied):
        services.prepare_push(request_of(clock), clock)
