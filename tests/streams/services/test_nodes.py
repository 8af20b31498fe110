from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from streams import services
from streams.models import Broadcast, LiveSession, Node
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

NO_PID = 2**22  # beyond what the kernel gives


@pytest.fixture
def here(node: str, clock: TurnableClock) -> str:
    """Another live process of this host, beside `node`."""
    services.register_node("asgi-here", "asgi", clock)
    return "asgi-here"


def set_node(name: str, **fields: object) -> None:
    Node.objects.filter(pk=name).update(**fields)


# register_node and heartbeat


def test_a_registered_process_is_alive_here(db: None, clock: TurnableClock) -> None:
    services.register_node("asgi-1", "asgi", clock)

    node = Node.objects.get()
    assert (node.name, node.kind, node.closed) == ("asgi-1", "asgi", False)
    assert (node.hostname, node.pid) == (socket.gethostname(), os.getpid())
    assert node.started_at == node.heartbeat_at == clock.now


def test_a_new_life_under_the_same_name_starts_with_nothing(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    LiveSession.objects.update(created_at=clock.now - timedelta(days=50_000))

    services.register_node(alice.node, "asgi", clock)

    assert not LiveSession.objects.exists()
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("call", ["register", "heartbeat"])
def test_a_late_registration_keeps_what_the_process_has_opened(
    live: Publish, alice: SocketInfo, clock: TurnableClock, call: str
) -> None:
    """The database may have been away when the process started."""
    socket_info = replace(alice, node="asgi-late")
    live(socket_info)

    if call == "register":
        services.register_node("asgi-late", "asgi", clock)
    else:
        services.heartbeat("asgi-late", clock)

    assert LiveSession.objects.get().channel == alice.channel


def test_a_relay_that_starts_again_has_no_streams(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)

    services.register_node("relay-1", "relay", clock)

    assert not LiveSession.objects.exists()
    assert Node.objects.get(pk="relay-1").kind == "relay"


def test_a_heartbeat_keeps_a_process_alive(db: None, clock: TurnableClock) -> None:
    services.register_node("asgi-1", "asgi", clock)
    clock.turn(seconds=5)

    with at_most(1):
        services.heartbeat("asgi-1", clock)

    node = Node.objects.get()
    assert node.heartbeat_at == clock.now
    assert node.resumed_at is None


def test_a_heartbeat_registers_a_process_that_could_not_before(
    db: None, clock: TurnableClock
) -> None:
    services.heartbeat("asgi-1", clock)

    assert Node.objects.get().kind == "asgi"


def test_a_heartbeat_after_a_gap_is_kept(db: None, clock: TurnableClock) -> None:
    services.register_node("asgi-1", "asgi", clock)
    clock.turn(seconds=11)
    services.heartbeat("asgi-1", clock)
    resumed_at = clock.now
    clock.turn(seconds=5)
    services.heartbeat("asgi-1", clock)

    assert Node.objects.get().resumed_at == resumed_at


def test_a_process_that_was_taken_for_dead_comes_back(
    db: None, clock: TurnableClock
) -> None:
    services.register_node("asgi-1", "asgi", clock)
    set_node("asgi-1", closed=True)

    services.heartbeat("asgi-1", clock)

    assert not Node.objects.get().closed


# sweep_dead_nodes


def test_the_sweep_leaves_the_living_alone(
    here: str, live: Publish, play: Play, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    play(alice)

    with at_most(3):
        assert services.sweep_dead_nodes(clock.now) == []
    assert LiveSession.objects.count() == 2


def test_the_sessions_of_a_silent_process_are_swept(
    here: str,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    published = live(alice)
    kept = play(replace(bob, node=here))
    set_node(alice.node, hostname="elsewhere", pid=NO_PID)
    clock.turn(seconds=20)
    set_node(here, heartbeat_at=clock.now)
    assert services.sweep_dead_nodes(clock.now) == []

    clock.turn(milliseconds=1)
    (lost,) = services.sweep_dead_nodes(clock.now)

    assert (lost.session, lost.channel) == (published.session, alice.channel)
    assert (lost.application, lost.stream_id, lost.role) == (
        "LiveApp",
        "cam",
        "publish",
    )
    assert [row.pk for row in LiveSession.objects.all()] == [kept.session]
    assert not Broadcast.objects.exists()
    assert Node.objects.get(pk=alice.node).closed


@pytest.mark.parametrize(
    ("fields", "swept"),
    [
        ({"pid": NO_PID}, True),
        ({"pid": NO_PID, "pid_namespace": ""}, True),
        ({"pid": NO_PID, "pid_namespace": "pid:[1]"}, False),
        ({"pid": NO_PID, "hostname": "elsewhere"}, False),
        ({"pid": 1, "hostname": "elsewhere"}, False),
        ({}, False),
    ],
)
def test_a_pid_that_is_gone_from_this_host_is_dead_at_once(
    here: str,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    fields: dict[str, object],
    swept: bool,
) -> None:
    live(alice)
    set_node(alice.node, **fields)

    assert bool(services.sweep_dead_nodes(clock.now)) is swept


def test_a_pid_that_another_process_has_now_is_dead(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    set_node(alice.node, started_at=clock.now - timedelta(days=50_000))

    assert services.sweep_dead_nodes(clock.now)


def test_silence_means_little_after_the_database_was_away(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    """Every heartbeat is old then; the first process to be back is no judge."""
    live(alice)
    set_node(alice.node, hostname="elsewhere")
    clock.turn(seconds=60)
    services.heartbeat(here, clock)

    assert services.sweep_dead_nodes(clock.now) == []

    for _ in range(5):
        clock.turn(seconds=5)
        services.heartbeat(here, clock)
    assert len(services.sweep_dead_nodes(clock.now)) == 1


def test_the_sessions_of_a_silent_relay_are_swept(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.register_node("relay-1", "relay", clock)
    live(alice)
    clock.turn(seconds=21)
    set_node(here, heartbeat_at=clock.now)
    set_node(alice.node, heartbeat_at=clock.now)

    (lost,) = services.sweep_dead_nodes(clock.now)

    assert lost.channel == alice.channel
    assert not Broadcast.objects.exists()


def test_a_window_whose_end_nobody_reported_is_swept(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)
    clock.turn(seconds=14)
    assert services.sweep_dead_nodes(clock.now) == []

    clock.turn(seconds=2)
    assert len(services.sweep_dead_nodes(clock.now)) == 1
    assert not Broadcast.objects.exists()


def test_sessions_of_a_process_that_never_registered_are_swept(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(replace(alice, node="asgi-gone"))
    assert services.sweep_dead_nodes(clock.now) == []

    clock.turn(seconds=20, milliseconds=1)
    set_node(here, heartbeat_at=clock.now)
    assert len(services.sweep_dead_nodes(clock.now)) == 1


def test_dead_processes_are_forgotten_after_a_day(
    here: str, clock: TurnableClock
) -> None:
    set_node("asgi-1", closed=True, heartbeat_at=clock.now - timedelta(hours=23))
    services.sweep_dead_nodes(clock.now)
    assert Node.objects.filter(pk="asgi-1").exists()

    set_node("asgi-1", heartbeat_at=clock.now - timedelta(hours=25))
    services.sweep_dead_nodes(clock.now)
    assert not Node.objects.filter(pk="asgi-1").exists()


def test_the_sweep_runs_by_the_real_clock_by_default(
    live: Publish, alice: SocketInfo
) -> None:
    set_node(alice.node, pid=NO_PID)
    live(alice)

    assert len(services.sweep_dead_nodes()) == 1


def test_a_process_that_may_not_be_looked_at_is_judged_by_its_heartbeat(
    here: str,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    live(alice)
    monkeypatch.setattr(psutil, "Process", refuse)

    assert services.sweep_dead_nodes(clock.now) == []


def test_where_no_process_namespaces_are_host_names_must_do(
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "readlink", fail)
    services.register_node(alice.node, "asgi", clock)
    live(alice)
    set_node(alice.node, pid=NO_PID)

    assert len(services.sweep_dead_nodes(clock.now)) == 1


# close_node


def test_an_orderly_stop_closes_the_sessions_of_the_process(
    here: str, live: Publish, play: Play, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    kept = play(replace(alice, node=here))
    set_node(here, pid=1)

    services.close_node(alice.node, clock)

    assert [row.pk for row in LiveSession.objects.all()] == [kept.session]
    assert not Broadcast.objects.exists()
    assert Node.objects.get(pk=alice.node).closed


def test_an_orderly_stop_closes_the_relays_of_the_process(
    here: str, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.register_node("relay-1", "relay", clock)
    services.register_node("relay-of-another", "relay", clock)
    set_node("relay-of-another", pid=1)

    services.close_node("asgi-1", clock)

    open_nodes = set(Node.objects.filter(closed=False).values_list("pk", flat=True))
    assert open_nodes == {here, "relay-of-another"}


def test_closing_an_unknown_process_does_nothing(db: None) -> None:
    services.close_node("asgi-none")

    assert not Node.objects.exists()
