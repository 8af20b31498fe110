"""A client that goes away while something of it is being handled, at every moment.

Nothing of it stays: no row, no session at a relay, no peer that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from signalling import events
from streams.models import Ending, LiveSession
from tests.signalling.handlers.situations import (
    STREAM,
    Scene,
    has_answered,
    has_offered,
    is_in_the_room,
    plays,
    publishes,
    publishes_in_the_room,
    sits_opposite,
    was_told_to_start,
)
from tests.stateful.world import World

MOMENTS = 20  # turns of the loop; all that is tried here takes fewer
LONG_S = 24.0


def own_row(scene: Scene) -> LiveSession:
    rows = [row for row in scene.world.rows() if row.channel == scene.one.channel]
    return rows[-1]


def operator_ends(scene: Scene) -> None:
    row = own_row(scene)
    scene.world.loop.create_task(
        scene.world.layer.send(
            row.channel, events.session_end(row.pk, row.relay, Ending.STOPPED)
        )
    )


def media_flows(scene: Scene) -> None:
    for relay in scene.world.link.relays_by_name.values():
        for found in list(relay.sessions.values()):
            if found.reply_to == scene.one.channel and not found.live:
                relay.start(found)


def connection_is_lost(scene: Scene) -> None:
    for relay in scene.world.link.relays_by_name.values():
        for found in list(relay.sessions.values()):
            if found.reply_to == scene.one.channel:
                relay.lose(found)


def client_stops(scene: Scene) -> None:
    scene.one.say("stop", STREAM)


def client_publishes(scene: Scene) -> None:
    scene.one.say("publish", "s2")


Step = Callable[[Scene], None]


@pytest.mark.parametrize(
    ("situation", "trigger"),
    [
        (publishes, operator_ends),
        (publishes, connection_is_lost),
        (publishes, client_stops),
        (publishes, client_publishes),
        (publishes_in_the_room, operator_ends),
        (publishes_in_the_room, client_stops),
        (plays, operator_ends),
        (plays, connection_is_lost),
        (has_answered, media_flows),
        (has_offered, media_flows),
        (has_offered, operator_ends),
        (was_told_to_start, operator_ends),
        (sits_opposite, operator_ends),
        (sits_opposite, client_stops),
        (is_in_the_room, operator_ends),
    ],
)
def test_nothing_stays_of_who_left(
    situation: Step, trigger: Step, db: None, settings: Any
) -> None:
    settings.CPU_LIMIT = 100
    for moment in range(MOMENTS):
        world = World()
        try:
            scene = Scene(world)
            situation(scene)
            scene.forget_what_was_said()
            trigger(scene)
            world.loop.turn(moment + 1)
            scene.one.hang_up()
            world.settle()
            world.pass_time(LONG_S)
            channels = {row.channel for row in world.rows()}
            assert channels <= {scene.other.channel}, moment
            kept = {row.pk for row in world.rows()}
            known = {
                session
                for relay in world.link.relays_by_name.values()
                for session in relay.sessions
            }
            assert known <= kept, moment
            if situation is sits_opposite:
                assert scene.hear(scene.other) == [f"stop {STREAM}"], moment
            failed = [line for line in world.records.lines if line.exc_info]
            assert not failed, moment
        finally:
            world.end()
