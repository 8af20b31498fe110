from __future__ import annotations

from dataclasses import replace
from typing import Any

from streams import services
from streams.models import Application, Broadcast, Node, SessionState
from streams.overview import (
    in_live_state,
    sessions_of,
    with_live_counts,
    with_live_state,
    with_sessions,
)
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


def overview() -> dict[str, Any]:
    with at_most(1):
        return {row.stream_id: row for row in with_live_state(Broadcast.objects.all())}


def test_it_tells_who_is_live_since_when_and_who_watches(
    live: Publish,
    publish: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    application: Application,
    clock: TurnableClock,
) -> None:
    Broadcast.objects.create(application=application, stream_id="quiet")
    live(alice)
    publish(alice, "soon")
    services.park_session(live(bob, "lost").session, clock)
    for number in range(3):
        viewer = play(replace(bob, channel=f"viewer-{number}"))
        if number:
            services.mark_started(viewer.session, clock)

    rows = overview()

    assert {key: row.live_state for key, row in rows.items()} == {
        "cam": "live",
        "soon": "preparing",
        "lost": "parked",
        "quiet": None,
    }
    assert rows["cam"].live_since == clock.now
    assert rows["cam"].publisher_ip == alice.remote_ip
    assert {key: row.viewers for key, row in rows.items()} == {
        "cam": 2,
        "soon": 0,
        "lost": 0,
        "quiet": 0,
    }
    states = (SessionState.LIVE, SessionState.PARKED, None)
    found = [in_live_state(Broadcast.objects.all(), state).get() for state in states]
    assert [row.stream_id for row in found] == ["cam", "lost", "quiet"]


def test_the_same_id_of_another_application_is_not_counted(
    live: Publish, play: Play, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    live(alice, application="WebRTCAppEE")
    services.mark_started(play(alice).session, clock)

    viewers = {
        row.application.name: vars(row)["viewers"]
        for row in with_live_state(Broadcast.objects.select_related("application"))
    }
    assert viewers == {"LiveApp": 1, "WebRTCAppEE": 0}


def test_applications_count_their_live_sessions(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    live(alice, "two")
    services.mark_started(play(bob).session, clock)
    play(bob, "two")

    counts = {
        row.name: (vars(row)["publishers"], vars(row)["viewers"])
        for row in with_live_counts(Application.objects.all())
    }
    assert counts == {"WebRTCAppEE": (0, 0), "LiveApp": (2, 1), "WebRTCApp4": (0, 0)}


def test_processes_count_their_sessions(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    services.register_node("relay-1", "relay", clock)
    services.register_node("relay-2", "relay", clock)
    live(alice)
    play(bob)

    counts = {
        row.name: vars(row)["session_count"]
        for row in with_sessions(Node.objects.all())
    }
    assert counts == {"asgi-1": 2, "relay-1": 2, "relay-2": 0}


def test_the_publisher_comes_first_in_the_list_of_sessions(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    clock.turn(seconds=1)
    second = play(bob).session
    clock.turn(seconds=1)
    third = play(alice).session

    rows = list(sessions_of(Broadcast.objects.get()))
    assert [row.role for row in rows] == ["publish", "play", "play"]
    assert [row.pk for row in rows[1:]] == [second, third]
