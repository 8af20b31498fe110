"""Rows as the pure rules of `streams.credentials` want them."""

from __future__ import annotations

from streams.credentials import AccessRules, StoredSubscriber, StoredToken
from streams.models import Application, CredentialType, Subscriber, Token


def rules_of(application: Application, role: str) -> AccessRules:
    """What the application asks of publishers or viewers."""
    if role == CredentialType.PUBLISH:
        return AccessRules(
            token=application.publish_token_enabled,
            jwt=application.publish_jwt_enabled,
            jwt_secret=application.jwt_stream_secret,
            totp=application.publish_totp_enabled,
            totp_secret=application.totp_secret_publish,
            totp_period_s=application.totp_period_s,
            hash=application.publish_hash_enabled,
            hash_secret=application.token_hash_secret,
        )
    return AccessRules(
        token=application.play_token_enabled,
        jwt=application.play_jwt_enabled,
        jwt_secret=application.jwt_stream_secret,
        totp=application.play_totp_enabled,
        totp_secret=application.totp_secret_play,
        totp_period_s=application.totp_period_s,
        hash=application.play_hash_enabled,
        hash_secret=application.token_hash_secret,
    )


def stored_subscriber(row: Subscriber | None) -> StoredSubscriber | None:
    """What the rules need to know of a subscriber's row."""
    if row is None:
        return None
    return StoredSubscriber(row.type, row.b32_secret, row.totp_period_s)


def stored_token(row: Token | None) -> StoredToken | None:
    """What the rules need to know of a token's row."""
    if row is None:
        return None
    return StoredToken(row.stream_id, row.type, row.expire_date, row.room_id)
