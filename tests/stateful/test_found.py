"""Sequences that have gone wrong, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.signalling.handlers.situations import (
    ROOM,
    STREAM,
    Scene,
    plays,
    publishes,
    publishes_in_the_room,
)
from tests.stateful.world import RELAYS, World

LONG_S = 40.0


@pytest.fixture
def scene(db: None, settings: Any) -> Iterator[Scene]:
    settings.CPU_LIMIT = 100
    world = World()
    yield Scene(world)
    world.end()


def test_who_lost_a_stream_does_not_end_it_for_who_took_it(scene: Scene) -> None:
    """The members of its room are not told that it has left."""
    member = scene.world.open("member")
    scene.world.settle()
    scene.say(member, "joinRoom", stream_id="x", room=ROOM)
    publishes_in_the_room(scene)
    scene.lose()
    scene.say(scene.other, "joinRoom", stream_id=STREAM, room=ROOM)
    scene.publish(scene.other)
    scene.forget_what_was_said()

    scene.say(scene.one, "stop", stream_id=STREAM)

    assert scene.hear(scene.one) == [f"publish_finished {STREAM}"]
    assert scene.hear(member) == []
    assert ("publish", STREAM, ROOM, "live") in [row[:4] for row in scene.rows()]


@pytest.mark.parametrize("back_before_the_relay", [True, False])
def test_a_relay_that_dies_while_the_database_is_away_leaves_nothing(
    back_before_the_relay: bool, scene: Scene
) -> None:
    publishes(scene)
    scene.forget_what_was_said()
    scene.world.database.away = True
    for name in RELAYS:
        scene.world.drop_relay(name)
    scene.world.settle()
    scene.world.database.away = not back_before_the_relay
    for name in RELAYS:
        scene.world.raise_relay(name)
    scene.world.settle()
    scene.world.database.away = False

    scene.world.pass_time(LONG_S)

    assert scene.hear(scene.one) == ["server_will_stop"]
    assert scene.rows() == []
    assert scene.one.session.attempts() == []


def test_sessions_of_a_relays_next_life_are_not_its_last_ones(scene: Scene) -> None:
    publishes(scene)
    scene.world.database.away = True
    for name in RELAYS:
        scene.world.drop_relay(name)
        scene.world.raise_relay(name)
    scene.world.settle()
    scene.world.loop.advance(1.0)
    scene.world.database.away = False
    scene.forget_what_was_said()
    scene.say(scene.other, "publish", stream_id="s2")

    scene.world.pass_time(1.0)

    assert [row[:2] for row in scene.rows()] == [("publish", "s2")]
    assert scene.hear(scene.one) == ["server_will_stop"]
    assert scene.hear(scene.other) == ["start s2"]


def test_viewers_hear_at_once_of_a_return_that_is_given_up(scene: Scene) -> None:
    plays(scene)
    scene.other.hang_up()
    scene.world.settle()
    third = scene.world.open("third")
    scene.world.settle()
    scene.say(third, "publish", stream_id=STREAM)
    scene.forget_what_was_said()

    scene.say(third, "stop", stream_id=STREAM)

    assert scene.hear(third) == [f"publish_finished {STREAM}"]
    assert scene.hear(scene.one) == [f"play_finished {STREAM}"]
    assert scene.rows() == []
