"""Hash tokens (contract 7.4): made by whoever shares the secret."""

from __future__ import annotations

import hashlib
import hmac

from streams.credentials.claims import Claim, to_bytes


def make_hash(stream_id: str, type: str, secret: str) -> str:
    """64 lower-case hex digits: sha256 of the three texts, without separators."""
    return hashlib.sha256(to_bytes(stream_id + type + secret)).hexdigest()


def is_good_hash(claim: Claim, secret: str) -> bool:
    """Whether the token is the hash of this stream and role, to the letter."""
    if not secret:
        return False  # anybody can make hashes without a secret
    expected = make_hash(claim.stream_id, claim.role, secret)
    return hmac.compare_digest(to_bytes(claim.token), expected.encode())
