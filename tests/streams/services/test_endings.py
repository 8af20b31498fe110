"""Sessions that are marked to be ended, and who finds them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Q

from streams import services
from streams.clock import to_ms
from streams.models import Application, Broadcast, Ending, LiveSession
from streams.services import SocketInfo
from streams.signals import endings_wanted
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


def endings() -> dict[str, str]:
    return dict(LiveSession.objects.values_list("role", "ending"))


def schedule(clock: TurnableClock, start_s: int, end_s: int) -> None:
    now = int(clock().timestamp())
    Broadcast.objects.update(
        planned_start_date=now + start_s, planned_end_date=now + end_s
    )


def test_a_stopped_stream_s_publisher_is_marked_and_found(
    application: Application, live: Publish, play: Play, alice: SocketInfo, node: str
) -> None:
    grant = live(alice)
    play(alice)

    assert services.stop_stream(application.pk, "cam")

    assert endings() == {"publish": "stopped", "play": ""}
    (wanted,) = services.wanted_endings(node)
    assert wanted == services.EndingSession(
        session=grant.session,
        channel=alice.channel,
        relay="relay-1",
        application="LiveApp",
        stream_id="cam",
        role="publish",
        ending="stopped",
    )
    assert services.wanted_endings("another process") == []


def test_a_stream_that_nobody_publishes_cannot_be_stopped(
    application: Application,
) -> None:
    assert not services.stop_stream(application.pk, "cam")


def test_the_first_reason_stays(
    application: Application, live: Publish, alice: SocketInfo
) -> None:
    live(alice)
    services.end_sessions(Q(stream_id="cam"), Ending.BLOCKED)

    assert not services.stop_stream(application.pk, "cam")
    assert endings() == {"publish": "blocked"}


def test_a_mark_is_signalled_after_the_commit(
    application: Application,
    live: Publish,
    alice: SocketInfo,
    django_capture_on_commit_callbacks: object,
) -> None:
    live(alice)
    heard: list[object] = []

    def hear(**named: object) -> None:
        heard.append(named["sender"])

    endings_wanted.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            services.stop_stream(application.pk, "cam")
            assert not heard
    finally:
        endings_wanted.disconnect(hear)
    assert heard == [LiveSession]


def test_a_publisher_does_not_escape_its_end_by_returning(
    application: Application,
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    node: str,
) -> None:
    live(alice)
    services.close_socket(alice.channel, clock)
    services.stop_stream(application.pk, "cam")

    grant = publish(alice)

    (wanted,) = services.wanted_endings(node)
    assert (wanted.session, wanted.channel) == (grant.session, alice.channel)


@pytest.mark.parametrize(
    ("start_s", "end_s", "ended"),
    [(-60, -1, True), (-60, 0, False), (-60, 60, False)],
)
def test_a_publisher_past_its_planned_end_is_ended(
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    start_s: int,
    end_s: int,
    ended: bool,
) -> None:
    live(alice)
    schedule(clock, start_s, end_s)

    services.end_overdue(clock)

    assert endings() == {"publish": "not_active" if ended else ""}


def test_an_end_without_a_start_ends_nothing(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    Broadcast.objects.update(planned_end_date=1)

    services.end_overdue(clock)

    assert endings() == {"publish": ""}


def test_viewers_are_left_to_their_stream_s_end(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    live(alice)
    play(bob)
    schedule(clock, -60, -1)

    services.end_overdue(clock)

    assert endings()["play"] == ""


def silence(clock: TurnableClock, **ago: float) -> None:
    """The relay has just reported that nothing came since."""
    Broadcast.objects.update(
        media_time=to_ms(clock() - timedelta(**ago)), update_time=to_ms(clock())
    )


@pytest.mark.parametrize("switched_on", [True, False])
def test_a_silent_publisher_is_ended_where_that_is_asked_for(
    application: Application,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    switched_on: bool,
) -> None:
    Application.objects.update(drop_without_packets=switched_on)
    live(alice)
    clock.turn(seconds=30)
    silence(clock, seconds=6)

    services.end_overdue(clock)

    assert endings() == {"publish": "no_packets" if switched_on else ""}


@pytest.mark.parametrize(
    ("live_s", "silent_s"),
    [(30, 4), (8, 6)],
    ids=["media a moment ago", "only just live"],
)
def test_a_publisher_has_its_start_timeout_to_send(
    application: Application,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    live_s: float,
    silent_s: float,
) -> None:
    Application.objects.update(drop_without_packets=True)
    live(alice)
    clock.turn(seconds=live_s)
    silence(clock, seconds=silent_s)

    services.end_overdue(clock)

    assert endings() == {"publish": ""}


def test_a_publisher_that_is_awaited_may_be_silent(
    application: Application, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Application.objects.update(drop_without_packets=True)
    live(alice)
    clock.turn(seconds=30)
    silence(clock, seconds=6)
    services.close_socket(alice.channel, clock)

    services.end_overdue(clock)

    assert endings() == {"publish": ""}


def test_a_look_that_finds_nothing_costs_three_queries(
    live: Publish, alice: SocketInfo, clock: TurnableClock, node: str
) -> None:
    live(alice)

    with at_most(3):
        services.end_overdue(clock)
        services.wanted_endings(node)
