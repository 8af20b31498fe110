"""Time-limited TURN credentials: the TURN REST API, coturn's `use-auth-secret`.

The server that makes them and the TURN server have a secret in common and nothing
else. Source: draft-uberti-behave-turn-rest-00, 2.2.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnCredential:
    username: str
    password: str


def make_turn_credential(secret: str, client: str, expires_s: int) -> TurnCredential:
    """What lets `client` use the TURN server until `expires_s` (Unix time).

    `client`: any text without a colon; coturn counts allocations by it (user-quota).
    """
    username = f"{expires_s}:{client}"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return TurnCredential(username, b64encode(digest).decode())
