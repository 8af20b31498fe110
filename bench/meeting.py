"""The load process of peers: how long a message takes through the server.

Run as `python -m bench.meeting JSON`; prints one line of JSON. Rooms of two sockets on
this server, and single sockets on a bare echo consumer, in turn: either way a
message goes in by one socket and comes out by one.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from bench.measure import cpu_seconds

PADDING = "c" * 150  # a candidate's length
WARM_UP_ROUNDS = 10
PAUSE_S = 0.004


@dataclass(frozen=True, slots=True)
class Load:
    """What the process is asked to do. `ours`, `echo`: URL and pid."""

    ours: Sequence[Any]
    echo: Sequence[Any]
    rooms: int
    rounds: int  # messages of each room in one turn
    turns: int


@dataclass(frozen=True, slots=True)
class Pair:
    """In by one socket, out by the other; with an echo both are one."""

    room: str
    sender: ClientConnection
    receiver: ClientConnection


async def _open(url: str) -> ClientConnection:
    return await connect(url, compression=None, ping_interval=None, open_timeout=30)


async def meet(url: str, room: str) -> Pair:
    """Two peers in a room that have heard all that is said at its beginning."""
    pair = Pair(room, await _open(url), await _open(url))
    for socket in (pair.receiver, pair.sender):
        await socket.send(json.dumps({"command": "join", "streamId": room}))
        await _hear(socket, "joined")
    await _hear(pair.receiver, "start")
    return pair


async def _hear(socket: ClientConnection, word: str) -> None:
    while word not in await socket.recv():
        pass


async def measure(pairs: Sequence[Pair], rounds: int, pid: int) -> dict[str, Any]:
    """One message after the other, room after room."""
    took: list[float] = []
    used = cpu_seconds([pid])
    for _ in range(rounds):
        for pair in pairs:
            frame = json.dumps(
                {
                    "command": "peerMessageCommand",
                    "streamId": pair.room,
                    "data": PADDING,
                }
            )
            began = time.perf_counter()
            await pair.sender.send(frame)
            await pair.receiver.recv()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)
    used = cpu_seconds([pid]) - used
    return {"took": took, "used": used}


async def run(load: Load) -> dict[str, Any]:
    url, pid = load.ours
    rooms = [await meet(url, f"room{index}") for index in range(load.rooms)]
    echo_url, echo_pid = load.echo
    echoes = [await _open(echo_url) for _ in range(load.rooms)]
    alone = [Pair("room", socket, socket) for socket in echoes]
    targets = {"ours": (rooms, pid), "echo": (alone, echo_pid)}
    for pairs, of in targets.values():
        await measure(pairs, WARM_UP_ROUNDS, of)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in targets}
    for _ in range(load.turns):
        for name, (pairs, of) in targets.items():
            found[name].append(await measure(pairs, load.rounds, of))
    return {name: summarise(turns) for name, turns in found.items()}


def summarise(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    took = [value for turn in turns for value in turn["took"]]
    used = sum(turn["used"] for turn in turns)
    return {
        "messages": len(took),
        "ms_p50": round(statistics.median(took) * 1e3, 2),
        "ms_p95": round(statistics.quantiles(took, n=20)[-1] * 1e3, 2),
        "us_per_message": round(used / len(took) * 1e6),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Load(**json.loads(sys.argv[1]))))))
    sys.stdout.flush()
    os._exit(0)
