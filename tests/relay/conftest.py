"""A relay in this process: its router on a real UDP port, events in a queue."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from relay import control
from relay.ice import candidate_lines
from relay.router import Router
from relay.tcp import TcpPort, open_listeners
from relay.udp import MediaSocket, UdpPort, open_sockets

WAIT_S = 10
E = TypeVar("E", bound=control.Event)


def session_of(event: control.Event) -> str:
    return getattr(event, "session", "")


class Clock:
    """Stands still until a test moves it. Seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RunningRelay:
    router: Router
    port: int  # UDP's and TCP's
    tcp: TcpPort
    events: asyncio.Queue[control.Event] = field(default_factory=asyncio.Queue)
    clock: Clock = field(default_factory=Clock)  # of a `still_relay`
    _closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def event(self, kind: type[E], session: str = "") -> E:
        """The next event of `kind` (of `session`); reports in between are skipped."""
        while True:
            event = await asyncio.wait_for(self.events.get(), WAIT_S)
            if isinstance(event, kind) and session in ("", session_of(event)):
                return event

    def drain(self) -> list[control.Event]:
        """All events that nobody has taken yet."""
        return [self.events.get_nowait() for _ in range(self.events.qsize())]

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """`closer` is awaited at the end of the test."""
        self._closers.append(closer)

    async def close(self) -> None:
        for closer in self._closers:
            await closer()
        await self.router.close()


def open_ports() -> tuple[list[MediaSocket], list[socket.socket]]:
    """The sockets of a port that is free for UDP and for TCP."""
    while True:
        sockets = open_sockets("127.0.0.1", 0)
        listeners = open_listeners(sockets)
        if listeners:
            return sockets, listeners
        sockets[0].close()


@asynccontextmanager
async def _running(clock: Clock | None) -> AsyncIterator[RunningRelay]:
    sockets, listeners = open_ports()
    port = sockets[0].sock.getsockname()[1]
    events: asyncio.Queue[control.Event] = asyncio.Queue()
    candidates = candidate_lines(["127.0.0.1"], port)
    if clock is None:
        router = Router("test", events.put_nowait, candidates)
    else:
        router = Router("test", events.put_nowait, candidates, clock)
    udp, tcp = UdpPort(sockets, router), TcpPort(listeners, router)
    udp.start()
    tcp.start()
    running = RunningRelay(router, port, tcp, events, clock or Clock())
    yield running
    await running.close()
    tcp.close()
    udp.close()


@pytest.fixture
async def relay() -> AsyncIterator[RunningRelay]:
    """A relay as it runs."""
    async with _running(None) as running:
        timers = asyncio.create_task(running.router.run())
        yield running
        timers.cancel()
        await asyncio.gather(timers, return_exceptions=True)


@pytest.fixture
async def still_relay() -> AsyncIterator[RunningRelay]:
    """A relay whose clock the test moves and whose timers it calls."""
    async with _running(Clock()) as running:
        yield running
