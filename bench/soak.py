"""The load process of the soak: viewers come and go, publishers leave and return.

Run as `python -m bench.soak JSON`; prints one line of JSON. What the server holds when
nobody is there is looked at after a warm-up and at the end: what grew, leaks.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from websockets.exceptions import WebSocketException

from bench.clip import load_clip
from bench.dialects import make_signalling
from bench.fleet import Fleet
from bench.measure import rss_bytes
from bench.peer import MediaLoop
from bench.publisher import Publisher
from bench.signalling import Refused, Signalling

STREAMS = 4
MAX_VIEWERS = 40
ACTIONS_PER_S = 5.0
WARM_UP_SHARE = 0.2  # of the whole time
REST_S = 25.0  # return windows end, sweeps run, reports go out
TABLES = ("livesession", "broadcast", "admission", "node")
PUBLISH_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Soak:
    """What the process is asked to do."""

    url: str
    pids: Sequence[int]
    parts: dict[str, int]
    database: str
    seconds: float


@dataclass(slots=True)
class Stream:
    """One stream id: its publisher, while there is one, and its viewers."""

    fleet: Fleet
    url: str
    signalling: Signalling | None = None
    publisher: Publisher | None = None
    sending: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """Raises Refused, OSError, TimeoutError, WebSocketException."""
        publisher = Publisher(self.fleet.media, load_clip())
        signalling = make_signalling("ams", self.url)
        self.publisher, self.signalling = publisher, signalling
        await signalling.open()
        await signalling.publish(
            self.fleet.stream, publisher.offer(), publisher.accept, publisher.candidate
        )
        await publisher.connected
        self.sending = asyncio.create_task(publisher.run())
        await signalling.wait_published()

    async def drop(self) -> None:
        """The publisher's socket and peer are gone; its viewers wait."""
        if self.sending is not None:
            self.sending.cancel()
        if self.publisher is not None:
            self.publisher.close()
        if self.signalling is not None:
            await self.signalling.close()
        self.sending = self.publisher = self.signalling = None


@dataclass(slots=True)
class Script:
    """What is done, and how often it failed."""

    streams: list[Stream]
    done: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Actions at even spaces; each waits for the one before it."""
        end = time.monotonic() + seconds
        due = time.monotonic()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += 1 / ACTIONS_PER_S
            await self._act()

    async def start(self) -> None:
        for stream in self.streams:
            await self._publish(stream, "published")

    async def rest(self) -> None:
        """Nobody is there, and nobody is waited for any more."""
        for stream in self.streams:
            await stream.fleet.leave()
            await stream.drop()
        await asyncio.sleep(REST_S)

    async def _act(self) -> None:
        stream = random.choice(self.streams)
        viewers = sum(len(s.fleet.viewers) for s in self.streams)
        if random.random() < 0.1:
            await stream.drop()
            await self._publish(stream, "returned")
        elif viewers < MAX_VIEWERS and random.random() < 0.6:
            if await stream.fleet.join(timed=False) is not None:
                self.done["joined"] += 1
        elif await stream.fleet.leave_first():
            self.done["left"] += 1

    async def _publish(self, stream: Stream, word: str) -> None:
        try:
            await asyncio.wait_for(stream.publish(), PUBLISH_TIMEOUT_S)
        except (
            Refused,
            WebSocketException,
            OSError,
            ValueError,
            TimeoutError,
        ) as error:
            self.failures.append(repr(error)[:200])
            await stream.drop()
        else:
            self.done[word] += 1


def look(soak: Soak) -> dict[str, float]:
    """What the server holds just now."""
    found: dict[str, float] = {}
    for name, pid in soak.parts.items():
        process = Path("/proc") / str(pid)
        found[f"{name} RSS MB"] = round(rss_bytes([pid]) / 1e6, 1)
        found[f"{name} descriptors"] = len(list((process / "fd").iterdir()))
        found[f"{name} threads"] = len(list((process / "task").iterdir()))
    connection = sqlite3.connect(f"file:{soak.database}?mode=ro", uri=True)
    try:
        for table in TABLES:
            query = f"SELECT count(*) FROM streams_{table}"  # noqa: S608  our own names
            found[f"rows of {table}"] = connection.execute(query).fetchone()[0]
    finally:
        connection.close()
    return found


async def run(soak: Soak) -> dict[str, Any]:
    media = MediaLoop()
    streams = [
        Stream(Fleet("ams", soak.url, f"soak-{index}", media=media), soak.url)
        for index in range(STREAMS)
    ]
    script = Script(streams)
    samples = []
    for seconds in (soak.seconds * WARM_UP_SHARE, soak.seconds * (1 - WARM_UP_SHARE)):
        await script.start()
        await script.run(seconds)
        await script.rest()
        samples.append(look(soak))
    failures = script.failures + [f for s in streams for f in s.fleet.failures]
    return {
        "seconds": soak.seconds,
        "done": dict(script.done),
        "failed": len(failures),
        "failures": dict(Counter(failures).most_common(5)),
        "before": samples[0],
        "after": samples[1],
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Soak(**json.loads(sys.argv[1]))))))
    sys.stdout.flush()
    os._exit(0)
