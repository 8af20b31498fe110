"""Events of relays become rows and messages to consumers."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError

from relay import control
from signalling import registry, supervisor
from signalling.link import RelayUnavailable
from signalling.local_link import LocalLink, RelayConfig
from signalling.supervisor import Supervisor
from streams import services
from streams.limited_log import LimitedLog
from streams.measured import Measured
from streams.refusals import refusals
from streams.signals import relay_commands
from tests.streams.reports import report, stream, viewer

# Calls of services run where Django looks after its connections.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "log", LimitedLog(supervisor.logger))


def a_loss(session: str, channel: str) -> services.LostSession:
    return services.LostSession(
        session=session,
        channel=channel,
        application="LiveApp",
        stream_id="one",
        role="play",
    )


async def test_each_socket_of_a_lost_relay_hears_of_its_sessions_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = get_channel_layer()
    first, second = await layer.new_channel(), await layer.new_channel()
    lost = [a_loss("a", first), a_loss("b", second), a_loss("c", first)]
    parked = a_loss("d", "")  # nobody's any more
    monkeypatch.setattr(services, "close_relay", lambda *_: [*lost, parked])
    await Supervisor(()).handle_loss("relay-1")
    assert await layer.receive(first) == {"type": "relay.lost", "sessions": ["a", "c"]}
    assert await layer.receive(second) == {"type": "relay.lost", "sessions": ["b"]}


async def test_an_event_goes_to_the_socket_it_names() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    event = control.Started("a" * 32, channel)
    await Supervisor(()).handle_event("relay-1", event)
    message = await layer.receive(channel)
    assert message["type"] == "relay.event"
    assert control.decode(message["event"].encode()) == event


async def test_a_database_away_costs_a_report_and_a_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def record_report(report: control.Report) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(services, "record_report", record_report)
    await Supervisor(()).handle_event("relay-1", control.Report("relay-1", (), 0))
    assert "record_report: database not available" in caplog.text


async def test_a_closed_connection_costs_a_report_and_a_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def end_overdue() -> int:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(services, "end_overdue", end_overdue)
    await Supervisor(()).end_sessions()
    assert "end_overdue: database not available" in caplog.text


async def test_an_event_that_fails_does_not_end_its_relay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(services, "record_report", fail)
    monkeypatch.setattr(services, "close_relay", fail)
    subject = Supervisor(())

    await subject.handle_event("relay-1", control.Report("relay-1", (), 0))
    await subject.handle_loss("relay-1")

    assert caplog.text.count("ValueError: a bug") == 2


@pytest.mark.parametrize("duty", ["heartbeat", "end_overdue", "write_refusals", "tidy"])
async def test_a_duty_goes_on_after_a_bug(
    monkeypatch: pytest.MonkeyPatch, duty: str
) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    calls: list[str] = []

    def fail_once(*_: object) -> int:
        calls.append(duty)
        if len(calls) > 1:
            loop.call_soon_threadsafe(done.set)
            return 0
        raise ValueError("a bug")

    monkeypatch.setattr(services, "tidy", lambda: None)
    for name in ("HEARTBEAT_S", "WATCH_S", "FIRST_TIDY_S", "TIDY_S"):
        monkeypatch.setattr(supervisor, name, 0.001)
    monkeypatch.setattr(refusals, "take", lambda: ["a refusal"])
    monkeypatch.setattr(services, "write_refusals", lambda *_: 0)
    monkeypatch.setattr(services, duty, fail_once)
    subject = Supervisor(())
    subject.start()
    try:
        await asyncio.wait_for(done.wait(), 10)
    finally:
        await subject.stop()
        registry.reopen()


async def test_tidying_does_not_hold_up_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: dict[str, int] = {}
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tidy() -> None:
        threads["tidy"] = threading.get_ident()
        loop.call_soon_threadsafe(done.set)

    def end_overdue() -> int:
        threads["command"] = threading.get_ident()
        return 0

    monkeypatch.setattr(supervisor, "FIRST_TIDY_S", 0.001)
    monkeypatch.setattr(services, "tidy", tidy)
    monkeypatch.setattr(services, "end_overdue", end_overdue)
    subject = Supervisor(())
    subject.start()
    try:
        await asyncio.wait_for(done.wait(), 10)
        await subject.end_sessions()
    finally:
        await subject.stop()
        registry.reopen()
    assert threads["tidy"] != threads["command"]


async def test_a_bug_in_the_first_heartbeat_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beaten = asyncio.Event()

    def fail(name: str, kind: str) -> None:
        raise RuntimeError("a bug")

    async def beat() -> None:
        beaten.set()

    monkeypatch.setattr(services, "register_node", fail)
    monkeypatch.setattr(supervisor, "_beat", beat)
    keeping = asyncio.create_task(Supervisor(())._keep_alive())

    async with asyncio.timeout(10):
        await beaten.wait()

    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


class RememberingLink:
    """Takes commands for `up`; one for "broken" is a bug."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, control.Command]] = []
        self.taken = asyncio.Event()

    def start(self) -> None:
        """There are no relays to start."""

    async def stop(self) -> None:
        """Nor to stop."""

    async def send(self, relay: str, command: control.Command) -> None:
        if relay == "down":
            raise RelayUnavailable(relay)
        if relay == "broken":
            raise ValueError("a bug")
        self.commands.append((relay, command))
        self.taken.set()


