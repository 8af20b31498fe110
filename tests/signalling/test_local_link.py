"""Relay children: started, watched, and started again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from relay import control
from signalling import local_link
from signalling.link import RelayUnavailable
from signalling.local_link import LocalLink, RelayConfig

WAIT_S = 20
READY = control.encode(control.Ready("one", 1, 50000)).decode()
SAY = "import socket, sys, time; s = socket.socket(fileno=int(sys.argv[1])); {}"


@dataclass(frozen=True, slots=True)
class Script(RelayConfig):
    """A child that runs some Python instead of a relay."""

    code: str = ""

    def arguments(self, control_fd: int) -> list[str]:
        return [sys.executable, "-c", SAY.format(self.code), str(control_fd)]


@dataclass
class Children:
    events: asyncio.Queue[control.Event] = field(default_factory=asyncio.Queue)
    lost: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    link: LocalLink | None = None

    def run(self, code: str) -> LocalLink:
        async def on_event(_: str, event: control.Event) -> None:
            self.events.put_nowait(event)

        async def on_lost(name: str) -> None:
            self.lost.put_nowait(name)

        config = Script("one", "127.0.0.1", 50000, (), code)
        self.link = LocalLink((config,), on_event, on_lost)
        self.link.start()
        return self.link


async def soon(waiting: Any) -> Any:
    return await asyncio.wait_for(waiting, WAIT_S)


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    made = Children()
    yield made
    if made.link is not None:
        await made.link.stop()


async def test_a_relay_that_hangs_is_ended_and_started_again(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_link, "SILENCE_S", 0.2)
    monkeypatch.setattr(local_link, "STOP_TIMEOUT_S", 0.1)
    children.run(f"s.send({READY.encode()!r}); time.sleep(60)")
    assert isinstance(await soon(children.events.get()), control.Ready)
    assert await soon(children.lost.get()) == "one"
    assert isinstance(await soon(children.events.get()), control.Ready)


async def test_a_malformed_event_is_passed_over(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    children.run(f"s.send(b'nonsense\\n' + {READY.encode()!r}); s.recv(1)")
    assert isinstance(await soon(children.events.get()), control.Ready)
    assert "malformed" in caplog.text


async def test_a_relay_that_cannot_start_is_never_up_and_never_lost(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = asyncio.Event()
    warning = local_link.logger.warning

    def note(message: str, *args: object) -> None:
        warning(message, *args)
        if "could not start and ended" in args:
            ends.set()

    monkeypatch.setattr(local_link.logger, "warning", note)
    link = children.run("sys.exit(1)")
    await soon(ends.wait())
    assert link.relays() == ()
    assert children.lost.empty()
    with pytest.raises(RelayUnavailable):
        await link.send("one", control.EndStream("LiveApp/x"))


async def test_an_unknown_relay_takes_no_command(children: Children) -> None:
    link = children.run("s.recv(1)")
    with pytest.raises(RelayUnavailable):
        await link.send("two", control.EndStream("LiveApp/x"))


async def test_a_stop_ends_the_children(children: Children) -> None:
    link = children.run(f"s.send({READY.encode()!r}); s.recv(1)")
    await soon(children.events.get())
    await link.stop()
    assert link.relays() == ()
