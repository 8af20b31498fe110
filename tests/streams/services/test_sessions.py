from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from streams import services
from streams.clock import to_ms
from streams.models import Application, Broadcast, LiveSession
from streams.services import PlayGrant, PublishGrant, SocketInfo, SocketSession
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

UNKNOWN = "0" * 32


def states() -> dict[str, str]:
    return {row.role: row.state for row in LiveSession.objects.all()}


def register(application: Application, **fields: object) -> Broadcast:
    return Broadcast.objects.create(
        application=application, **{"stream_id": "cam", **fields}
    )


# mark_started


def test_a_started_publisher_is_live(
    publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = publish(alice, subscriber_id="sub-1")
    clock.turn(seconds=2)

    started = services.mark_started(grant.session, clock)

    assert started == services.StartedSession(
        session=grant.session,
        application="LiveApp",
        stream_id="cam",
        role="publish",
        restored=False,
        channel="channel-alice",
        subscriber_id="sub-1",
    )
    row = LiveSession.objects.get()
    assert (row.state, row.started_at) == ("live", clock.now)
    broadcast = Broadcast.objects.get()
    assert broadcast.status == "broadcasting"
    assert broadcast.start_time == broadcast.update_time == to_ms(clock.now)


def test_a_started_viewer_changes_no_broadcast(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    before = Broadcast.objects.get().start_time
    grant = play(bob)
    clock.turn(seconds=2)

    started = services.mark_started(grant.session, clock)

    assert started is not None
    assert started.role == "play"
    assert states()["play"] == "live"
    assert Broadcast.objects.get().start_time == before


def test_a_late_start_of_an_unknown_session_is_dropped(db: None) -> None:
    assert services.mark_started(UNKNOWN) is None


def test_a_repeated_start_is_dropped(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    clock.turn(seconds=1)

    assert services.mark_started(grant.session, clock) is None
    assert LiveSession.objects.get().started_at == clock.now - timedelta(seconds=1)


def test_a_parked_publisher_does_not_start_by_a_late_event(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    services.park_session(grant.session, clock)

    assert services.mark_started(grant.session, clock) is None
    assert states() == {"publish": "parked"}


# close_session


def test_an_automatic_broadcast_vanishes_with_its_publisher(
    live: Publish, alice: SocketInfo
) -> None:
    assert services.close_session(live(alice).session)

    assert not LiveSession.objects.exists()
    assert not Broadcast.objects.exists()


def test_a_registered_broadcast_is_finished(
    live: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    register(application, bitrate=1)
    grant = live(alice)
    Broadcast.objects.update(bitrate=900_000, jitter_ms=3, width=640)
    clock.turn(seconds=30)

    assert services.close_session(grant.session, clock=clock)

    row = Broadcast.objects.get()
    assert row.status == row.current_status == "finished"
    assert (row.bitrate, row.jitter_ms) == (0, 0)
    assert row.duration == 30_000


def test_an_attempt_that_never_started_lasted_no_time(
    publish: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    register(application)
    grant = publish(alice)
    clock.turn(seconds=5)

    services.close_session(grant.session, clock=clock)

    assert Broadcast.objects.get().duration == 0


def test_closing_is_idempotent(live: Publish, alice: SocketInfo) -> None:
    grant = live(alice)

    assert services.close_session(grant.session)
    assert not services.close_session(grant.session)
    assert not services.close_session(UNKNOWN)


def test_closing_an_old_session_leaves_the_new_publisher_alone(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    first = live(alice)
    services.park_session(first.session, clock)
    publish(alice)

    assert not services.close_session(first.session)
    assert states() == {"publish": "preparing"}
    assert Broadcast.objects.exists()


def test_a_closed_viewer_ends_nothing_else(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)

    assert services.close_session(play(bob).session)
    assert states() == {"publish": "live"}
    assert Broadcast.objects.get().status == "broadcasting"


def test_the_id_is_free_as_soon_as_it_is_closed(
    live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    services.close_session(live(alice).session)

    assert publish(bob).session


# park_session and close_parked


def test_a_parked_publisher_waits_without_a_socket(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Application.objects.update(return_window_ms=4000)
    grant = live(alice)
    clock.turn(seconds=15)

    assert services.park_session(grant.session, clock)

    row = LiveSession.objects.get()
    assert (row.state, row.channel) == ("parked", "")
    assert row.parked_until == clock.now + timedelta(seconds=4)
    assert Broadcast.objects.get().update_time == to_ms(clock.now)


def test_only_a_live_publisher_can_be_parked(
    publish: Publish,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
) -> None:
    live(alice)
    preparing = publish(alice, "other")
    viewer = play(bob)

    assert not services.park_session(preparing.session)
    assert not services.park_session(viewer.session)
    assert not services.park_session(UNKNOWN)


def test_parking_twice_does_not_prolong_the_window(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    services.park_session(grant.session, clock)
    until = LiveSession.objects.get().parked_until
    clock.turn(seconds=3)

    assert not services.park_session(grant.session, clock)
    assert LiveSession.objects.get().parked_until == until


def test_several_streams_of_one_socket_can_be_parked(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    for stream_id in ("one", "two"):
        assert services.park_session(live(alice, stream_id).session, clock)


def test_the_end_of_the_window_finishes_the_stream(
    live: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    register(application)
    grant = live(alice)
    services.park_session(grant.session, clock)

    assert services.close_parked("LiveApp/cam", grant.session, clock)
    assert not LiveSession.objects.exists()
    assert Broadcast.objects.get().status == "finished"


def test_the_end_of_the_window_does_not_touch_a_publisher_that_is_back(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    first = live(alice)
    services.park_session(first.session, clock)
    back = publish(alice)

    assert not services.close_parked("LiveApp/cam", first.session, clock)
    assert not services.close_parked("LiveApp/cam", back.session, clock)
    assert LiveSession.objects.get().pk == back.session


@pytest.mark.parametrize("stream", ["LiveApp/other", "Other/cam", "cam", ""])
def test_the_end_of_a_window_must_name_the_stream(
    live: Publish, alice: SocketInfo, clock: TurnableClock, stream: str
) -> None:
    grant = live(alice)
    services.park_session(grant.session, clock)

    assert not services.close_parked(stream, grant.session, clock)


# close_socket


def test_a_lost_socket_leaves_only_streams_that_wait(
    live: Publish,
    publish: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    live(bob, "other")
    published = live(alice)
    preparing = publish(alice, "never")
    played = play(alice, "other")

    done = services.close_socket(alice.channel, clock)

    def expected(
        grant: PublishGrant | PlayGrant, stream_id: str, role: str, parked: bool
    ) -> SocketSession:
        return SocketSession(
            grant.session, "relay-1", "LiveApp", stream_id, role, parked
        )

    assert sorted(done, key=lambda item: item.stream_id) == [
        expected(published, "cam", "publish", True),
        expected(preparing, "never", "publish", False),
        expected(played, "other", "play", False),
    ]
    left = {row.stream_id: row.state for row in LiveSession.objects.all()}
    assert left == {"cam": "parked", "other": "live"}
    assert not Broadcast.objects.filter(stream_id="never").exists()


def test_a_socket_lost_right_after_a_return_leaves_the_stream_waiting(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    publish(alice)

    (done,) = services.close_socket(alice.channel, clock)

    assert done.parked
    assert publish(alice).restored


def test_losing_a_socket_twice_does_nothing_more(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    services.close_socket(alice.channel, clock)

    assert services.close_socket(alice.channel, clock) == []
    assert states() == {"publish": "parked"}


def test_no_socket_owns_the_streams_that_wait(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    services.close_socket(alice.channel, clock)

    assert services.close_socket("", clock) == []
    assert states() == {"publish": "parked"}


def test_a_socket_with_many_viewers_costs_few_queries(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    for number in range(5):
        live(alice, f"s{number}")
        play(bob, f"s{number}")

    with at_most(2):
        services.close_socket(bob.channel)


# close_relay


def test_the_streams_of_a_dead_relay_are_finished(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    application: Application,
    clock: TurnableClock,
) -> None:
    register(application)
    published = live(alice)
    played = play(bob)
    live(alice, "automatic")
    parked = live(bob, "waits")
    services.park_session(parked.session, clock)
    elsewhere = live(bob, "elsewhere", relays=("relay-2",))

    lost = services.close_relay("relay-1", clock)

    told = {(row.session, row.channel, row.stream_id, row.role) for row in lost}
    assert len(lost) == 4
    assert told > {
        (published.session, "channel-alice", "cam", "publish"),
        (played.session, "channel-bob", "cam", "play"),
        (parked.session, "", "waits", "publish"),
    }
    assert {row.application for row in lost} == {"LiveApp"}
    assert [row.pk for row in LiveSession.objects.all()] == [elsewhere.session]
    status = dict(Broadcast.objects.values_list("stream_id", "status"))
    assert status == {"cam": "finished", "elsewhere": "broadcasting"}


def test_no_relay_is_nobody_s_relay(application: Application) -> None:
    """Peers and participants have none, and lose nothing when one dies."""
    LiveSession.objects.create(
        id="0" * 32, application=application, stream_id="room", role="peer", relay=""
    )

    assert services.close_relay("") == []
    assert LiveSession.objects.exists()


def test_the_death_of_a_busy_relay_costs_few_queries(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    for number in range(5):
        live(alice, f"s{number}")
        for viewer in range(3):
            play(replace(bob, channel=f"viewer-{viewer}"), f"s{number}")

    with at_most(6):
        assert len(services.close_relay("relay-1")) == 20
