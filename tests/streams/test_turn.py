"""Credentials as a TURN server checks them."""

from __future__ import annotations

from streams.turn import TurnCredential, make_turn_credential


def test_it_is_what_the_turn_server_computes() -> None:
    """By OpenSSL: printf 1700000000:c0ffee | openssl dgst -sha1 -hmac north -binary |
    base64.
    """
    assert make_turn_credential("north", "c0ffee", 1_700_000_000) == TurnCredential(
        "1700000000:c0ffee", "fitBXUK5kVfRSApKgz+navSqbJw="
    )


def test_it_depends_on_everything() -> None:
    made = {
        make_turn_credential(secret, client, expires_s).password
        for secret in ("north", "south")
        for client in ("ann", "bob")
        for expires_s in (1_700_000_000, 1_700_000_001)
    }
    assert len(made) == 8


def test_it_holds_no_secret() -> None:
    made = make_turn_credential("north", "ann", 1_700_000_000)
    assert "north" not in repr(made)
