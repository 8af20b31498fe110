from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from streams import services
from streams.models import Application, Broadcast, ConnectionEvent, LiveSession
from streams.policy import AccessDenied, Denial
from streams.services import RoomGrant, RoomState, RoomStream, SocketInfo
from tests.streams.conftest import LOAD, Publish, TurnableClock, at_most

Join = Callable[..., RoomGrant]


@pytest.fixture
def join(application: Application, clock: TurnableClock) -> Join:
    def call(
        socket: SocketInfo, stream_id: str = "cam", room: str = "hall"
    ) -> RoomGrant:
        request = services.RoomRequest(application.name, room, stream_id)
        return services.join_room(request, socket, LOAD, (), clock)

    return call


def state(stream_id: str = "", room: str = "hall") -> RoomState:
    return services.room_state("LiveApp", room, stream_id)


def refusal(call: Callable[..., object], *args: Any) -> Denial:
    with pytest.raises(AccessDenied) as denied:
        call(*args)
    return denied.value.reason


def test_only_what_is_live_and_another_s_is_listed(
    join: Join, live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "cam", room="hall", name="Camera", meta_data="{}")
    publish(bob, "starting", room="hall")
    live(bob, "elsewhere")

    assert join(bob, "bob").streams == (RoomStream("cam", "Camera", "{}"),)
    assert join(alice, "cam").streams == ()
    assert state("cam") == RoomState(empty=False, streams=())


def test_a_stream_that_is_awaited_stays_listed(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice, "cam", room="hall")
    services.close_socket(alice.channel, clock)

    assert [stream.stream_id for stream in state().streams] == ["cam"]


@pytest.mark.parametrize("room", ["hall", "nul\0", "a/b", "\ud800"])
def test_a_room_that_nobody_is_in_is_empty(application: Application, room: str) -> None:
    assert state(room=room) == RoomState(empty=True, streams=())


def test_a_silent_member_is_somebody(
    join: Join, alice: SocketInfo, clock: TurnableClock
) -> None:
    join(alice)
    assert not state().empty

    services.close_socket(alice.channel, clock)
    assert state().empty


def test_a_room_of_another_application_is_another(
    join: Join, live: Publish, alice: SocketInfo
) -> None:
    live(alice, "cam", room="hall")

    assert services.room_state("WebRTCAppEE", "hall", "").empty
    assert services.room_state("Nowhere", "hall", "").empty


def test_main_track_goes_before_the_joined_room(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice, "cam", room="hall", main_track="cellar")

    assert Broadcast.objects.get(stream_id="cam").main_track_stream_id == "cellar"


def test_a_joined_room_has_its_rules_for_who_publishes_there(
    application: Application, publish: Publish, alice: SocketInfo
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="hall", virtual=True, subtracks_limit=0
    )

    with pytest.raises(AccessDenied) as denied:
        publish(alice, "cam", room="hall")
    assert denied.value.reason is Denial.ROOM_FULL


def test_a_socket_is_in_a_room_once_and_under_an_id_once(
    join: Join, alice: SocketInfo, bob: SocketInfo
) -> None:
    join(bob)
    join(alice, "cam", "hall")
    join(alice, "other", "hall")
    join(alice, "other", "cellar")

    rows = LiveSession.objects.order_by("channel")
    assert list(rows.values_list("channel", "room", "stream_id")) == [
        (alice.channel, "cellar", "other"),
        (bob.channel, "hall", "cam"),
    ]


def test_a_name_that_is_no_id_is_refused(join: Join, alice: SocketInfo) -> None:
    assert refusal(join, alice, "cam", "a/b") is Denial.INVALID_STREAM_ID


def test_a_membership_is_no_media(
    application: Application, join: Join, alice: SocketInfo, clock: TurnableClock
) -> None:
    Application.objects.update(listener_hook_url="https://example.org/")
    join(alice)
    services.close_socket(alice.channel, clock)

    assert not ConnectionEvent.objects.exists()
    assert not application.webhookdelivery_set.exists()
    assert services.broadcast_object("LiveApp", "cam") is None


def test_the_room_of_a_stream_is_known_by_its_relay_s_name(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice, "cam", room="hall")

    assert services.room_of("LiveApp/cam") == "hall"
    assert services.room_of("LiveApp/other") == ""
    assert services.room_of("nonsense") == ""


def test_a_room_of_many_costs_few_queries(
    join: Join, live: Publish, alice: SocketInfo
) -> None:
    for number in range(10):
        live(replace(alice, channel=f"c{number}"), f"s{number}", room="hall")

    with at_most(5):
        assert len(join(alice, "me").streams) == 10
    with at_most(2):
        state()


@pytest.mark.parametrize("by", ["room", "main_track"])
def test_a_registered_stream_leaves_the_room_it_was_taken_to(
    application: Application,
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    by: str,
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    live(alice, **{by: "hall"})
    services.close_socket(alice.channel, clock)
    again = publish(alice, **{by: "hall"})
    cam = Broadcast.objects.filter(stream_id="cam")
    assert cam.get().main_track_stream_id == "hall"

    services.close_session(again.session, clock=clock)

    assert Broadcast.objects.get().main_track_stream_id == ""


def test_what_an_operator_put_into_a_room_stays_there(
    application: Application, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="cam", main_track_stream_id="hall"
    )
    grant = live(alice, room="hall")

    services.close_session(grant.session, clock=clock)

    assert Broadcast.objects.get().main_track_stream_id == "hall"
