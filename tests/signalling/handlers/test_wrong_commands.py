"""Every command in every situation: its answer by the contract, and nothing more.

A row of the table is a command. Its first entry is for a socket that has nothing to
do with the stream, the others for situations in which it is different. What is
answered with an error, or with nothing, changes nothing, unless it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests.signalling.handlers.situations import ROOM, SITUATIONS, STREAM, Scene
from tests.stateful.world import World


@dataclass(frozen=True, slots=True)
class Said:
    """To the socket itself, and to the one beside it."""

    lines: tuple[str, ...] = ()
    to_other: tuple[str, ...] = ()
    changes: bool = False  # rows, or something at a relay


SILENCE = Said()
DONE = Said(changes=True)  # without a word


def says(*lines: str) -> Said:
    return Said(lines)


def does(*lines: str, to_other: tuple[str, ...] = ()) -> Said:
    return Said(lines, to_other, changes=True)


def passed_on(line: str) -> Said:
    return Said((), (line,))


def error(definition: str) -> Said:
    return says(f"error {definition} {STREAM}")


NO_STREAM = error("no_stream_exist")
NO_PEER = error("no_peer_associated_before")
IN_USE = error("streamIdInUse")
OWN = error("already_publishing")
AGAIN = error("already_playing")
OUTSIDE = error("unauthorized_access")

PREPARING = ("was_told_to_start", "has_offered")
PUBLISHING = ("publishes", "publishes_in_the_room")
FLOWING = (*PUBLISHING, "lost_its_publisher")
VIEWING = ("awaits_an_offer", "was_offered", "has_answered", "plays")
KNOWN = (*PREPARING, *FLOWING, *VIEWING)  # the stream has a broadcast
TAKES_PART = (*PREPARING, *PUBLISHING, *VIEWING)


def for_all(situations: tuple[str, ...], said: Said) -> dict[str, Said]:
    return dict.fromkeys(situations, said)


LEFT = f"leavedFromRoom {ROOM}"
Row = tuple[dict[str, Any], Said, dict[str, Said]]  # fields, as a rule, but
TABLE: dict[str, Row] = {
    "publish": (
        {},
        does("start s1"),
        for_all((*PREPARING, *PUBLISHING), OWN) | for_all(VIEWING, IN_USE),
    ),
    "play": ({}, NO_STREAM, for_all(FLOWING, DONE) | for_all(VIEWING, AGAIN)),
    "stop": (
        {},
        SILENCE,
        for_all((*PREPARING, *FLOWING), does("publish_finished s1"))
        | for_all(VIEWING, does("play_finished s1"))
        | {"sits_alone": DONE, "sits_opposite": does(to_other=("stop s1",))},
    ),
    "takeConfiguration:offer": (
        {"type": "offer", "sdp": "v=0"},
        SILENCE,
        {
            "was_told_to_start": DONE,
            "sits_alone": NO_PEER,
            "sits_opposite": passed_on("offer s1"),
        },
    ),
    "takeConfiguration:answer": (
        {"type": "answer", "sdp": "v=0"},
        SILENCE,
        {
            "was_offered": DONE,
            "sits_alone": NO_PEER,
            "sits_opposite": passed_on("answer s1"),
        },
    ),
    "takeCandidate": (
        {"label": 0, "id": "0", "candidate": ""},
        SILENCE,
        {"sits_alone": NO_PEER, "sits_opposite": passed_on("takeCandidate s1")},
    ),
    "join": (
        {},
        does("joined s1"),
        {"sits_opposite": does("joined s1", to_other=("start s1",))},
    ),
    "leave": (
        {},
        SILENCE,
        {
            "sits_alone": does("leaved s1"),
            "sits_opposite": does("leaved s1", to_other=("stop s1",)),
        },
    ),
    "peerMessageCommand": (
        {"definition": "x", "data": 1},
        NO_PEER,
        {"sits_opposite": passed_on("peerMessageCommand s1")},
    ),
    "joinRoom": ({"room": ROOM}, does(f"joinedTheRoom s1 {ROOM} "), {}),
    "leaveFromRoom": (
        {"room": ROOM},
        says(LEFT),
        {
            "is_in_the_room": does(LEFT),
            "publishes_in_the_room": does("publish_finished s1", LEFT),
        },
    ),
    "getRoomInfo": (
        {"room": ROOM},
        error("no_active_streams_in_room"),
        for_all(
            ("is_in_the_room", "publishes_in_the_room"),
            says(f"roomInformation {ROOM} "),
        ),
    ),
    "getStreamInfo": (
        {},
        NO_STREAM,
        for_all((*FLOWING, *VIEWING), says("streamInformation s1")),
    ),
    "getBroadcastObject": ({}, NO_STREAM, for_all(KNOWN, says("broadcastObject s1"))),
    "getTrackList": (
        {},
        NO_STREAM,
        for_all((*FLOWING, *VIEWING), says("trackList s1")),
    ),
    "getSubtracks": (
        {"offset": 0, "size": 5},
        NO_STREAM,
        for_all(KNOWN, says("subtrackList s1")),
    ),
    "getSubtracksCount": ({}, NO_STREAM, for_all(KNOWN, says("subtrackCount s1"))),
    "getSubscribers": (
        {"offset": 0, "size": 5},
        OUTSIDE,
        for_all(TAKES_PART, says("subscriberList s1")),
    ),
    "getSubscriberCount": (
        {},
        OUTSIDE,
        for_all(TAKES_PART, says("subscriberCount s1")),
    ),
    "getDebugInfo": ({}, says("debugInfo s1"), {}),
    "toggleVideo": (
        {"trackId": STREAM, "enabled": False},
        SILENCE,
        for_all(VIEWING, DONE),
    ),
    "toggleAudio": (
        {"trackId": STREAM, "enabled": False},
        SILENCE,
        for_all(VIEWING, DONE),
    ),
    "enableTrack": (
        {"trackId": STREAM, "enabled": False},
        SILENCE,
        for_all(VIEWING, DONE),
    ),
    # Nobody plays a room here: there are no slots.
    "assignVideoTrackCommand": (
        {"videoTrackId": "videoTrack0", "enabled": True},
        SILENCE,
        {},
    ),
    "updateVideoTrackAssignmentsCommand": ({"offset": 0, "size": 3}, SILENCE, {}),
    "setMaxVideoTrackCountCommand": ({"maxTrackCount": 2}, SILENCE, {}),
    "getVideoTrackAssignmentsCommand": ({}, SILENCE, {}),
    "forceStreamQuality": ({"streamHeight": 0}, SILENCE, for_all(VIEWING, DONE)),
    "updateStreamMetaData": (
        {"metaData": "said"},
        SILENCE,
        {"publishes_in_the_room": DONE},  # the others there are told
    ),
    "startNewP2PConnection": ({}, SILENCE, {}),
    "noSuchCommand": ({}, SILENCE, {}),
    "ping": ({}, says("pong "), {}),
}


@pytest.fixture
def scene(db: None, settings: Any) -> Iterator[Scene]:
    settings.CPU_LIMIT = 100
    world = World()
    yield Scene(world)
    world.end()


@pytest.mark.parametrize(("situation", "command"), list(product(SITUATIONS, TABLE)))
def test_a_command_gets_its_answer(situation: str, command: str, scene: Scene) -> None:
    fields, as_a_rule, but = TABLE[command]
    expected = but.get(situation, as_a_rule)
    SITUATIONS[situation](scene)
    scene.forget_what_was_said()
    rows, commands = scene.rows(), scene.commands()

    scene.say(scene.one, command.partition(":")[0], stream_id=STREAM, **fields)

    assert scene.hear(scene.one) == list(expected.lines)
    assert scene.hear(scene.other) == list(expected.to_other)
    changed = (scene.rows(), scene.commands()) != (rows, commands)
    assert changed is expected.changes


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("stream_id", [None, "", "  "])
def test_without_an_id_nothing_happens(
    situation: str, stream_id: str | None, scene: Scene
) -> None:
    SITUATIONS[situation](scene)
    scene.forget_what_was_said()
    rows, commands = scene.rows(), scene.commands()

    for command in ("publish", "play", "stop", "join", "leave", "takeConfiguration"):
        scene.say(scene.one, command, stream_id=stream_id)

    assert scene.hear(scene.one) == ["error noStreamNameSpecified "] * 6
    assert scene.hear(scene.other) == []
    assert (scene.rows(), scene.commands()) == (rows, commands)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_many_wrong_commands_are_few_lines_in_the_log(
    situation: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.limits.TokenBucket.take", lambda *_: True)
    SITUATIONS[situation](scene)
    before = len(scene.world.records.lines)

    for _ in range(30):
        for command in ("publish", "play", "peerMessageCommand", "noSuchCommand"):
            scene.one.say(command, STREAM)
        for kind in ("offer", "answer"):
            scene.one.say("takeConfiguration", STREAM, type=kind, sdp="v=0")
        scene.world.settle()

    # One a second and reason; the test may take a few seconds.
    assert len(scene.world.records.lines) - before < 60
