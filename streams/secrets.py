"""Secrets made here, and what those brought from elsewhere must look like."""

from __future__ import annotations

import base64
import binascii
import re
import secrets

from django.core.exceptions import ValidationError

TOKEN_DIGITS = 24  # contract 7.1: as generated ids; here of 32 letters and digits
SECRET_BYTES = 20  # 160 bits (contract 12)
WEAK_BELOW_BYTES = 14  # 112 bits (NIST SP 800-63B)
MIN_SUBSCRIBER_ID_CHARS = 4  # contract T42
_SUBSCRIBER_ID = re.compile(r"\A[^\x00-\x1f\x7f]{4,255}\Z")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def generate_token_id() -> str:
    """120 random bits that survive being read aloud."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_DIGITS))


def generate_base32_secret() -> str:
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def decode_base32(text: str) -> bytes:
    """The HMAC key of a subscriber (contract 7.4).

    Raises:
        ValueError: not base32, or not a multiple of 8 characters long.
    """
    try:
        return base64.b32decode(text, casefold=True)
    except binascii.Error as error:
        raise ValueError("not base32 of a multiple of 8 characters") from error


def validate_base32(text: str) -> None:
    """Raise ValidationError unless `text` is a base32 secret."""
    try:
        key = decode_base32(text)
    except ValueError:
        key = b""
    if not key:
        raise ValidationError(
            "Use the letters A to Z and digits 2 to 7, a multiple of 8 of them."
        )


def is_weak(b32_secret: str) -> bool:
    """Whether a valid secret is shorter than it should be."""
    return len(decode_base32(b32_secret)) < WEAK_BELOW_BYTES


def validate_subscriber_id(text: str) -> None:
    """Raise ValidationError unless `text` can name a subscriber."""
    if not _SUBSCRIBER_ID.match(text):
        raise ValidationError("Use 4 to 255 characters, no control characters.")
