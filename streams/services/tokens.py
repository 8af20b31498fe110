"""Tokens that are made here: one-time tokens, room tokens and JWT (contract 7.4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from streams.credentials import Claim, StoredToken, TokenUse, make_jwt, use_of_token
from streams.models import Application, Broadcast, CredentialType, Token
from streams.names import is_stream_id

KEPT_AFTER_EXPIRY = timedelta(days=1)  # so that a list still shows what expired
_WIRE_NAMES = {
    "stream_id": "streamId",
    "room_id": "roomId",
    "expire_date": "expireDate",
    "type": "type",
}


def create_token(
    application: Application,
    stream_id: str,
    type: str,
    expire_s: int,
    room: str = "",
) -> Token:
    """A stored token, good until `expire_s` (unix seconds), if that is to come.

    Raises:
        ValueError: a value does not fit; it says which.
    """
    token = _checked(application, stream_id, type, expire_s, room)
    token.save(force_insert=True)
    return token


def create_jwt(
    application: Application,
    stream_id: str,
    type: str,
    expire_s: int,
    room: str = "",
) -> Token:
    """A token that is a JWT of the application's key, and is stored nowhere.

    Raises:
        ValueError: as `create_token`, or the key is not set or too short.
    """
    token = _checked(application, stream_id, type, expire_s, room)
    secret = application.jwt_stream_secret
    if not secret:
        raise ValueError("jwtStreamSecretKey is not set")
    token.token_id = make_jwt(secret, stream_id, type, expire_s, room)
    return token


def use_token(
    application: Application,
    token_id: str,
    stream_id: str,
    type: str,
    room: str,
    now: datetime,
) -> bool:
    """Whether the token lets in; without a room it is used up, by one caller only."""
    row = Token.objects.filter(application=application, token_id=token_id).first()
    if row is None:
        return False
    stored = StoredToken(row.stream_id, row.type, row.expire_date, row.room_id)
    claim = Claim(
        role=type,
        stream_id=stream_id,
        room=room,
        plays_room=type == CredentialType.PLAY and _is_room(application, stream_id),
        token=token_id,
    )
    use = use_of_token(claim, stored, int(now.timestamp()))
    if use is TokenUse.ONCE:
        deleted, _ = Token.objects.filter(pk=row.pk).delete()
        return deleted == 1
    return use is TokenUse.REUSABLE


def _is_room(application: Application, stream_id: str) -> bool:
    """A room's publishers may play it, as over the WebSocket."""
    rows = Broadcast.objects.filter(application=application, virtual=True)
    return is_stream_id(stream_id) and rows.filter(stream_id=stream_id).exists()


def list_tokens(application: Application, stream_id: str, page: slice) -> list[Token]:
    """The stream's tokens, the newest first."""
    return list(
        Token.objects.filter(application=application, stream_id=stream_id)[page]
    )


def delete_tokens(application: Application, stream_id: str) -> int:
    """The stream has no tokens any more; how many there were."""
    rows = Token.objects.filter(application=application, stream_id=stream_id)
    return rows.delete()[0]


def forget_expired_tokens(now: datetime) -> int:
    """Tokens that expired a day ago or more are gone."""
    oldest_s = int((now - KEPT_AFTER_EXPIRY).timestamp())
    return Token.objects.filter(expire_date__lte=oldest_s).delete()[0]


def _checked(
    application: Application,
    stream_id: str,
    type: str,
    expire_s: int,
    room: str,
) -> Token:
    token = Token(
        application=application,
        stream_id=stream_id,
        type=type,
        expire_date=expire_s,
        room_id=room,
    )
    try:
        token.clean_fields(exclude=["application", "token_id"])
    except ValidationError as error:
        raise ValueError(_sentence(error)) from error
    return token


def _sentence(error: ValidationError) -> str:
    return " ".join(
        f"{_WIRE_NAMES[name]}: {' '.join(messages)}"
        for name, messages in error.message_dict.items()
    )
