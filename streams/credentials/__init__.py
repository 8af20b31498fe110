"""Tokens, JWT, hashes and time-based codes: made and checked (contract 7.4).

Pure: rows come in as values, the clock as unix seconds. Nothing a client presents
makes a check raise.
"""

from streams.credentials.claims import AccessRules, Claim
from streams.credentials.hashes import is_good_hash, make_hash
from streams.credentials.tokens import StoredToken, TokenUse, use_of_token
from streams.credentials.totp import (
    StoredSubscriber,
    current_code,
    derived_key,
    enrolment_uri,
    is_good_code,
    stored_key,
    subscriber_key,
    totp_code,
)
from streams.credentials.web_tokens import (
    is_good_jwt,
    is_good_subscriber_jwt,
    make_jwt,
)

__all__ = [
    "AccessRules",
    "Claim",
    "StoredSubscriber",
    "StoredToken",
    "TokenUse",
    "current_code",
    "derived_key",
    "enrolment_uri",
    "is_good_code",
    "is_good_hash",
    "is_good_jwt",
    "is_good_subscriber_jwt",
    "make_hash",
    "make_jwt",
    "stored_key",
    "subscriber_key",
    "totp_code",
    "use_of_token",
]
