"""How a receiver knows that a post comes from here."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

USER_AGENT = "antmedia-site-webhook/1"


def encode_body(body: Mapping[str, object]) -> bytes:
    """The bytes that are signed and posted: JSON, UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(
        errors="replace"
    )


def sign(secret: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of the raw body in hex (docs/webhooks.md)."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def headers_of(body: bytes, secret: str, delivery_id: str = "") -> dict[str, str]:
    """The headers of a post. Without a secret it is not signed."""
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    if delivery_id:
        headers["X-Webhook-Id"] = delivery_id
    if secret:
        headers["X-Signature-256"] = sign(secret, body)
    return headers
