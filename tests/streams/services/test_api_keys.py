from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from streams.models import ApiKey, Application, Scope
from streams.services.api_keys import (
    create_api_key,
    find_api_key,
    looks_like_api_key,
    revoke_api_key,
)
from tests.streams.conftest import TurnableClock, at_most


@pytest.fixture
def key(application: Application) -> tuple[ApiKey, str]:
    return create_api_key("backend")


def test_a_key_is_found_by_its_text(
    key: tuple[ApiKey, str], clock: TurnableClock
) -> None:
    row, text = key
    assert find_api_key(text, clock()) == row
    assert looks_like_api_key(text)


def test_a_keys_text_is_stored_nowhere(key: tuple[ApiKey, str]) -> None:
    prefix, _, secret = key[1].partition(".")
    stored = ApiKey.objects.values().get()
    assert stored["prefix"] == prefix
    assert len(secret) == 43  # 256 bits
    assert all(secret not in str(value) for value in stored.values())


def test_two_keys_have_nothing_in_common(application: Application) -> None:
    first, second = create_api_key("one")[1], create_api_key("two")[1]
    assert not set(first.split(".")) & set(second.split("."))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text + "\n",
        lambda text: text.partition(".")[0],
        lambda text: text.partition(".")[2],
        lambda text: "." + text.partition(".")[2],
        lambda text: text.swapcase(),
        lambda text: text.replace(".", ".."),
        lambda text: "abcdefghij." + text.partition(".")[2],
    ],
)
def test_another_text_finds_nothing(
    key: tuple[ApiKey, str], clock: TurnableClock, change: Any
) -> None:
    assert find_api_key(change(key[1]), clock()) is None
    assert ApiKey.objects.get().last_used_at is None


def test_an_unknown_prefix_costs_a_comparison_too(
    key: tuple[ApiKey, str], clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    compare_digest = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    find_api_key("abcdefghij." + "x" * 43, clock())
    find_api_key(key[1], clock())
    assert compared == [(64, 64), (64, 64)]


def test_a_revoked_key_is_not_found(
    key: tuple[ApiKey, str], clock: TurnableClock
) -> None:
    row, text = key
    assert revoke_api_key(row, clock)
    assert find_api_key(text, clock()) is None
    assert ApiKey.objects.get().revoked_at == clock()


def test_a_key_is_revoked_once(key: tuple[ApiKey, str], clock: TurnableClock) -> None:
    first = clock()
    revoke_api_key(key[0], clock)
    clock.turn(seconds=5)
    assert not revoke_api_key(key[0], clock)
    assert ApiKey.objects.get().revoked_at == first


def test_a_key_is_good_until_it_expires(
    application: Application, clock: TurnableClock
) -> None:
    row, text = create_api_key("x", expires_at=clock() + timedelta(seconds=10))
    clock.turn(seconds=9)
    assert find_api_key(text, clock()) == row
    clock.turn(seconds=1)
    assert find_api_key(text, clock()) is None


def test_its_use_is_noted_once_a_minute(
    key: tuple[ApiKey, str], clock: TurnableClock
) -> None:
    first = clock()
    find_api_key(key[1], clock())
    clock.turn(seconds=59)
    with at_most(1):
        find_api_key(key[1], clock())
    assert ApiKey.objects.get().last_used_at == first
    clock.turn(seconds=1)
    find_api_key(key[1], clock())
    assert ApiKey.objects.get().last_used_at == clock()


@pytest.mark.parametrize(
    ("name", "scope"), [("", Scope.READ), ("x" * 129, Scope.READ), ("x", "all")]
)
def test_a_key_that_does_not_fit_is_refused(
    application: Application, name: str, scope: str
) -> None:
    with pytest.raises(ValidationError):
        create_api_key(name, scope)
    assert not ApiKey.objects.exists()


def test_a_used_name_is_refused(key: tuple[ApiKey, str]) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        create_api_key("backend")
