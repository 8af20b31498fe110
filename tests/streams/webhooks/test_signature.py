from __future__ import annotations

import hashlib

from streams.webhooks.signature import encode_body, headers_of, sign


def hmac_sha256(key: bytes, message: bytes) -> str:
    """RFC 2104 spelled out, for a key of at most 64 bytes."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


def test_the_signature_is_the_hmac_of_the_raw_body() -> None:
    assert sign("schlüssel", b'{"id":"cam"}') == "sha256=" + hmac_sha256(
        "schlüssel".encode(), b'{"id":"cam"}'
    )


def test_the_vector_of_rfc_4231_holds() -> None:
    assert sign("Jefe", b"what do ya want for nothing?") == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_an_unsigned_post_has_no_signature() -> None:
    headers = headers_of(b"{}", "")

    assert set(headers) == {"Content-Type", "User-Agent"}
    assert headers["Content-Type"] == "application/json"


def test_a_delivery_is_named_so_that_repeats_can_be_dropped() -> None:
    assert headers_of(b"{}", "s", "7")["X-Webhook-Id"] == "7"


def test_half_a_character_of_a_client_does_no_harm() -> None:
    assert encode_body({"name": "ü\ud800"}) == '{"name":"ü?"}'.encode()
