"""The load process of the forwarding scenario: N viewers, then a steady window.

Run as `python -m bench.forward JSON`; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from bench.fleet import Fleet, measure_lag
from bench.measure import (
    busy_seconds,
    cpu_seconds,
    percentile,
    pss_bytes,
    rss_bytes,
)
from bench.viewer import Tally, Viewer

SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Usage:
    """A server at one moment."""

    at: float
    cpu_s: float
    parts_cpu_s: dict[str, float]
    busy_s: float  # the server's cores, whoever used them
    own_cpu_s: float


@dataclass(frozen=True, slots=True)
class Load:
    """What the process is asked to do."""

    kind: str
    url: str
    stream: str
    pids: Sequence[int]
    parts: dict[str, int]
    cores: Sequence[int]  # where the server runs
    viewers: int
    seconds: float
    feedback: bool = False


def look(load: Load) -> Usage:
    return Usage(
        at=time.monotonic(),
        cpu_s=cpu_seconds(load.pids),
        parts_cpu_s={n: cpu_seconds([pid]) for n, pid in load.parts.items()},
        busy_s=busy_seconds(load.cores),
        own_cpu_s=time.process_time(),
    )


def joins(tallies: Sequence[Tally]) -> dict[str, float]:
    """Times from the play command, in ms."""
    first = [t.join_s * 1e3 for t in tallies]
    key = [t.key_frame_s * 1e3 for t in tallies if t.key_frame_at]
    return {
        "join_ms_p50": round(percentile(first, 50), 1),
        "join_ms_p95": round(percentile(first, 95), 1),
        "join_ms_max": round(max(first, default=0.0), 1),
        "key_frame_ms_p50": round(percentile(key, 50), 1),
        "key_frame_ms_p95": round(percentile(key, 95), 1),
    }


async def run(load: Load) -> dict[str, Any]:
    fleet = Fleet(load.kind, load.url, load.stream, load.feedback)
    await fleet.join(timed=True)  # what a first viewer loads is not a viewer's cost
    await fleet.leave()
    await asyncio.sleep(0.5)
    rss, pss = rss_bytes(load.pids), pss_bytes(load.pids)
    await fleet.join_one_by_one(load.viewers)
    await asyncio.sleep(SETTLE_S)
    count = max(1, len(fleet.viewers))
    memory = {
        "rss_kb_per_viewer": round((rss_bytes(load.pids) - rss) / count / 1e3, 1),
        "pss_kb_per_viewer": round((pss_bytes(load.pids) - pss) / count / 1e3, 1),
        "rss_mb": round(rss_bytes(load.pids) / 1e6, 1),
    }
    window = await measure_window(load, fleet.viewers)
    return {
        "viewers": len(fleet.viewers),
        "failed": len(fleet.failures),
        "failures": fleet.failures[:5],
        "srtp_profile": fleet.viewers[0].profile if fleet.viewers else "",
        **window,
        **joins([viewer.tally for viewer in fleet.viewers]),
        **memory,
    }


async def measure_window(load: Load, viewers: Sequence[Viewer]) -> dict[str, Any]:
    """CPU, packets, delay and loss of a steady time."""
    lags_ms: list[float] = []
    lagging = asyncio.create_task(measure_lag(lags_ms))
    tallies = [viewer.tally for viewer in viewers]
    for tally in tallies:
        tally.delays_s.clear()
    marks = [tally.mark for tally in tallies]
    packets = sum(t.packets for t in tallies)
    resent = sum(t.resent for t in tallies)
    nacks = sum(v.feedback.nacks for v in viewers if v.feedback)
    size = sum(t.bytes for t in tallies)
    before = look(load)
    await asyncio.sleep(load.seconds)
    after = look(load)
    lagging.cancel()
    packets = sum(t.packets for t in tallies) - packets
    size = sum(t.bytes for t in tallies) - size
    resent = sum(t.resent for t in tallies) - resent
    nacks = sum(v.feedback.nacks for v in viewers if v.feedback) - nacks
    lost = sum(_lost(m, t.mark) for m, t in zip(marks, tallies, strict=True))
    delays_ms = [d * 1e3 for t in tallies for d in t.delays_s]
    took, used = after.at - before.at, after.cpu_s - before.cpu_s
    busy = after.busy_s - before.busy_s
    per_packet = 1e6 / max(1, packets)
    return {
        "seconds": round(took, 2),
        "packets": packets,
        "packet_bytes": round(size / max(1, packets)),
        "packets_per_s": round(packets / took),
        "us_per_packet": round(used * per_packet, 2),
        **{
            f"{name}_us_per_packet": round(
                (after.parts_cpu_s[name] - before.parts_cpu_s[name]) * per_packet, 2
            )
            for name in load.parts
        },
        "server_cpu_percent": round(used / took * 100, 1),
        "others_cpu_percent": round((busy - used) / took * 100, 1),
        "client_cpu_percent": round(
            (after.own_cpu_s - before.own_cpu_s) / took * 100, 1
        ),
        "client_lag_ms_p99": round(percentile(lags_ms, 99), 2),
        "lost_packets": lost,
        "delay_ms_p50": round(percentile(delays_ms, 50), 2),
        "delay_ms_p99": round(percentile(delays_ms, 99), 2),
        "delay_samples": len(delays_ms),
        "nacks": nacks,
        "resent": resent,
    }


def _lost(before: tuple[int, int], after: tuple[int, int]) -> int:
    """Sequence numbers that passed, less the packets that came."""
    return ((after[0] - before[0]) & 0xFFFF) - (after[1] - before[1])


if __name__ == "__main__":
    asked = Load(**json.loads(sys.argv[1]))
    print(json.dumps(uvloop.run(run(asked)) | {"asked": asdict(asked)["viewers"]}))
    sys.stdout.flush()
    os._exit(0)  # hundreds of sockets need no orderly end
