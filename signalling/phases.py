"""How an attempt to publish or play goes on: which step leads where. Pure.

What is not in a table is not expected: it changes nothing and nothing follows from
it. An attempt may be given up in every phase; then it is forgotten, and no step of
it is looked up here any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum


class Role(StrEnum):
    PUBLISH = "publish"
    PLAY = "play"


class Phase(Enum):
    PREPARING = 1  # publisher: `start` sent; viewer: an offer is being made
    OFFERED = 2  # viewer only: our offer is with the client
    CONNECTING = 3  # the client's description is with the relay
    LIVE = 4
    ANSWERED = 5  # publisher only: the relay's answer is with the client
    LIVE_OFFERED = 6  # viewer of a room only: live, and another offer is with it


class Step(Enum):
    CLIENT_OFFERS = 1
    RELAY_ANSWERS = 2
    RELAY_OFFERS = 3
    CLIENT_ANSWERS = 4
    MEDIA_FLOWS = 5


Transitions = Mapping[tuple[Phase, Step], Phase]

LIVE_PHASES = frozenset({Phase.LIVE, Phase.LIVE_OFFERED})
# What the relay says of media is believed in every phase: the word before it may
# have been lost.
_STARTS: Transitions = {
    (phase, Step.MEDIA_FLOWS): Phase.LIVE for phase in Phase if phase not in LIVE_PHASES
}

PUBLISHER: Transitions = {
    (Phase.PREPARING, Step.CLIENT_OFFERS): Phase.CONNECTING,
    (Phase.CONNECTING, Step.RELAY_ANSWERS): Phase.ANSWERED,
    **_STARTS,
}

VIEWER: Transitions = {
    (Phase.PREPARING, Step.RELAY_OFFERS): Phase.OFFERED,
    (Phase.OFFERED, Step.CLIENT_ANSWERS): Phase.CONNECTING,
    **_STARTS,
}

# Others come and go: it gets more offers, each once the one before is answered
# (contract T38).
ROOM_VIEWER: Transitions = {
    **VIEWER,
    (Phase.CONNECTING, Step.RELAY_OFFERS): Phase.OFFERED,
    (Phase.OFFERED, Step.MEDIA_FLOWS): Phase.LIVE_OFFERED,
    (Phase.LIVE, Step.RELAY_OFFERS): Phase.LIVE_OFFERED,
    (Phase.LIVE_OFFERED, Step.CLIENT_ANSWERS): Phase.LIVE,
}


def transitions_of(role: Role, *, is_room: bool) -> Transitions:
    """The table of an attempt; `is_room`: it plays a room as such."""
    if role is Role.PUBLISH:
        return PUBLISHER
    return ROOM_VIEWER if is_room else VIEWER