def tell(relay: str, command: control.Command) -> None:
    relay_commands.send(sender=None, relay=relay, command=command)


async def test_what_relays_are_told_from_other_threads_is_passed_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    subject, link = Supervisor(()), RememberingLink()
    subject.link = cast(LocalLink, link)
    subject.start()
    moved = control.SetRoom("LiveApp/cam", "LiveApp/hall")
    try:
        for relay in ("down", "broken", "up"):
            await asyncio.to_thread(tell, relay, moved)
        async with asyncio.timeout(10):
            await link.taken.wait()
    finally:
        await subject.stop()
        registry.reopen()
    assert link.commands == [("up", moved)]
    assert "relay down takes no command" in caplog.text
    assert "ValueError: a bug" in caplog.text
    tell("up", moved)  # nobody listens any more
    assert len(link.commands) == 1


async def test_what_relays_are_told_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "MAX_RELAY_COMMANDS", 2)
    subject, link = Supervisor(()), RememberingLink()
    subject.link = cast(LocalLink, link)
    subject.start()
    try:
        for number in range(5):  # before the loop passes any of them on
            tell("up", control.EndStream(f"LiveApp/s{number}"))
        async with asyncio.timeout(10):
            await link.taken.wait()
    finally:
        await subject.stop()
        registry.reopen()
    streams = [c.stream for _, c in link.commands if isinstance(c, control.EndStream)]
    assert streams == ["LiveApp/s0", "LiveApp/s1"]
    assert "a command for up is lost" in caplog.text


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fresh = Measured()
    monkeypatch.setattr(supervisor, "measured", fresh)
    return fresh


class Socket:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def announce_stop(self) -> None:
        """It is not open to clients."""

    def take_measurement(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


async def test_measurements_are_kept_and_told_to_the_sockets_of_this_process(
    store: Measured,
) -> None:
    socket = Socket()
    registry.listen("channel-a", socket)
    layer = get_channel_layer()
    elsewhere = replace(viewer("b"), reply_to=await layer.new_channel())
    here = viewer("a", target_bitrate=3, video_bitrate=2, audio_bitrate=1)
    event = control.ViewersMeasured("relay-1", (here, elsewhere))

    await Supervisor(()).handle_event("relay-1", event)

    assert store.viewers("ab").keys() == {"a", "b"}
    assert socket.messages == [
        {
            "type": "viewer.measured",
            "stream_id": None,
            "session": "a",
            "target": 3,
            "video": 2,
            "audio": 1,
        }
    ]
    assert (await layer.receive(elsewhere.reply_to))["session"] == "b"


async def test_a_socket_that_does_not_keep_up_costs_a_log_line(
    store: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    layer = get_channel_layer()
    slow = replace(viewer("a"), reply_to=await layer.new_channel())
    gone = replace(viewer("b"), reply_to="")
    event = control.ViewersMeasured("relay-1", (slow, gone))
    relays = Supervisor(())

    for _ in range(layer.capacity + 2):
        await relays.handle_event("relay-1", event)

    assert caplog.text.count("does not keep up") == 1
    assert store.viewers("ab").keys() == {"a", "b"}


async def test_a_report_is_kept_while_the_database_is_away(
    store: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(report: control.Report) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(services, "record_report", away)
    await Supervisor(()).handle_event("relay-1", report(stream("p"), peers=7))

    assert store.relays()["relay-1"].report.peers == 7
    assert store.stream("LiveApp/cam") is not None


@pytest.mark.parametrize("how", ["lost", "ready"])
async def test_measurements_of_an_earlier_life_are_forgotten(
    store: Measured, how: str
) -> None:
    relays = Supervisor(())
    await relays.handle_event("relay-1", report(stream("p")))
    if how == "lost":
        await relays.handle_loss("relay-1")
    else:
        await relays.handle_event("relay-1", control.Ready("relay-1", 1, 50000))

    assert store.relays() == {}


async def test_nothing_measured_is_left_after_the_stop(store: Measured) -> None:
    config = RelayConfig("relay-1", "127.0.0.1", 1, ())
    relays = Supervisor((config,))
    relays.link = cast(LocalLink, RememberingLink())
    relays.start()
    await relays.handle_event("relay-1", report())
    await relays.stop()
    registry.reopen()

    assert store.relays() == {}
