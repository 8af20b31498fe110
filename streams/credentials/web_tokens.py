"""JSON web tokens for streams (contract 7.4): HS256 and nothing else."""

from __future__ import annotations

from typing import Any

import jwt

from streams.credentials.claims import Claim, to_bytes
from streams.credentials.tokens import StoredToken, TokenUse, use_of_token

ALGORITHM = "HS256"
MIN_KEY_CHARS = 32  # to make one (contract 7.3)
MAX_TOKEN_CHARS = 4096
_HMAC_BLOCK_BYTES = 64
# The clock is ours; what a token says of issuer and audience is not asked for.
_SIGNATURE_ONLY: Any = {
    f"verify_{name}": False
    for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


def make_jwt(
    secret: str, stream_id: str, type: str, expire_s: int, room: str = ""
) -> str:
    """A token for one stream, or room, until `expire_s` (unix seconds).

    Raises:
        ValueError: the key is too short, or looks like a public key.
    """
    if len(secret) < MIN_KEY_CHARS:
        raise ValueError(f"the key has fewer than {MIN_KEY_CHARS} characters")
    claims = {"streamId": stream_id, "type": type, "exp": expire_s}
    if room:
        claims["roomId"] = room
    try:
        return jwt.encode(claims, to_bytes(secret), ALGORITHM)
    except jwt.InvalidKeyError as error:
        raise ValueError(str(error)) from error


def is_good_jwt(claim: Claim, secret: str, now_s: int) -> bool:
    """Whether the token is signed, in time, and for this stream or its room.

    Contract 7.4: `streamId`, `type` and `exp` are needed, `nbf`, `iat` and `roomId`
    are honoured. The rule of rooms is that of the tokens made here. It does not wear
    out by use.
    """
    claims = _read(claim.token, secret)
    if claims is None or not _has_begun(claims, now_s):
        return False
    token = _to_token(claims)
    return use_of_token(claim, token, now_s) is not TokenUse.REFUSED


def is_good_subscriber_jwt(
    token: str, secret: str, subscriber_id: str, now_s: int
) -> bool:
    """Whether the token is signed, in time, and this subscriber's own.

    Ant Media's server writes the id as the claim `subscriberId`; the JavaScript SDK
    2.16.2 documents `iss` for tokens that operators make. `exp`, `nbf` and `iat` are
    honoured where they are; by that documentation a token may be without.
    """
    claims = _read(token, secret)
    if claims is None or not _has_begun(claims, now_s):
        return False
    if "exp" in claims and not (_is_seconds(claims["exp"]) and now_s < claims["exp"]):
        return False
    named = claims.get("subscriberId", claims.get("iss"))
    return bool(subscriber_id) and named == subscriber_id


def _read(text: str, secret: str) -> dict[str, Any] | None:
    """The claims of a token with a good signature."""
    if not secret or len(text) > MAX_TOKEN_CHARS or not text.isascii():
        return None
    # HMAC fills a short key up with NUL bytes itself: the same key, but PyJWT does
    # not warn of it at each check. The admin says it once.
    key = to_bytes(secret).ljust(_HMAC_BLOCK_BYTES, b"\0")
    try:
        return jwt.decode(text, key, algorithms=[ALGORITHM], options=_SIGNATURE_ONLY)
    except jwt.PyJWTError:
        return None


def _has_begun(claims: dict[str, Any], now_s: int) -> bool:
    return all(
        _is_seconds(claims[name]) and claims[name] <= now_s
        for name in ("nbf", "iat")
        if name in claims
    )


def _to_token(claims: dict[str, Any]) -> StoredToken | None:
    """The claims as a row would have them, or None if one is missing or odd."""
    claims = {"roomId": "", **claims}
    if not _is_seconds(claims.get("exp")):
        return None
    match claims:
        case {
            "streamId": str(stream_id),
            "type": str(type_),
            "exp": int(expire_s),
            "roomId": str(room),
        }:
            return StoredToken(stream_id, type_, expire_s, room)
    return None


def _is_seconds(value: object) -> bool:
    """A whole number; true and false are ints only to Python."""
    return isinstance(value, int) and not isinstance(value, bool)
