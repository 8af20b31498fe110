from __future__ import annotations

from datetime import timedelta

import pytest

from streams import services
from streams.clock import to_ms
from streams.models import (
    Application,
    ConnectionEvent,
    Ending,
    LiveSession,
    WebhookDelivery,
)
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


@pytest.fixture
def hooked(application: Application) -> Application:
    application.listener_hook_url = "http://hook.example/app"
    application.save()
    return application


def events() -> list[tuple[str, str, str]]:
    return [
        (event.event_type, event.type, event.stream_id)
        for event in ConnectionEvent.objects.order_by("pk")
    ]


def test_a_publisher_that_comes_and_goes_is_two_events(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice, subscriber_id="sub-1")
    connected_at = to_ms(clock.now)
    clock.turn(seconds=30)
    services.close_session(grant.session, "left", clock)

    connected, disconnected = ConnectionEvent.objects.order_by("pk")
    assert (connected.event_type, connected.type) == ("connected", "publish")
    assert (connected.timestamp, connected.duration_ms) == (connected_at, 0)
    assert (disconnected.event_type, disconnected.reason) == ("disconnected", "left")
    assert (disconnected.timestamp, disconnected.duration_ms) == (
        connected_at + 30_000,
        30_000,
    )
    for event in (connected, disconnected):
        assert event.stream_id == "cam"
        assert (event.subscriber_id, event.remote_ip) == ("sub-1", "192.0.2.1")
        assert (event.session, event.instance) == (grant.session, "asgi-1")
        assert (event.protocol, event.count) == ("webrtc", 1)


def test_a_viewer_that_comes_and_goes_is_two_events(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    grant = play(bob)
    services.mark_started(grant.session, clock)
    clock.turn(seconds=5)
    services.close_session(grant.session, clock=clock)

    assert events()[1:] == [
        ("connected", "play", "cam"),
        ("disconnected", "play", "cam"),
    ]
    assert ConnectionEvent.objects.order_by("pk").last().duration_ms == 5_000  # type: ignore[union-attr]


def test_an_attempt_that_never_was_live_is_no_event(
    publish: Publish, alice: SocketInfo
) -> None:
    services.close_session(publish(alice).session)

    assert events() == []


def test_a_return_is_no_event_and_the_end_counts_from_the_start(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    clock.turn(seconds=5)
    grant = publish(alice)
    services.mark_started(grant.session, clock)
    assert events() == [("connected", "publish", "cam")]
    clock.turn(seconds=5)
    services.close_session(grant.session, clock=clock)

    assert events()[1:] == [("disconnected", "publish", "cam")]
    assert ConnectionEvent.objects.get(event_type="disconnected").duration_ms == 10_000


def test_a_publisher_lost_for_good_before_its_return_was_live_has_ended(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    grant = publish(alice)
    assert grant.restored

    services.close_session(grant.session, clock=clock)

    assert events()[1:] == [("disconnected", "publish", "cam")]


def test_a_publisher_that_does_not_come_back_has_ended(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    services.close_socket(alice.channel, clock)
    assert len(events()) == 1

    services.close_parked("LiveApp/cam", grant.session, clock)

    assert ConnectionEvent.objects.get(event_type="disconnected").reason == (
        "not_returned"
    )


@pytest.mark.parametrize(
    ("ending", "reason"), [("", "socket_closed"), (Ending.BLOCKED, "blocked")]
)
def test_a_session_that_was_to_end_says_why(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    ending: str,
    reason: str,
) -> None:
    live(alice)
    services.mark_started(play(bob).session, clock)
    LiveSession.objects.filter(role="play").update(ending=ending)

    services.close_socket(bob.channel, clock)

    assert ConnectionEvent.objects.get(event_type="disconnected").reason == reason


def test_an_application_may_keep_no_events(
    live: Publish, alice: SocketInfo, application: Application
) -> None:
    application.write_connection_events = False
    application.save()

    services.close_session(live(alice).session)

    assert events() == []


def test_the_end_of_many_costs_as_many_queries_as_that_of_few(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    hooked: Application,
    clock: TurnableClock,
) -> None:
    for number in range(20):
        live(alice, f"s{number}", main_track="room")
    for number in range(30):
        viewer = SocketInfo(f"channel-{number}", alice.node, "192.0.2.9", "")
        services.mark_started(play(viewer, "s0").session, clock)

    with at_most(15):
        services.close_relay("relay-1", clock)

    assert ConnectionEvent.objects.filter(event_type="disconnected").count() == 50
    assert set(
        ConnectionEvent.objects.filter(event_type="disconnected").values_list(
            "reason", flat=True
        )
    ) == {"relay_lost"}
    assert WebhookDelivery.objects.filter(action="playStopped").count() == 30


def test_a_clock_that_steps_back_makes_no_negative_duration(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    clock.now -= timedelta(minutes=1)

    services.close_session(grant.session, clock=clock)

    assert ConnectionEvent.objects.get(event_type="disconnected").duration_ms == 0


def test_the_end_of_a_process_says_so(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    services.mark_started(play(bob).session, clock)

    services.close_node("asgi-1", clock)

    ended = ConnectionEvent.objects.filter(event_type="disconnected")
    assert [event.reason for event in ended] == ["process_ended"] * 2


def test_a_return_that_nobody_has_reported_overdue_says_so(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    clock.turn(seconds=16)
    services.heartbeat("asgi-1", clock)

    services.sweep_dead_nodes(clock.now)

    assert ConnectionEvent.objects.get(event_type="disconnected").reason == (
        "not_returned"
    )
