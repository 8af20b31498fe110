"""The load process of a storm: many plays of one stream in a short time.

Run as `python -m bench.storm JSON`; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.fleet import Fleet, measure_lag
from bench.forward import joins
from bench.measure import busy_seconds, cpu_seconds, percentile, rss_bytes

TIMED_EVERY = 20


@dataclass(frozen=True, slots=True)
class Storm:
    """What the process is asked to do."""

    kind: str
    url: str
    stream: str
    pids: Sequence[int]
    parts: dict[str, int]
    cores: Sequence[int]  # where the server runs
    plays: int
    over_s: float


async def run(storm: Storm) -> dict[str, Any]:
    fleet = Fleet(storm.kind, storm.url, storm.stream)
    await fleet.join(timed=False)
    await fleet.leave()
    groups = {"server": storm.pids, **{n: [p] for n, p in storm.parts.items()}}
    lags_ms: list[float] = []
    lagging = asyncio.create_task(measure_lag(lags_ms))
    cpu = {name: cpu_seconds(pids) for name, pids in groups.items()}
    busy, own, began = busy_seconds(storm.cores), time.process_time(), _now()
    async with asyncio.TaskGroup() as tasks:
        for index in range(storm.plays):
            due = began + index * storm.over_s / storm.plays
            await asyncio.sleep(max(0.0, due - _now()))
            tasks.create_task(fleet.join(timed=index % TIMED_EVERY == 0))
        asked_s = _now() - began
    took = _now() - began
    lagging.cancel()
    busy = busy_seconds(storm.cores) - busy
    used = {name: cpu_seconds(pids) - cpu[name] for name, pids in groups.items()}
    return {
        "plays": storm.plays,
        "asked_within_s": round(asked_s, 2),
        "all_done_after_s": round(took, 2),
        "failed": len(fleet.failures),
        "failures": dict(Counter(fleet.failures).most_common(5)),
        **joins([viewer.tally for viewer in fleet.viewers]),
        **{
            f"{name}_cpu_percent": round(seconds / took * 100)
            for name, seconds in used.items()
        },
        "others_cpu_percent": round((busy - used["server"]) / took * 100),
        "client_cpu_percent": round((time.process_time() - own) / took * 100),
        "client_lag_ms_p99": round(percentile(lags_ms, 99), 1),
        "rss_mb": round(rss_bytes(storm.pids) / 1e6, 1),
    }


def _now() -> float:
    return time.monotonic()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Storm(**json.loads(sys.argv[1]))))))
    sys.stdout.flush()
    os._exit(0)  # hundreds of sockets need no orderly end
