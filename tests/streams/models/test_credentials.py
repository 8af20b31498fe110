from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from streams.clock import to_ms
from streams.models import Application, Subscriber, Token
from tests.streams.conftest import TurnableClock


@pytest.fixture
def subscriber(application: Application) -> Subscriber:
    return Subscriber(application=application, stream_id="cam", subscriber_id="user1")


@pytest.mark.parametrize(
    ("blocked", "kind", "held"),
    [
        ("publish", "publish", True),
        ("publish", "play", False),
        ("play", "play", True),
        ("play", "publish", False),
        ("publish_play", "publish", True),
        ("publish_play", "play", True),
        ("", "play", False),
    ],
)
def test_a_block_is_for_its_kind(
    subscriber: Subscriber,
    clock: TurnableClock,
    blocked: str,
    kind: str,
    held: bool,
) -> None:
    subscriber.blocked_type = blocked
    subscriber.blocked_until_ms = to_ms(clock())

    assert subscriber.is_blocked(kind, clock()) is held


def test_a_block_ends(subscriber: Subscriber, clock: TurnableClock) -> None:
    subscriber.blocked_type = "play"
    subscriber.blocked_until_ms = to_ms(clock())
    assert subscriber.is_blocked("play", clock())
    assert not subscriber.is_blocked("play", clock() + timedelta(milliseconds=1))

    subscriber.blocked_until_ms = 0
    assert not subscriber.is_blocked("play", clock())
    assert subscriber.blocked_until is None


def test_half_a_block_is_refused(subscriber: Subscriber) -> None:
    subscriber.blocked_type = "play"
    with pytest.raises(ValidationError):
        subscriber.full_clean()
    subscriber.blocked_type, subscriber.blocked_until_ms = "", 1
    with pytest.raises(ValidationError):
        subscriber.full_clean()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", "abc"),
        ("stream_id", "a:b"),
        ("type", "Play"),
        ("b32_secret", "not base32"),
        ("totp_period_s", 9),
        ("totp_period_s", 2**31),
        ("concurrent_connections_limit", 0),
        ("blocked_type", "everything"),
    ],
)
def test_it_refuses_a_subscriber_that_cannot_be(
    subscriber: Subscriber, field: str, value: object
) -> None:
    setattr(subscriber, field, value)
    with pytest.raises(ValidationError) as refused:
        subscriber.full_clean()

    assert field in refused.value.error_dict


def test_a_stream_has_a_subscriber_once(subscriber: Subscriber) -> None:
    subscriber.save()
    subscriber.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        subscriber.save()


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "Publish"), ("stream_id", "?"), ("expire_date", 0), ("room_id", "a b")],
)
def test_it_refuses_a_token_that_cannot_be(
    application: Application, field: str, value: object
) -> None:
    token = Token(
        application=application, stream_id="cam", type="play", expire_date=2**31
    )
    token.full_clean()
    setattr(token, field, value)
    with pytest.raises(ValidationError) as refused:
        token.full_clean()

    assert set(refused.value.error_dict) == {field}
