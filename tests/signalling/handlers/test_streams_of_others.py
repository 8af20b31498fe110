"""Commands about a stream with which only other sockets have something to do.

They get the contract's answer, and what is the others' stays: their rows, their
sessions at relays, the broadcast, and their quiet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from relay import control
from streams.models import Broadcast
from tests.signalling.handlers.situations import ROOM, SITUATIONS, STREAM, Scene
from tests.signalling.handlers.test_wrong_commands import (
    FLOWING,
    KNOWN,
    PREPARING,
    PUBLISHING,
    TABLE,
    VIEWING,
)
from tests.stateful.world import World

NO_STREAM = f"error no_stream_exist {STREAM}"
STREAMS = (*FLOWING, *VIEWING)  # media flows, or its publisher may return
TAKEN = (*PREPARING, *PUBLISHING, *VIEWING)

# What a stranger hears as a rule, and in which situations it is different.
ANSWERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "publish": ("start s1", TAKEN, "error streamIdInUse s1"),
    "play": (NO_STREAM, STREAMS, ""),
    "join": ("joined s1", ("sits_opposite",), "error NoSpaceForNewPeer s1"),
    "peerMessageCommand": ("error no_peer_associated_before s1", (), ""),
    "joinRoom": (f"joinedTheRoom s1 {ROOM} ", (), ""),
    "leaveFromRoom": (f"leavedFromRoom {ROOM}", (), ""),
    "getRoomInfo": (
        "error no_active_streams_in_room s1",
        ("is_in_the_room", "publishes_in_the_room"),
        f"roomInformation {ROOM} ",
    ),
    "getStreamInfo": (NO_STREAM, STREAMS, "streamInformation s1"),
    "getBroadcastObject": (NO_STREAM, KNOWN, "broadcastObject s1"),
    "getTrackList": (NO_STREAM, STREAMS, "trackList s1"),
    "getSubtracks": (NO_STREAM, KNOWN, "subtrackList s1"),
    "getSubtracksCount": (NO_STREAM, KNOWN, "subtrackCount s1"),
    "getSubscribers": ("error unauthorized_access s1", (), ""),
    "getSubscriberCount": ("error unauthorized_access s1", (), ""),
    "getDebugInfo": ("debugInfo s1", (), ""),
    "ping": ("pong ", (), ""),
}
# Whoever is let in may sit down opposite, and go on with a stream that waits for its
# publisher: there the others are meant to notice.
MEANT = {("sits_alone", "join"), ("lost_its_publisher", "publish")}


@pytest.fixture
def scene(db: None, settings: Any) -> Iterator[Scene]:
    settings.CPU_LIMIT = 100
    world = World()
    yield Scene(world)
    world.end()


def broadcasts() -> list[dict[str, Any]]:
    rows = Broadcast.objects.order_by("pk").values()
    return [dict(row) for row in rows]


def relay_sessions(scene: Scene) -> set[str]:
    relays = scene.world.link.relays_by_name.values()
    return {session for relay in relays for session in relay.sessions}


def about(commands: list[control.Command]) -> set[str]:
    """The sessions and streams that relays were told something of."""
    names = ("session", "stream", "target", "room")
    return {getattr(command, name, "") for command in commands for name in names}


@pytest.mark.parametrize(
    ("situation", "command"),
    [pair for pair in product(SITUATIONS, TABLE) if pair not in MEANT],
)
def test_what_is_the_others_stays(situation: str, command: str, scene: Scene) -> None:
    SITUATIONS[situation](scene)
    stranger = scene.world.open("stranger")
    scene.world.settle()
    scene.forget_what_was_said()
    rows, told = scene.rows(), len(scene.commands())
    sessions, rows_of_streams = relay_sessions(scene), broadcasts()
    fields = TABLE[command][0]

    scene.say(stranger, command.partition(":")[0], stream_id=STREAM, **fields)

    as_a_rule, but_in, other = ANSWERS.get(command, ("", (), ""))
    answer = other if situation in but_in else as_a_rule
    assert scene.hear(stranger) == ([answer] if answer else [])
    assert scene.hear(scene.one) == scene.hear(scene.other) == []
    assert set(rows) <= set(scene.rows())
    assert sessions <= relay_sessions(scene)
    assert not about(scene.commands()[told:]) & sessions
    if command != "publish":
        assert broadcasts() == rows_of_streams


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_stranger_who_leaves_is_not_missed(situation: str, scene: Scene) -> None:
    """After every command that does nothing to the others."""
    SITUATIONS[situation](scene)
    stranger = scene.world.open("stranger")
    rows, sessions = scene.rows(), relay_sessions(scene)
    for command, (fields, *_) in TABLE.items():
        if (situation, command) not in MEANT:
            stranger.say(command.partition(":")[0], STREAM, **fields)
    scene.world.settle()
    scene.forget_what_was_said()

    stranger.hang_up()
    scene.world.settle()

    assert scene.hear(scene.one) == scene.hear(scene.other) == []
    own_stream = [row for row in scene.rows() if row[3] == "parked"]
    assert set(rows) <= set(scene.rows())
    assert len(own_stream) == len([row for row in rows if row[3] == "parked"])
    assert sessions <= relay_sessions(scene)
