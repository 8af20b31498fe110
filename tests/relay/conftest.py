"""A relay in this process: its router on a real UDP port, events in a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from relay import control
from relay.ice import candidate_lines
from relay.router import Router
from relay.udp import UdpPort, open_sockets

WAIT_S = 10


@dataclass
class RunningRelay:
    router: Router
    port: int
    events: asyncio.Queue[control.Event] = field(default_factory=asyncio.Queue)

    async def event(self, kind: type, session: str = "") -> control.Event:
        """The next event of `kind` (of `session`); reports in between are skipped."""
        while True:
            event = await asyncio.wait_for(self.events.get(), WAIT_S)
            if isinstance(event, kind) and session in ("", event.session):
                return event


@pytest.fixture
async def relay() -> AsyncIterator[RunningRelay]:
    sockets = open_sockets("127.0.0.1", 0)
    port = sockets[0].sock.getsockname()[1]
    events: asyncio.Queue[control.Event] = asyncio.Queue()
    router = Router("test", events.put_nowait, candidate_lines(["127.0.0.1"], port))
    udp = UdpPort(sockets, router)
    udp.start()
    timers = asyncio.create_task(router.run())
    yield RunningRelay(router, port, events)
    timers.cancel()
    await asyncio.gather(timers, return_exceptions=True)
    await router.close()
    udp.close()
