"""The load process of idle sockets: pings of many WebSockets on two servers in turn.

Run as `python -m bench.idle JSON`; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.measure import busy_seconds, cpu_seconds, rss_bytes

PING = '{"command":"ping"}'
FIRST = '{"command":"getIceServerConfig"}'  # what the SDK sends when it is open
AT_ONCE = 20
WARM_UP_SOCKETS = 50


@dataclass(frozen=True, slots=True)
class Idle:
    """What the process is asked to do. `targets`: name, URL and pid of each."""

    targets: Sequence[Sequence[Any]]
    cores: Sequence[int]  # where the servers run
    sockets: int
    interval_s: float
    rounds: int
    round_s: float


@dataclass(slots=True)
class Target:
    name: str
    url: str
    pid: int
    sockets: list[ClientConnection] = field(default_factory=list)
    readers: list[asyncio.Task[None]] = field(default_factory=list)
    answers: int = 0
    failed: int = 0
    kb_per_socket: float = 0.0
    us_per_ping: list[float] = field(default_factory=list)

    async def open(self, count: int) -> None:
        for at in range(0, count, AT_ONCE):
            await asyncio.gather(
                *(self._open_one() for _ in range(min(AT_ONCE, count - at)))
            )

    async def close(self) -> None:
        for socket in self.sockets:
            await socket.close()
        await asyncio.gather(*self.readers, return_exceptions=True)
        self.sockets.clear()
        self.readers.clear()

    async def ping(self, interval_s: float, seconds: float) -> int:
        """Every socket pings at even spaces for that long; the number of pings."""
        pause, began = interval_s / max(1, len(self.sockets)), time.monotonic()
        sent = 0
        while time.monotonic() - began < seconds:
            with contextlib.suppress(WebSocketException):
                await self.sockets[sent % len(self.sockets)].send(PING)
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * pause - time.monotonic()))
        return sent

    async def _open_one(self) -> None:
        try:
            socket = await connect(
                self.url, compression=None, ping_interval=None, open_timeout=30
            )
            await socket.send(FIRST)
        except (OSError, WebSocketException, TimeoutError):
            self.failed += 1
            return
        self.sockets.append(socket)
        self.readers.append(asyncio.create_task(self._read(socket)))

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):
            async for _ in socket:
                self.answers += 1


async def fill(target: Target, idle: Idle) -> None:
    """All sockets open, and what each costs is known."""
    await target.open(WARM_UP_SOCKETS)
    await target.ping(0.5, 1.0)
    await target.close()
    await asyncio.sleep(0.5)
    before = rss_bytes([target.pid])
    await target.open(idle.sockets)
    await target.ping(idle.interval_s, idle.interval_s)
    grown = rss_bytes([target.pid]) - before
    target.kb_per_socket = grown / 1e3 / max(1, len(target.sockets))


async def measure(target: Target, idle: Idle) -> None:
    """One round of pings; its CPU time a ping is noted."""
    answers = target.answers
    cpu = cpu_seconds([target.pid])
    sent = await target.ping(idle.interval_s, idle.round_s)
    await asyncio.sleep(0.1)
    used = cpu_seconds([target.pid]) - cpu
    target.us_per_ping.append(used / max(1, sent) * 1e6)
    target.failed += max(0, sent - (target.answers - answers))


async def run(idle: Idle) -> dict[str, Any]:
    targets = [Target(*parts) for parts in idle.targets]
    for target in targets:
        await fill(target, idle)
    own, began = time.process_time(), time.monotonic()
    used = cpu_seconds([target.pid for target in targets])
    busy = busy_seconds(idle.cores)
    for _ in range(idle.rounds):
        for target in targets:
            await measure(target, idle)
    took = time.monotonic() - began
    used = cpu_seconds([target.pid for target in targets]) - used
    busy = busy_seconds(idle.cores) - busy
    return {
        "sockets": idle.sockets,
        "interval_s": idle.interval_s,
        "client_cpu_percent": round((time.process_time() - own) / took * 100),
        "others_cpu_percent": round((busy - used) / took * 100, 1),
        **{
            target.name: {
                "open": len(target.sockets),
                "failed": target.failed,
                "kb_per_socket": round(target.kb_per_socket, 1),
                "us_per_ping": round(statistics.median(target.us_per_ping), 1),
                "us_per_ping_rounds": [round(value, 1) for value in target.us_per_ping],
            }
            for target in targets
        },
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Idle(**json.loads(sys.argv[1]))))))
    sys.stdout.flush()
    os._exit(0)  # thousands of sockets need no orderly end
