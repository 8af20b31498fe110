from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from socket import gethostname
from typing import Any

import pytest
from django.db import OperationalError

from streams import services
from streams.clock import to_ms
from streams.models import Application, Broadcast, LiveSession, Node
from streams.policy import AccessDenied, Denial
from streams.services import Load, SocketInfo, publishing
from streams.services.store import LostRaceError
from tests.streams.conftest import (
    LOAD,
    RELAYS,
    Arrange,
    Publish,
    TurnableClock,
    at_most,
)


def refusal(call: object, *args: object, **kwargs: object) -> Denial:
    with pytest.raises(AccessDenied) as denied:
        call(*args, **kwargs)  # type: ignore[operator]
    return denied.value.reason


def register(application: Application, **fields: object) -> Broadcast:
    return Broadcast.objects.create(
        application=application, **{"stream_id": "cam", **fields}
    )


def only_session() -> LiveSession:
    return LiveSession.objects.get()


def test_it_grants_what_the_relay_needs(
    publish: Publish, alice: SocketInfo, application: Application
) -> None:
    Application.objects.update(
        start_timeout_ms=7000,
        return_window_ms=4000,
        max_publish_bitrate=2_000_000,
        h264_enabled=False,
    )

    grant = publish(alice)

    assert grant.relay == "relay-1"
    assert not grant.restored
    assert grant.video_codecs == ("VP8", "VP9", "AV1")
    assert grant.start_timeout_ms == 7000
    assert grant.return_window_ms == 4000
    assert grant.max_bitrate_bps == 2_000_000


