"""How a subscriber's device gets its secret, and whether a code would be taken."""

from __future__ import annotations

from datetime import datetime

import segno
from django.utils.safestring import SafeString, mark_safe

from streams.clock import Clock
from streams.credentials import Claim, enrolment_uri, is_good_code, subscriber_key
from streams.models import CredentialType, Subscriber
from streams.services.rules import rules_of, stored_subscriber

QR_PIXELS_A_MODULE = 4


def enrolment_qr(subscriber: Subscriber, role: str) -> SafeString | None:
    """An SVG picture for an authenticator application; None without a secret."""
    rules = rules_of(subscriber.application, role)
    try:
        key = subscriber_key(
            subscriber.subscriber_id,
            subscriber.stream_id,
            role,
            stored_subscriber(subscriber),
            rules.totp_secret,
        )
    except ValueError:
        return None
    address = enrolment_uri(
        key,
        subscriber_id=subscriber.subscriber_id,
        stream_id=subscriber.stream_id,
        application=subscriber.application.name,
        period_s=subscriber.totp_period_s or rules.totp_period_s,
    )
    picture = segno.make(address, error="m", micro=False)
    drawn = picture.svg_inline(scale=QR_PIXELS_A_MODULE, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308  modules of a QR code, no text


def check_code(subscriber: Subscriber, role: str, code: str, clock: Clock) -> str:
    """Empty where a session with this code would be let in now; otherwise why not."""
    now = clock()
    if subscriber.is_blocked(role, now):
        return "the subscriber is blocked"
    if subscriber.type not in (CredentialType.PUBLISH, role):
        return "this subscriber may play only"
    if _is_good(subscriber, role, code, now):
        return ""
    rules = rules_of(subscriber.application, role)
    if not subscriber.b32_secret and not rules.totp_secret:
        return "there is no secret: neither the subscriber nor the application has one"
    if not (len(code) == 6 and code.isdecimal() and code.isascii()):
        return "a code has 6 digits"
    return (
        "the code is wrong, or too old; compare the clocks and enrol again if need be"
    )


def is_asked_for(subscriber: Subscriber, role: str) -> bool:
    """Whether the application asks for codes at all."""
    return rules_of(subscriber.application, role).totp


def _is_good(subscriber: Subscriber, role: str, code: str, now: datetime) -> bool:
    claim = Claim(
        role=role,
        stream_id=subscriber.stream_id,
        subscriber_id=subscriber.subscriber_id,
        subscriber_code=code,
    )
    return is_good_code(
        claim,
        rules_of(subscriber.application, role),
        stored_subscriber(subscriber),
        int(now.timestamp()),
    )
