"""What REST's tests do not reach: clocks, expiry and two users at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streams import credentials
from streams.models import Application, Token
from streams.services import tokens
from streams.services.tokens import (
    KEPT_AFTER_EXPIRY,
    create_token,
    forget_expired_tokens,
    use_token,
)
from tests.streams.conftest import TurnableClock

LIFE_S = 60


def make(application: Application, clock: TurnableClock, room: str = "") -> Token:
    expire_s = int(clock().timestamp()) + LIFE_S
    return create_token(application, "cam", "play", expire_s, room)


def use(application: Application, token: Token, clock: TurnableClock) -> bool:
    return use_token(application, token.token_id, "cam", "play", token.room_id, clock())


def test_a_token_is_good_until_the_second_it_expires(
    application: Application, clock: TurnableClock
) -> None:
    early, late = make(application, clock), make(application, clock)
    clock.turn(seconds=LIFE_S - 1)
    assert use(application, early, clock)
    clock.turn(seconds=1)
    assert not use(application, late, clock)


def test_of_two_users_at_once_one_gets_in(
    application: Application,
    clock: TurnableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other deletes the row between this one's look and its delete."""
    token = make(application, clock)
    decide = credentials.use_of_token

    def decide_late(*args: object) -> object:
        monkeypatch.setattr(tokens, "use_of_token", decide)
        assert use(application, token, clock)
        return decide(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "use_of_token", decide_late)
    assert not use(application, token, clock)


def test_a_rooms_token_is_not_used_up(
    application: Application, clock: TurnableClock
) -> None:
    token = make(application, clock, "lobby")
    assert all(use(application, token, clock) for _ in range(3))


def test_expired_tokens_are_forgotten_a_day_later(
    application: Application, clock: TurnableClock
) -> None:
    old, young = make(application, clock), make(application, clock)
    Token.objects.filter(pk=young.pk).update(expire_date=old.expire_date + 1)
    clock.turn(seconds=LIFE_S)
    clock.now += KEPT_AFTER_EXPIRY - timedelta(seconds=1)
    assert forget_expired_tokens(clock()) == 0
    clock.turn(seconds=1)
    assert forget_expired_tokens(clock()) == 1
    assert Token.objects.get() == young


def test_a_token_says_what_does_not_fit(application: Application) -> None:
    with pytest.raises(ValueError, match=r"streamId: .*roomId: "):
        create_token(application, "a b", "play", 2**40, "a room")
