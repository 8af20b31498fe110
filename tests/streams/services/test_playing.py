from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import IntegrityError, InterfaceError

from streams import services
from streams.models import Application, LiveSession
from streams.policy import Denial
from streams.services import SocketInfo, playing
from tests.streams.conftest import Arrange, Play, Publish, TurnableClock, at_most
from tests.streams.services.test_publishing import refusal


def viewers() -> list[LiveSession]:
    return list(LiveSession.objects.filter(role="play"))


def test_a_viewer_goes_to_the_relay_of_the_publisher(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    live(alice, relays=("relay-2",))

    grant = play(
        bob, relays=("relay-1", "relay-2"), viewer_info="tv", subscriber_id="sub-1"
    )

    assert grant.relay == "relay-2"
    assert grant.start_timeout_ms == 5000
    (row,) = viewers()
    assert row.pk == grant.session
    assert (row.state, row.channel, row.node_id) == (
        "preparing",
        "channel-bob",
        "asgi-1",
    )
    assert (row.viewer_info, row.subscriber_id) == ("tv", "sub-1")
    assert row.created_at == clock.now


def test_a_socket_may_play_what_it_publishes(
    live: Publish, play: Play, alice: SocketInfo
) -> None:
    live(alice)

    assert play(alice).session


def test_a_stream_that_waits_for_its_publisher_can_be_played(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    services.park_session(live(alice).session, clock)

    assert play(bob).session


def test_a_stream_whose_publisher_just_came_back_can_be_played(
    live: Publish,
    publish: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    services.park_session(live(alice).session, clock)
    publish(alice)

    assert play(bob).session


def test_it_refuses_without_a_publisher(play: Play, bob: SocketInfo) -> None:
    assert refusal(play, bob) is Denial.NO_STREAM
    assert not viewers()


def test_it_refuses_until_media_has_arrived(
    publish: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    publish(alice)

    assert refusal(play, bob) is Denial.NO_STREAM


def test_it_refuses_a_stream_of_another_application(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)

    assert refusal(play, bob, application="WebRTCAppEE") is Denial.NO_STREAM


def test_it_refuses_a_stream_whose_relay_is_down(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)

    assert refusal(play, bob, relays=("relay-2",)) is Denial.NO_STREAM


def test_it_refuses_a_second_play_of_the_same_socket(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)
    first = play(bob)

    assert refusal(play, bob) is Denial.ALREADY_PLAYING
    assert [row.pk for row in viewers()] == [first.session]


def test_a_second_play_replaces_the_first_where_it_is_allowed(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    Application.objects.update(play_once_per_session=False)
    live(alice)
    first = play(bob)

    second = play(bob)

    assert first.session != second.session
    assert [row.pk for row in viewers()] == [second.session]


@pytest.mark.parametrize("once", [True, False])
def test_two_plays_of_one_socket_at_once_never_crash(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    once: bool,
    on_first_decision: Arrange,
) -> None:
    Application.objects.update(play_once_per_session=once)
    live(alice)
    on_first_decision("decide_play", lambda: play(bob))

    if once:
        assert refusal(play, bob) is Denial.ALREADY_PLAYING
    else:
        play(bob)
    assert len(viewers()) == 1


def test_it_gives_up_on_an_endless_race(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live(alice)

    def lose(*args: object, **named: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(playing, "_join", lose)

    assert refusal(play, bob) is Denial.ALREADY_PLAYING


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stream_id": "a:b"}, Denial.INVALID_STREAM_ID),
        ({"application": "Nowhere"}, Denial.NOT_INITIALIZED),
        ({"relays": ()}, Denial.NOT_INITIALIZED),
        ({"load": services.Load(99.0, 4000.0)}, Denial.RESOURCES),
    ],
)
def test_it_refuses_for_the_server(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    fields: dict[str, object],
    reason: Denial,
) -> None:
    live(alice)

    assert refusal(play, bob, **fields) is reason


def test_it_refuses_in_a_suspended_application(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)
    Application.objects.update(suspended=True)

    assert refusal(play, bob) is Denial.SUSPENDED


def test_it_refuses_while_the_database_is_away(
    play: Play, bob: SocketInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(playing, "find_application", fail)

    assert refusal(play, bob) is Denial.STORE_UNAVAILABLE


def test_playing_costs_four_queries(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)

    with at_most(4):
        play(bob)
    with at_most(3):
        refusal(play, bob)


def test_many_viewers_do_not_make_a_join_dearer(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)
    for number in range(20):
        play(replace(bob, channel=f"channel-{number}"))

    with at_most(4):
        play(bob)
    assert len(viewers()) == 21
