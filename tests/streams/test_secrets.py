from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from streams.secrets import (
    decode_base32,
    generate_base32_secret,
    generate_token_id,
    is_weak,
    validate_base32,
    validate_subscriber_id,
)


def test_secrets_made_here_have_160_bits() -> None:
    made = {generate_base32_secret() for _ in range(50)}

    assert len(made) == 50
    assert all(len(decode_base32(secret)) == 20 for secret in made)


def test_token_ids_made_here_have_120_bits_and_nothing_odd() -> None:
    made = {generate_token_id() for _ in range(50)}

    assert len(made) == 50
    assert all(len(token) == 24 and token.isalnum() for token in made)


def test_base32_is_read_in_either_case() -> None:
    assert decode_base32("mysecret") == decode_base32("MYSECRET")
    assert decode_base32("mysecret").hex() == "6624414493"  # contract 7.4


@pytest.mark.parametrize("text", ["", "mysecre", "mysecre1", "my secret", "é" * 8])
def test_it_refuses_what_is_no_base32_secret(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_base32(text)


def test_a_secret_below_112_bits_is_weak() -> None:
    assert is_weak("mysecret")
    assert not is_weak(generate_base32_secret())
    assert not is_weak("A" * 24)  # 15 bytes


@pytest.mark.parametrize("text", ["", "abc", "with\nnewline", "nul\0", "x" * 256])
def test_it_refuses_what_cannot_name_a_subscriber(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_subscriber_id(text)


@pytest.mark.parametrize("text", ["abcd", "anna@example.org", "Ünïcödé", "x" * 255])
def test_it_accepts_names_of_subscribers(text: str) -> None:
    validate_subscriber_id(text)
