from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import policy, services
from streams.models import Application, ConnectionEvent, LiveSession, Node
from streams.policy import AccessDenied, Denial
from streams.services import PeerGrant, PeerSeat, SocketInfo, peering
from tests.streams.conftest import LOAD, TurnableClock, at_most

Join = Callable[..., PeerGrant]


@pytest.fixture
def join(application: Application, clock: TurnableClock) -> Join:
    def call(socket: SocketInfo, room: str = "room", mode: str = "both") -> PeerGrant:
        request = services.PeerRequest(application.name, room, mode)
        return services.open_peer(request, socket, LOAD, (), clock)

    return call


@pytest.fixture
def carol(bob: SocketInfo) -> SocketInfo:
    return replace(bob, channel="channel-carol")


def refusal(call: Callable[..., object], *args: Any) -> Denial:
    with pytest.raises(AccessDenied) as denied:
        call(*args)
    return denied.value.reason


def seats() -> dict[str, int | None]:
    return dict(LiveSession.objects.values_list("channel", "seat"))


def test_two_peers_find_each_other(
    join: Join, alice: SocketInfo, bob: SocketInfo
) -> None:
    first = join(alice)
    second = join(bob)

    assert first.other is None
    assert second.other == PeerSeat(first.session, alice.channel)
    assert not second.offers
    assert seats() == {alice.channel: 1, bob.channel: 2}


def test_a_third_is_refused_and_changes_nothing(
    join: Join, alice: SocketInfo, bob: SocketInfo, carol: SocketInfo
) -> None:
    join(alice)
    join(bob)

    assert refusal(join, carol) is Denial.NO_SEAT
    assert len(seats()) == 2


@pytest.mark.parametrize("left", ["alice", "bob"])
def test_a_free_seat_is_taken_again(
    join: Join,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
    clock: TurnableClock,
    left: str,
) -> None:
    join(alice)
    join(bob)
    stays, goes = (bob, alice) if left == "alice" else (alice, bob)
    services.close_socket(goes.channel, clock)

    grant = join(carol)

    assert grant.other is not None
    assert grant.other.channel == stays.channel
    assert sorted(filter(None, seats().values())) == [1, 2]


def test_of_many_at_one_instant_two_get_in(
    join: Join,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All look before any sits down."""
    decide = policy.decide_peer
    waiting = [lambda: join(bob), lambda: join(carol)]

    def decide_and_lose(facts: Any) -> None:
        decide(facts)
        while waiting:
            waiting.pop()()

    monkeypatch.setattr(peering, "decide_peer", decide_and_lose)

    assert refusal(join, alice) is Denial.NO_SEAT
    assert sorted(filter(None, seats().values())) == [1, 2]
    assert set(seats()) == {bob.channel, carol.channel}


def test_a_second_join_of_a_socket_replaces_the_first(
    join: Join, alice: SocketInfo, bob: SocketInfo
) -> None:
    join(alice)
    join(bob)

    again = join(alice)

    assert again.other is not None
    assert again.other.channel == bob.channel
    assert set(seats()) == {alice.channel, bob.channel}


@pytest.mark.parametrize("mode", ["both", "play"])
def test_who_has_nothing_to_send_does_not_offer(
    join: Join, alice: SocketInfo, bob: SocketInfo, mode: str
) -> None:
    join(alice, "room", "play")

    assert join(bob, "room", mode).offers is (mode == "both")


def test_a_seat_of_a_dead_process_is_free(
    join: Join,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
    clock: TurnableClock,
) -> None:
    services.register_node("asgi-dead", "asgi", clock)
    join(replace(alice, node="asgi-dead"))
    join(bob)
    Node.objects.filter(pk="asgi-dead").update(
        heartbeat_at=clock() - timedelta(minutes=1)
    )

    grant = join(carol)

    assert grant.other is not None
    assert grant.other.channel == bob.channel


def test_rooms_are_apart(join: Join, alice: SocketInfo, bob: SocketInfo) -> None:
    join(alice, "one")

    assert join(bob, "two").other is None
    assert join(alice, "two").other is not None


def test_a_peer_is_neither_publisher_nor_viewer(
    application: Application, join: Join, alice: SocketInfo
) -> None:
    join(alice)

    assert services.broadcast_object("LiveApp", "room") is None
    assert not services.stop_stream(application.pk, "room")


def test_its_coming_and_going_is_kept(
    application: Application, join: Join, alice: SocketInfo, clock: TurnableClock
) -> None:
    Application.objects.update(listener_hook_url="https://example.org/")
    join(alice)
    clock.turn(seconds=5)
    services.close_socket(alice.channel, clock)

    events = ConnectionEvent.objects.order_by("pk")
    kept = events.values_list("event_type", "type", "duration_ms")
    assert list(kept) == [("connected", "peer", 0), ("disconnected", "peer", 5000)]
    assert not application.webhookdelivery_set.exists()


def test_joining_costs_few_queries(
    join: Join, alice: SocketInfo, bob: SocketInfo
) -> None:
    join(alice)

    with at_most(5):
        join(bob)


STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "lose"]), st.integers(0, 3)),
    max_size=30,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS)
def test_no_order_of_comings_and_goings_leaves_a_stuck_seat(
    join: Join, alice: SocketInfo, clock: TurnableClock, steps: list[tuple[str, int]]
) -> None:
    """Beside a model: who is in the room, in the order of coming."""
    LiveSession.objects.all().delete()
    room: dict[str, str] = {}
    for what, number in steps:
        socket = replace(alice, channel=f"channel-{number}")
        others = {name: at for name, at in room.items() if name != socket.channel}
        if what == "join" and len(others) == 2:
            assert refusal(join, socket) is Denial.NO_SEAT
        elif what == "join":
            grant = join(socket)
            told = grant.other and (grant.other.channel, grant.other.session)
            assert told == next(iter(others.items()), None)
            room = {**others, socket.channel: grant.session}
        elif what == "leave":
            assert services.close_session(
                room.get(socket.channel, "0" * 32), clock=clock
            ) is (socket.channel in room)
            room = others
        else:
            services.close_socket(socket.channel, clock)
            room = others
        assert set(seats()) == set(room)
        assert len(set(seats().values())) == len(room)


def test_nobody_sits_down_beside_one_that_has_just_left(
    join: Join,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
    monkeypatch: pytest.MonkeyPatch,
    clock: TurnableClock,
) -> None:
    """Bob sees Alice; she leaves and Carol comes before he sits down."""
    join(alice)
    decide = policy.decide_peer
    meanwhile: list[Callable[[], object]] = [
        lambda: services.close_socket(alice.channel, clock),
        lambda: join(carol),
    ]

    def decide_and_lose(facts: Any) -> None:
        decide(facts)
        while meanwhile:
            meanwhile.pop(0)()

    monkeypatch.setattr(peering, "decide_peer", decide_and_lose)

    grant = join(bob)

    assert grant.other is not None
    assert grant.other.channel == carol.channel
    assert {seat.channel for seat in services.peers_in("LiveApp", "room")} == {
        bob.channel,
        carol.channel,
    }
