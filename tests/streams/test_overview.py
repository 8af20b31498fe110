from __future__ import annotations

from dataclasses import replace
from typing import Any

from streams import services
from streams.models import (
    Application,
    Broadcast,
    Node,
    SessionState,
    Subscriber,
)
from streams.overview import (
    are_connected,
    in_live_state,
    publisher_of,
    sessions_of,
    with_connections,
    with_live_counts,
    with_live_state,
    with_sessions,
)
from streams.services import SocketInfo
from tests.streams.conftest import LOAD, Play, Publish, TurnableClock, at_most


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


def test_who_joins_a_room_under_a_stream_s_name_is_not_of_the_stream(
    application: Application, live: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)
    room = services.RoomRequest("LiveApp", "hall", "cam")
    services.join_room(room, bob, LOAD, ())
    services.open_peer(services.PeerRequest("LiveApp", "cam"), bob, LOAD, ())

    rows = sessions_of(Broadcast.objects.get())
    assert [row.role for row in rows] == ["publish"]


def test_it_counts_the_sockets_of_subscribers(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    application: Application,
    clock: TurnableClock,
) -> None:
    for stream_id in ("cam", "other"):
        for name in ("anna", "bert", "carl"):
            Subscriber.objects.create(
                application=application,
                stream_id=stream_id,
                subscriber_id=name,
                type="publish",
            )
    live(alice, subscriber_id="anna")
    play(alice, subscriber_id="anna")
    play(bob, subscriber_id="bert")
    services.park_session(live(bob, "other", subscriber_id="carl").session, clock)

    rows = Subscriber.objects.all()

    with at_most(1):
        counted = {
            (row.stream_id, row.subscriber_id): vars(row)["connections"]
            for row in with_connections(rows)
        }
    assert {key: count for key, count in counted.items() if count} == {
        ("cam", "anna"): 1,
        ("cam", "bert"): 1,
    }
    assert are_connected(rows, wanted=True).count() == 2
    assert are_connected(rows, wanted=False).count() == 4


def test_a_stream_has_one_publisher_or_none(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    session = live(alice).session
    play(bob)
    broadcast = Broadcast.objects.get(stream_id="cam")

    assert [row.pk for row in publisher_of(broadcast)] == [session]
    broadcast.stream_id = "other"
    assert not publisher_of(broadcast).exists()
