"""What an application asks for, and what a client presents."""

from __future__ import annotations

from dataclasses import dataclass

PUBLISH = "publish"
PLAY = "play"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What one direction (publish or play) of one application asks for.

    `totp_secret` is the direction's secret for subscribers that are not stored.
    """

    token: bool = False
    jwt: bool = False
    jwt_secret: str = ""
    totp: bool = False
    totp_secret: str = ""
    totp_period_s: int = 60
    hash: bool = False
    hash_secret: str = ""

    @property
    def any_enabled(self) -> bool:
        return self.token or self.jwt or self.totp or self.hash


@dataclass(frozen=True, slots=True)
class Claim:
    """What one client wants and what it shows for it.

    `role` is publish or play. `room` is the main track of a publish and the room of
    a play; `plays_room` says that the played stream id is itself a room, `in_room`
    that the played stream is in `room`, as the client says.
    """

    role: str
    stream_id: str
    room: str = ""
    plays_room: bool = False
    in_room: bool = True
    token: str = ""
    subscriber_id: str = ""
    subscriber_code: str = ""


def to_bytes(text: str) -> bytes:
    """UTF-8, also of the lone surrogates that JSON can carry."""
    return text.encode("utf-8", "surrogatepass")
