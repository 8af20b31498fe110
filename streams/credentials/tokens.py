"""What a token made here is good for (contract 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from streams.credentials.claims import PLAY, PUBLISH, Claim


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token's row; it is good while the unix time is below `expire_s`."""

    stream_id: str
    type: str
    expire_s: int
    room: str = ""


class TokenUse(Enum):
    REFUSED = auto()
    ONCE = auto()  # the caller must delete the row, and only one caller can
    REUSABLE = auto()  # good until it expires


def use_of_token(claim: Claim, token: StoredToken | None, now_s: int) -> TokenUse:
    """How `token` lets the claim in; `now_s` is unix time in seconds.

    With a room the token must be of that room (contract T33: Ant Media compares
    neither stream nor room then). A stream that is no room does not become one by
    being named as its own: its one-time token would serve all who say so.
    """
    if token is None or now_s >= token.expire_s:
        return TokenUse.REFUSED
    if claim.room and (claim.plays_room or claim.room != claim.stream_id):
        return _use_in_room(claim, token, claim.room)
    if claim.plays_room:
        use = _use_as_room_token(claim, token)
        if use is not TokenUse.REFUSED:
            return use
    if token.type == claim.role and token.stream_id == claim.stream_id:
        return TokenUse.ONCE
    return TokenUse.REFUSED


def _use_in_room(claim: Claim, token: StoredToken, room: str) -> TokenUse:
    """Publishing into a room or playing from it: who may publish there may play.

    What is played must really be of that room, or the token's own stream: the
    client names the room, and could name that of its token for any stream.
    """
    if not claim.in_room and token.stream_id != claim.stream_id:
        return TokenUse.REFUSED
    is_of_room = room in (token.room, token.stream_id)
    has_type = token.type == claim.role or _is_play_by_publisher(claim, token)
    return TokenUse.REUSABLE if is_of_room and has_type else TokenUse.REFUSED


def _use_as_room_token(claim: Claim, token: StoredToken) -> TokenUse:
    """Playing a room as one stream. A play token of its id alone is used up by it."""
    room = claim.stream_id
    is_publishers = _is_play_by_publisher(claim, token) and token.stream_id == room
    is_of_room = token.room == room and (
        token.type == claim.role or _is_play_by_publisher(claim, token)
    )
    return TokenUse.REUSABLE if is_publishers or is_of_room else TokenUse.REFUSED


def _is_play_by_publisher(claim: Claim, token: StoredToken) -> bool:
    return claim.role == PLAY and token.type == PUBLISH
