"""The load process of refusals: clients that are refused and try again for ever.

Run as `python -m bench.refused JSON`; prints one line of JSON. Each socket sends
`stop` and `publish` as the SDK's retry loop does (contract 5.2).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.measure import cpu_seconds
from bench.signalling import JsonSocket, Refused

WARM_UP_TRIES = 100
EXPECTED = "unauthorized_access"


@dataclass(frozen=True, slots=True)
class Load:
    """What the process is asked to do. `kinds`: name, URL, fields of its publish."""

    pid: int  # of the process that answers
    kinds: Sequence[Sequence[Any]]
    sockets: int
    tries: int


async def try_once(socket: JsonSocket, stream: str, fields: dict[str, Any]) -> float:
    """Seconds from the command to its refusal.

    Raises:
        Refused: it was answered in another way.
    """
    await socket.send({"command": "stop", "streamId": stream})
    began = time.perf_counter()
    await socket.send({"command": "publish", "streamId": stream, **fields})
    answer = await socket.receive()
    if answer.get("definition") != EXPECTED:
        raise Refused(str(answer))
    return time.perf_counter() - began


async def measure(load: Load, url: str, fields: dict[str, Any]) -> dict[str, Any]:
    """One try after the other, socket after socket."""
    sockets = [JsonSocket(url) for _ in range(load.sockets)]
    for socket in sockets:
        await socket.open()
    for index in range(WARM_UP_TRIES):
        await try_once(sockets[index % len(sockets)], "warm", fields)
    took = []
    used = cpu_seconds([load.pid])
    for index in range(load.tries):
        at = index % len(sockets)
        took.append(await try_once(sockets[at], f"s{at}", fields))
    used = cpu_seconds([load.pid]) - used
    for socket in sockets:
        await socket.close()
    return {
        "tries": load.tries,
        "us_per_try": round(used / load.tries * 1e6),
        "answer_ms_p50": round(statistics.median(took) * 1e3, 2),
        "answer_ms_p95": round(statistics.quantiles(took, n=20)[-1] * 1e3, 2),
    }


async def run(load: Load) -> dict[str, Any]:
    found = {name: await measure(load, url, fields) for name, url, fields in load.kinds}
    return {"sockets": load.sockets, "kinds": found}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Load(**json.loads(sys.argv[1]))))))
    sys.stdout.flush()
    os._exit(0)
