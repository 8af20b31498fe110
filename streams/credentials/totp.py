"""Time-based codes of subscribers (RFC 6238 with SHA-1 and 6 digits; contract 7.4)."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import pyotp

from streams.credentials.claims import PUBLISH, AccessRules, Claim, to_bytes
from streams.secrets import MIN_SUBSCRIBER_ID_CHARS, decode_base32

DIGITS = 6
DERIVED_KEY_MULTIPLE = 8
DERIVED_KEY_FILLER = "X"
_HMAC_BLOCK_BYTES = 64
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class StoredSubscriber:
    """A subscriber's row. No secret: the derived one; no period: the direction's."""

    type: str
    b32_secret: str
    totp_period_s: int | None


def is_good_code(
    claim: Claim,
    rules: AccessRules,
    subscriber: StoredSubscriber | None,
    now_s: int,
) -> bool:
    """Whether the code is the subscriber's of this step or of the one before.

    `subscriber` is None for one that is not stored. A stored publisher may play, a
    stored viewer may not publish.
    """
    if not _CODE.fullmatch(claim.subscriber_code):
        return False
    if subscriber is not None and subscriber.type not in (PUBLISH, claim.role):
        return False
    period_s = _period(subscriber, rules.totp_period_s)
    try:
        key = subscriber_key(
            claim.subscriber_id,
            claim.stream_id,
            claim.role,
            subscriber,
            rules.totp_secret,
        )
        accepted = [
            totp_code(key, period_s, moment)
            for moment in (now_s, now_s - period_s)
            if moment >= 0
        ]
    except ValueError:
        return False  # no secret, or a row that holds none
    given = claim.subscriber_code.encode()
    # All are compared, so that the time taken does not tell which step it was.
    return sum(hmac.compare_digest(given, code.encode()) for code in accepted) > 0


def current_code(
    subscriber_id: str,
    stream_id: str,
    type: str,
    subscriber: StoredSubscriber | None,
    totp_secret: str,
    period_s: int,
    now_s: int,
) -> str:
    """The code that lets this subscriber in now; `period_s` is the direction's.

    Raises:
        ValueError: there is no secret for it, or its id is too short.
    """
    key = subscriber_key(subscriber_id, stream_id, type, subscriber, totp_secret)
    return totp_code(key, _period(subscriber, period_s), now_s)


def subscriber_key(
    subscriber_id: str,
    stream_id: str,
    type: str,
    subscriber: StoredSubscriber | None,
    totp_secret: str,
) -> bytes:
    """The key of a stored or unknown subscriber in the role `type`.

    Raises:
        ValueError: as of `current_code`, or the stored secret is not base32.
    """
    if subscriber is not None and subscriber.b32_secret:
        return stored_key(subscriber.b32_secret)
    if not totp_secret:
        raise ValueError("there is no secret for this subscriber")
    if subscriber is None and len(subscriber_id) < MIN_SUBSCRIBER_ID_CHARS:
        raise ValueError(
            f"a subscriber id has at least {MIN_SUBSCRIBER_ID_CHARS} characters"
        )
    return derived_key(totp_secret, subscriber_id, stream_id, type)


def stored_key(b32_secret: str) -> bytes:
    """The HMAC key of a stored secret.

    Raises:
        ValueError: empty, not base32, or not a multiple of 8 characters long.
    """
    key = decode_base32(b32_secret)
    if not key:
        raise ValueError("the secret is empty")
    return key


def derived_key(secret: str, subscriber_id: str, stream_id: str, type: str) -> bytes:
    """The HMAC key of a subscriber that is not stored: the texts, filled up with X.

    Base32 is only the form in which it is handed out (contract 7.4).
    """
    text = f"{secret}{subscriber_id}{stream_id}{type}"
    return to_bytes(text + DERIVED_KEY_FILLER * (-len(text) % DERIVED_KEY_MULTIPLE))


def totp_code(key: bytes, period_s: int, now_s: int) -> str:
    """The 6 digits of the step that `now_s` (unix seconds) is in.

    Raises:
        ValueError: before 1970, or the period is not positive.
    """
    if period_s < 1:
        raise ValueError("the period is not positive")
    # pyotp refuses keys below 112 bits, and its TOTP periods over 120 s; the contract
    # has both. HMAC fills a key shorter than its block up with NUL bytes (RFC 2104),
    # so filling it up here changes no code. HOTP takes any counter.
    filled = key.ljust(_HMAC_BLOCK_BYTES, b"\0")
    return pyotp.HOTP(base64.b32encode(filled).decode()).at(now_s // period_s)


def enrolment_uri(
    key: bytes,
    *,
    subscriber_id: str,
    stream_id: str,
    application: str,
    period_s: int,
) -> str:
    """What an authenticator application reads from a QR code (otpauth)."""
    issuer = quote(application, safe="")
    account = quote(f"{subscriber_id}@{stream_id}", safe="")
    fields = {
        "secret": base64.b32encode(key).decode().rstrip("="),
        "issuer": application,
        "algorithm": "SHA1",
        "digits": str(DIGITS),
        "period": str(period_s),
    }
    return f"otpauth://totp/{issuer}:{account}?{urlencode(fields, quote_via=quote)}"


def _period(subscriber: StoredSubscriber | None, period_s: int) -> int:
    if subscriber is None or subscriber.totp_period_s is None:
        return period_s
    return subscriber.totp_period_s
