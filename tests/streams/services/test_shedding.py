"""Relays that have enough to do take no newcomers, and keep who is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streams import services
from streams.policy import (
    AccessDenied,
    Denial,
    PlayFacts,
    PublishFacts,
    Schedule,
    ServerFacts,
    decide_play,
    decide_publish,
)
from streams.services import Load, SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

RELAYS = ("relay-1", "relay-2")
EASE = Load(10.0, 4000.0)
BUSY = replace(EASE, busy_relays=frozenset({"relay-1"}))
ALL_BUSY = replace(EASE, busy_relays=frozenset(RELAYS))
OVERLOADED = Load(99.0, 4000.0)

SERVER = ServerFacts(
    ready=True,
    suspended=False,
    cpu_percent=10.0,
    cpu_limit=85.0,
    free_ram_mb=4000.0,
    min_free_ram_mb=10.0,
)
HOT = replace(SERVER, cpu_percent=99.0)
PUBLISH = PublishFacts(
    server=SERVER,
    codec_enabled=True,
    published_by_this_socket=False,
    published_by_another=False,
    registered=False,
    registration_required=False,
    schedule=Schedule(),
    now_ms=0,
)
PLAY = PlayFacts(
    server=SERVER, played_by_this_socket=False, once_per_session=False, streaming=True
)


def refusal(command: Any, *args: Any, **fields: Any) -> Denial | None:
    try:
        command(*args, **fields)
    except AccessDenied as denied:
        return denied.reason
    return None


@pytest.mark.parametrize(
    ("facts", "refused"),
    [
        ({}, False),
        ({"relay_busy": True}, True),
        ({"server": HOT}, True),
        ({"relay_busy": True, "server": HOT, "returning": True}, False),
        ({"returning": True, "server": replace(HOT, suspended=True)}, True),
    ],
)
def test_publishers(facts: dict[str, Any], refused: bool) -> None:
    assert (refusal(decide_publish, replace(PUBLISH, **facts)) is not None) is refused


@pytest.mark.parametrize(
    ("facts", "refused"),
    [
        ({}, False),
        ({"relay_busy": True}, True),
        ({"server": HOT}, True),
        ({"relay_busy": True, "played_by_this_socket": True}, False),
        ({"server": HOT, "played_by_this_socket": True}, True),
    ],
)
def test_viewers(facts: dict[str, Any], refused: bool) -> None:
    assert (refusal(decide_play, replace(PLAY, **facts)) is not None) is refused


def test_a_new_stream_goes_to_a_relay_that_has_room(
    live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "a", relays=("relay-2",))

    assert publish(bob, "b", relays=RELAYS, load=BUSY).relay == "relay-2"
    assert publish(bob, "c", relays=RELAYS, load=EASE).relay == "relay-1"


def test_a_new_stream_is_refused_where_no_relay_has_room(
    publish: Publish, alice: SocketInfo
) -> None:
    assert refusal(publish, alice, relays=RELAYS, load=ALL_BUSY) is Denial.RESOURCES
    assert refusal(publish, alice, relays=("relay-1",), load=BUSY) is Denial.RESOURCES


def test_a_relay_that_is_not_up_makes_nobody_wait(
    publish: Publish, alice: SocketInfo
) -> None:
    assert publish(alice, relays=("relay-2",), load=BUSY).relay == "relay-2"


def test_viewers_of_a_busy_relay_are_refused_and_others_are_not(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "a", relays=("relay-1",))
    live(alice, "b", relays=("relay-2",))

    assert refusal(play, bob, "a", relays=RELAYS, load=BUSY) is Denial.RESOURCES
    assert play(bob, "b", relays=RELAYS, load=BUSY).relay == "relay-2"
    assert play(bob, "a", relays=RELAYS, load=EASE).relay == "relay-1"


def test_of_a_stream_that_nobody_publishes_a_viewer_hears_just_that(
    play: Play, bob: SocketInfo
) -> None:
    assert refusal(play, bob, relays=RELAYS, load=ALL_BUSY) is Denial.NO_STREAM


@pytest.mark.parametrize("load", [ALL_BUSY, OVERLOADED])
def test_a_publisher_that_returns_is_let_in(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    load: Load,
) -> None:
    services.park_session(live(alice, relays=RELAYS).session, clock)

    assert publish(bob, relays=RELAYS, load=load).restored


@pytest.mark.parametrize("load", [ALL_BUSY, OVERLOADED])
def test_one_that_comes_after_its_window_is_a_newcomer(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    load: Load,
) -> None:
    services.park_session(live(alice, relays=RELAYS).session, clock)
    clock.turn(seconds=11)

    assert refusal(publish, bob, relays=RELAYS, load=load) is Denial.RESOURCES


def test_one_that_returns_to_another_room_is_a_newcomer(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
) -> None:
    grant = live(alice, relays=RELAYS, main_track="hall")
    services.park_session(grant.session, clock)
    other = {"relays": RELAYS, "load": ALL_BUSY, "main_track": "other"}
    same = {"relays": RELAYS, "load": ALL_BUSY, "main_track": "hall"}

    assert refusal(publish, alice, **other) is Denial.RESOURCES
    assert publish(alice, **same).restored


def test_a_room_stays_on_its_relay_even_if_another_has_room(
    live: Publish, publish: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "a", relays=("relay-1",), main_track="hall")
    enter = {"relays": RELAYS, "load": BUSY, "main_track": "hall"}

    assert refusal(publish, bob, "b", **enter) is Denial.RESOURCES
    assert refusal(play, bob, "hall", relays=RELAYS, load=BUSY) is Denial.RESOURCES


def test_a_new_room_begins_on_a_relay_that_has_room(
    publish: Publish, alice: SocketInfo
) -> None:
    for number in range(6):
        grant = publish(
            alice, f"s{number}", relays=RELAYS, load=BUSY, main_track=f"hall{number}"
        )
        assert grant.relay == "relay-2"


def test_without_a_busy_relay_nothing_more_is_looked_up(
    publish: Publish, alice: SocketInfo
) -> None:
    with at_most(7):
        publish(alice, relays=RELAYS, load=EASE)
