"""Tokens by which subscribers use push notifications (contract 2.3)."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.credentials import is_good_subscriber_jwt, make_jwt

NOW_S = 1_700_000_000
SECRET = "0123456789abcdef0123456789abcdef"
CLAIMS: dict[str, Any] = {"subscriberId": "anna", "exp": NOW_S + 60}


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, secret, algorithm)


def is_good(token: str, secret: str = SECRET, subscriber_id: str = "anna") -> bool:
    return is_good_subscriber_jwt(token, secret, subscriber_id, NOW_S)


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS,
        {"iss": "anna", "exp": NOW_S + 60},  # as the JavaScript SDK documents it
        {"subscriberId": "anna", "iss": "our back end", "exp": NOW_S + 1},
        {"subscriberId": "anna"},
        {**CLAIMS, "iat": NOW_S, "nbf": NOW_S},
    ],
)
def test_it_accepts_the_subscriber_it_names(claims: dict[str, Any]) -> None:
    assert is_good(signed(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": NOW_S + 60},
        {"subscriberId": "bert", "exp": NOW_S + 60},
        {"subscriberId": "bert", "iss": "anna", "exp": NOW_S + 60},
        {"subscriberId": ["anna"], "exp": NOW_S + 60},
        {"subscriberId": None, "iss": "anna", "exp": NOW_S + 60},
        {"subscriberId": "anna", "exp": NOW_S},
        {"subscriberId": "anna", "exp": 0},
        {"subscriberId": "anna", "exp": None},
        {"subscriberId": "anna", "exp": True},
        {**CLAIMS, "exp": 1.5e12},
        {**CLAIMS, "nbf": NOW_S + 1},
        {**CLAIMS, "iat": NOW_S + 1},
        {**CLAIMS, "nbf": "soon"},
    ],
)
def test_it_refuses_other_claims(claims: dict[str, Any]) -> None:
    assert not is_good(signed(**claims))


def test_it_refuses_another_key_and_algorithm() -> None:
    assert not is_good(signed("f" * 32, **CLAIMS))
    assert not is_good(signed("f" * 64, "HS512", **CLAIMS), "f" * 64)


def test_without_a_key_nobody_is_good() -> None:
    # HMAC takes an empty key for as many NUL bytes.
    assert not is_good(jwt.encode(CLAIMS, bytes(64), "HS256"), "")


def test_nobody_without_an_id_is_good() -> None:
    assert not is_good(signed(subscriberId=""), subscriber_id="")


def test_a_token_for_a_stream_is_none_for_a_subscriber() -> None:
    token = make_jwt(SECRET, "anna", "publish", NOW_S + 60)

    assert not is_good(token)


@given(st.text())
def test_nothing_unsigned_is_good_or_raises(token: str) -> None:
    assert not is_good(token)