def test_it_writes_a_preparing_session(
    publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = publish(alice, subscriber_id="sub-1")

    row = only_session()
    assert row.pk == grant.session
    assert len(row.pk) == 32
    assert (row.role, row.state) == ("publish", "preparing")
    assert (row.channel, row.node_id, row.relay) == (
        "channel-alice",
        "asgi-1",
        "relay-1",
    )
    assert (row.subscriber_id, row.remote_ip, row.user_agent) == (
        "sub-1",
        "192.0.2.1",
        "Firefox",
    )
    assert row.created_at == clock.now


def test_an_unknown_id_becomes_an_automatic_broadcast(
    publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    publish(alice, name="My camera", meta_data='{"a":1}', role="speaker")

    row = Broadcast.objects.get()
    assert row.zombi
    assert row.status == "preparing"
    assert row.date == row.update_time == to_ms(clock.now)
    assert (row.name, row.meta_data, row.role) == ("My camera", '{"a":1}', "speaker")
    assert (row.publish_type, row.remote_ip) == ("WebRTC", "192.0.2.1")


def test_a_registered_broadcast_keeps_what_the_publisher_does_not_say(
    publish: Publish, alice: SocketInfo, application: Application
) -> None:
    register(application, name="Lobby", meta_data="kept", bitrate=5, width=640)

    publish(alice, role="speaker")

    row = Broadcast.objects.get()
    assert not row.zombi
    assert row.status == "preparing"
    assert (row.name, row.meta_data, row.role) == ("Lobby", "kept", "speaker")
    assert (row.bitrate, row.width) == (0, 0)


def test_the_same_id_is_another_stream_in_another_application(
    publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    publish(alice)
    publish(bob, application="WebRTCAppEE")

    assert LiveSession.objects.count() == Broadcast.objects.count() == 2


def test_a_socket_publishes_several_streams(
    publish: Publish, alice: SocketInfo
) -> None:
    publish(alice, "one")
    publish(alice, "two")

    assert LiveSession.objects.filter(channel=alice.channel).count() == 2


@pytest.mark.parametrize(
    "stream_id", ["", "a/b", "a b", "x" * 129, "ä", "a\n", ".\x00"]
)
def test_it_refuses_an_id_that_no_row_can_have(
    publish: Publish, alice: SocketInfo, stream_id: str
) -> None:
    assert refusal(publish, alice, stream_id) is Denial.INVALID_STREAM_ID
    assert not LiveSession.objects.exists()


def test_it_refuses_an_unknown_application(publish: Publish, alice: SocketInfo) -> None:
    reason = refusal(publish, alice, application="Nowhere")

    assert reason is Denial.NOT_INITIALIZED


def test_it_refuses_while_no_relay_is_up(publish: Publish, alice: SocketInfo) -> None:
    assert refusal(publish, alice, relays=()) is Denial.NOT_INITIALIZED


def test_it_refuses_in_a_suspended_application(
    publish: Publish, alice: SocketInfo
) -> None:
    Application.objects.update(suspended=True)

    assert refusal(publish, alice) is Denial.SUSPENDED


@pytest.mark.parametrize("load", [Load(86.0, 4000.0), Load(10.0, 9.0)])
def test_it_refuses_beyond_the_limits_of_the_settings(
    publish: Publish, alice: SocketInfo, load: Load
) -> None:
    assert refusal(publish, alice, load=load) is Denial.RESOURCES


def test_it_refuses_without_a_video_codec(publish: Publish, alice: SocketInfo) -> None:
    Application.objects.update(
        h264_enabled=False, vp8_enabled=False, vp9_enabled=False, av1_enabled=False
    )

    assert refusal(publish, alice) is Denial.NO_CODEC


@pytest.mark.parametrize("started", [False, True])
def test_it_refuses_a_second_publish_of_the_same_socket(
    publish: Publish, alice: SocketInfo, clock: TurnableClock, started: bool
) -> None:
    grant = publish(alice)
    if started:
        services.mark_started(grant.session, clock)

    assert refusal(publish, alice) is Denial.ALREADY_PUBLISHING
    assert only_session().pk == grant.session


@pytest.mark.parametrize("started", [False, True])
def test_it_refuses_an_id_that_another_socket_has(
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    started: bool,
) -> None:
    grant = publish(alice)
    if started:
        services.mark_started(grant.session, clock)

    assert refusal(publish, bob) is Denial.ID_IN_USE
    assert only_session().pk == grant.session


def test_it_refuses_unregistered_ids_where_registration_is_required(
    publish: Publish, alice: SocketInfo, application: Application
) -> None:
    Application.objects.update(accept_only_registered_streams=True)

    assert refusal(publish, alice) is Denial.UNREGISTERED
    assert not Broadcast.objects.exists()

    register(application)
    assert publish(alice).session


def test_an_automatic_broadcast_is_not_a_registration(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    Application.objects.update(accept_only_registered_streams=True)

    assert refusal(publish, alice) is Denial.UNREGISTERED


def test_it_refuses_outside_the_planned_dates(
    publish: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    now_s = int(clock.now.timestamp())
    register(application, planned_start_date=now_s + 60, planned_end_date=now_s + 120)

    assert refusal(publish, alice) is Denial.NOT_ACTIVE
    clock.turn(seconds=60)
    assert publish(alice).session


def test_it_refuses_an_expired_broadcast(
    publish: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    register(application, date=to_ms(clock.now), expire_duration_ms=1000)
    clock.turn(seconds=1)

    assert refusal(publish, alice) is Denial.NOT_ACTIVE


def test_it_refuses_while_the_database_is_away(
    publish: Publish, alice: SocketInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(publishing, "find_application", fail)

    assert refusal(publish, alice) is Denial.STORE_UNAVAILABLE


# A publisher's return.


def test_a_lost_publisher_returns_to_its_stream(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    first = live(alice)
    started_at = Broadcast.objects.get().start_time
    services.park_session(first.session, clock)
    clock.turn(seconds=9)

    grant = publish(bob, relays=("relay-0", "relay-1"))

    assert grant.restored
    assert grant.relay == "relay-1"
    assert grant.session != first.session
    row = only_session()
    assert (row.pk, row.state, row.channel) == (
        grant.session,
        "preparing",
        "channel-bob",
    )
    assert row.parked_until is None
    assert row.started_at is None
    broadcast = Broadcast.objects.get()
    assert broadcast.status == "broadcasting"
    started = services.mark_started(grant.session, clock)
    assert started is not None
    assert started.restored
    assert Broadcast.objects.get().start_time == started_at


def test_a_publisher_that_comes_after_the_window_starts_anew(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    clock.turn(seconds=11)

    grant = publish(alice)

    assert not grant.restored
    assert Broadcast.objects.get().status == "preparing"
    assert only_session().pk == grant.session


def test_a_publisher_whose_relay_died_starts_anew_on_another(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)

    grant = publish(alice, relays=("relay-2",))

    assert not grant.restored
    assert grant.relay == only_session().relay == "relay-2"


def test_a_return_is_checked_again(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    Application.objects.update(suspended=True)

    assert refusal(publish, alice) is Denial.SUSPENDED
    assert only_session().state == "parked"


# Dead processes.


@pytest.mark.parametrize("sign", ["closed", "silent", "pid"])
def test_it_takes_the_id_of_a_publisher_whose_process_died(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    sign: str,
) -> None:
    live(alice)
    Node.objects.update(hostname="elsewhere", heartbeat_at=clock.now)
    signs: dict[str, dict[str, Any]] = {
        "closed": {"closed": True},
        "silent": {"heartbeat_at": clock.now - timedelta(seconds=21)},
        "pid": {"hostname": gethostname(), "pid": 2**22},
    }
    Node.objects.filter(pk=alice.node).update(**signs[sign])
    services.register_node("asgi-2", "asgi", clock)

    grant = publish(replace(bob, node="asgi-2"))

    assert not grant.restored
    assert only_session().pk == grant.session
    assert Broadcast.objects.get().status == "preparing"


def test_a_session_of_a_process_not_yet_registered_is_alive(
    publish: Publish, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    publish(replace(alice, node="asgi-starting"))

    assert refusal(publish, bob) is Denial.ID_IN_USE
    clock.turn(seconds=21)
    assert publish(bob).session


# Races: the rows change between the look and the write.


def test_of_two_publishers_at_once_the_second_is_refused(
    publish: Publish, alice: SocketInfo, bob: SocketInfo, on_first_decision: Arrange
) -> None:
    on_first_decision("decide_publish", lambda: publish(alice))

    assert refusal(publish, bob) is Denial.ID_IN_USE
    assert only_session().channel == alice.channel
    assert Broadcast.objects.count() == 1


def test_of_two_returns_at_once_the_second_is_refused(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    on_first_decision: Arrange,
) -> None:
    services.park_session(live(alice).session, clock)
    on_first_decision("decide_publish", lambda: publish(alice))

    assert refusal(publish, bob) is Denial.ID_IN_USE
    assert only_session().channel == alice.channel


def test_a_return_that_meets_the_end_of_the_window_starts_anew(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    on_first_decision: Arrange,
) -> None:
    first = live(alice)
    services.park_session(first.session, clock)
    on_first_decision(
        "decide_publish",
        lambda: services.close_parked("LiveApp/cam", first.session, clock),
    )

    grant = publish(alice)

    assert not grant.restored
    assert only_session().pk == grant.session
    assert Broadcast.objects.get().status == "preparing"


def test_a_broadcast_deleted_meanwhile_is_not_made_where_registration_is_required(
    publish: Publish,
    alice: SocketInfo,
    application: Application,
    on_first_decision: Arrange,
) -> None:
    Application.objects.update(accept_only_registered_streams=True)
    broadcast = register(application)
    on_first_decision("decide_publish", broadcast.delete)

    assert refusal(publish, alice) is Denial.UNREGISTERED
    assert not LiveSession.objects.exists()


# Relays, input and cost.


def test_a_new_stream_goes_to_the_relay_with_the_fewest_publishers(
    publish: Publish, alice: SocketInfo
) -> None:
    relays = ("relay-1", "relay-2", "relay-3")
    chosen = [publish(alice, f"s{n}", relays=relays).relay for n in range(4)]

    assert chosen == ["relay-1", "relay-2", "relay-3", "relay-1"]


def test_hostile_text_is_made_fit_for_the_columns(
    publish: Publish, alice: SocketInfo
) -> None:
    hostile = "\ud800\x00" + "n" * 70_000
    socket = replace(alice, user_agent=hostile, remote_ip=hostile)

    publish(
        socket,
        name=hostile,
        meta_data=hostile,
        role=hostile,
        subscriber_id=hostile,
    )

    row = Broadcast.objects.get()
    assert row.name == "?" + "n" * 253
    assert len(row.role) < 65
    assert len(only_session().user_agent) < 256


def test_publishing_costs_few_queries(publish: Publish, alice: SocketInfo) -> None:
    with at_most(7):
        publish(alice, relays=("relay-1", "relay-2"))


def test_a_return_costs_few_queries(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)

    with at_most(5):
        publish(alice)


def test_a_refusal_writes_nothing(
    publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    publish(alice)

    with at_most(4):
        refusal(publish, bob)


def test_it_gives_up_on_an_endless_race(
    application: Application, alice: SocketInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*args: object, **named: object) -> None:
        raise LostRaceError

    monkeypatch.setattr(publishing, "claim_stream", lose)
    request = services.PublishRequest("LiveApp", "cam")

    reason = refusal(services.open_publish, request, alice, LOAD, RELAYS)

    assert reason is Denial.ID_IN_USE
