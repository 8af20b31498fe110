"""The browser process: the unmodified SDKs in a real Chromium publish and play.

Run as `python -m bench.browser JSON`; prints one line of JSON. The pages are those
of the browser tests; times are read in the pages themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from playwright.async_api import Browser, Error, WebSocket, async_playwright

from bench.measure import (
    busy_seconds,
    cpu_seconds,
    find_in_tree,
    percentile,
    process_tree,
)
from tests.browser.conftest import CHROMIUM_FLAGS
from tests.browser.sdk import SdkBrowser, SdkPage, serve_sdk_pages
from tests.server_process import ServerProcess

NEWEST = "2.16.2"
OLDER = ("2.9.0", "2.4.2")
OLDER_PLAYS = 3
CLOSE_PLAYS = 10
APART_S = 1.0
RAMP_S = 2.0  # after which the publisher's target bitrate is read
FEW_FRAMES = 10
GAP_MS = 500.0  # no frame for so long: the stream stood still
SETTLE_S = 1.0
RELAY_WAIT_S = 30.0
POLL_S = 0.2

# Milliseconds since 1970 at the page's performance.now() of zero, the same clock
# for all pages and for this process.
EPOCH = "Date.now() - performance.now()"
# At the call; what came of it is in window.calls and window.failures.
PUBLISH = """async stream => {
  const at = Date.now();
  await window.adaptor.publish(stream);
  return at;
}"""
FIRST_FRAME = "window.frames[0] - window.playedAt"
PLAY_STARTED = """window.calls.find((call) => call.info === "play_started").at
  - window.playedAt"""
TARGET_BITRATE = """async stream => {
  const peer = window.adaptor.remotePeerConnection[stream];
  for (const [, row] of await peer.getStats())
    if (row.type === "outbound-rtp" && row.kind === "video")
      return row.targetBitrate ?? 0;
  return 0;
}"""


@dataclass(frozen=True, slots=True)
class Visit:
    """What the process is asked to do. `pids`: the server's whole tree."""

    url: str
    asgi: int
    pids: Sequence[int]
    steady_s: float
    plays: int
    returns: int
    kills: int


@dataclass(frozen=True, slots=True)
class Address:
    """What the pages need of a server: where its socket is."""

    url: str

    def websocket_url(self, application: str) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Stage:
    """The pages of one part of the run, in a browser context of their own."""

    visit: Visit
    sdk: SdkBrowser

    async def open(self, version: str = NEWEST) -> SdkPage:
        server = cast("ServerProcess", Address(self.visit.url))
        return await self.sdk.open(server, version)

    async def publish(self, stream: str, version: str = NEWEST) -> SdkPage:
        """A page whose stream the server has confirmed."""
        page = await self.open(version)
        await page.start()
        await page.publish(stream)
        await page.wait_for_call("publish_started")
        return page

    async def play(self, stream: str, version: str = NEWEST) -> SdkPage:
        """A fresh page that shows the stream."""
        page = await self.open(version)
        await page.start(play_only=True)
        await page.play(stream)
        await page.wait_for_call("play_started")
        await page.wait_for_frames(1)
        return page


async def measure_steady(stage: Stage) -> dict[str, Any]:
    """One publisher and one viewer for a while, and what the viewer counted.

    `freezes` and `lost_packets` are of the whole time since play().
    """
    publisher = await stage.publish("steady")
    await asyncio.sleep(RAMP_S)
    target = await publisher.page.evaluate(TARGET_BITRATE, "steady")
    viewer = await stage.play("steady")
    before, others = await viewer.inbound_video("steady"), OthersLoad(stage.visit.pids)
    began = time.monotonic()
    await asyncio.sleep(stage.visit.steady_s)
    video, took = await viewer.inbound_video("steady"), time.monotonic() - began
    frames = video["framesDecoded"] - before["framesDecoded"]
    return {
        "seconds": round(took, 1),
        "freezes": video["freezeCount"],
        "lost_packets": video["packetsLost"],
        "packets": video["packetsReceived"] - before["packetsReceived"],
        "frames_decoded": frames,
        "frames_dropped": video.get("framesDropped", 0),
        "fps": round(frames / took, 1),
        "size": f"{video['frameWidth']}x{video['frameHeight']}",
        "target_kbps_after_2_s": round(target / 1000),
        "others_cpu_percent": others.percent(took),
    }


class OthersLoad:
    """Time that neither the server nor the browser had, from now on."""

    def __init__(self, server: Sequence[int]) -> None:
        self._pids = [*server, *process_tree(os.getpid())]
        self._cores = os.sched_getaffinity(0)
        self._before = self._seconds()

    def percent(self, took_s: float) -> int:
        """Of one core."""
        return max(0, round((self._seconds() - self._before) / took_s * 100))

    def _seconds(self) -> float:
        return busy_seconds(self._cores) - cpu_seconds(self._pids)


async def measure_plays(stage: Stage) -> dict[str, Any]:
    """Fresh viewer pages, about a second apart, and `close`: at once."""
    await stage.publish("plays")
    apart = await _first_frames(stage, "plays", NEWEST, stage.visit.plays, APART_S)
    close = await _first_frames(stage, "plays", NEWEST, CLOSE_PLAYS, 0.0)
    return apart | {"close": close}


async def measure_older(stage: Stage) -> dict[str, Any]:
    """The older SDKs publish and play; `error` says why one did not."""
    return {version: await _try_older(stage, version) for version in OLDER}


async def _try_older(stage: Stage, version: str) -> dict[str, Any]:
    stream = f"older-{version}"
    try:
        publisher = await stage.publish(stream, version)
        found = await _first_frames(stage, stream, version, OLDER_PLAYS, APART_S)
        failures = await publisher.page.evaluate("window.failures")
    except Error as error:
        return {"ok": False, "error": _first_line(error)}
    return found | {"ok": not failures and not found["failures"]}


async def _first_frames(
    stage: Stage, stream: str, version: str, plays: int, apart_s: float
) -> dict[str, Any]:
    """From play() to play_started and to the first frame, one page at a time."""
    frame_ms: list[float] = []
    started_ms: list[float] = []
    failures: list[Any] = []
    for _ in range(plays):
        await asyncio.sleep(apart_s * random.uniform(0.8, 1.2))
        viewer = await stage.play(stream, version)
        frame_ms.append(await viewer.page.evaluate(FIRST_FRAME))
        started_ms.append(await viewer.page.evaluate(PLAY_STARTED))
        failures += await viewer.page.evaluate("window.failures")
        await viewer.close()
    return {
        "plays": plays,
        "first_frame_ms_p50": round(percentile(frame_ms, 50)),
        "first_frame_ms_p95": round(percentile(frame_ms, 95)),
        "first_frame_ms_max": round(max(frame_ms)),
        "play_started_ms_p50": round(percentile(started_ms, 50)),
        "failures": failures,
    }


async def measure_returns(stage: Stage) -> dict[str, Any]:
    """The publisher's page is closed and opened again under a connected viewer.

    `told`: what the server sent the viewer meanwhile, pongs and measurements aside.
    """
    publisher = await stage.publish("return")
    viewer = await stage.open()
    told: list[str] = []
    viewer.page.on("websocket", lambda socket: _listen(socket, told))
    await viewer.start(play_only=True)
    await viewer.play("return")
    await viewer.wait_for_frames(FEW_FRAMES)
    told.clear()
    returns_ms: list[float] = []
    for _ in range(stage.visit.returns):
        await publisher.close()
        publisher = await stage.open()
        await publisher.start()
        published_at = await publisher.page.evaluate(PUBLISH, "return")
        await publisher.wait_for_call("session_restored")
        await viewer.wait_for_frames(FEW_FRAMES)
        shown = await _frames_since(viewer, published_at)
        returns_ms.append(shown[0] - published_at)
        await asyncio.sleep(SETTLE_S)
    return {
        "returns": len(returns_ms),
        "ms_p50": round(percentile(returns_ms, 50)),
        "ms_max": round(max(returns_ms)),
        "told": told,
    }


def _listen(socket: WebSocket, told: list[str]) -> None:
    """Note each message that this socket receives by its command."""

    def note(payload: str | bytes) -> None:
        message = json.loads(payload)
        measured = message.get("definition") == "bitrateMeasurement"
        if message["command"] != "pong" and not measured:
            told.append(f"{message['command']} {message.get('definition', '')}".strip())

    socket.on("framereceived", note)


async def measure_kills(stage: Stage) -> dict[str, Any]:
    """The relay is killed by -9 under a live stream; all play again on their own."""
    await stage.publish("kill")
    viewer = await stage.play("kill")
    await viewer.wait_for_frames(FEW_FRAMES)
    gaps_s: list[float] = []
    for _ in range(stage.visit.kills):
        gaps_s.append(await _kill_relay(stage.visit.asgi, viewer))
        await asyncio.sleep(SETTLE_S)
    return {
        "kills": len(gaps_s),
        "s": [round(gap, 2) for gap in gaps_s],
        "s_max": round(max(gaps_s), 2),
    }


async def _kill_relay(asgi: int, viewer: SdkPage) -> float:
    """Seconds from the kill to the first frame after the standstill."""
    relay = find_in_tree(asgi, "relay.worker")
    if relay is None:
        raise Error("the server has no relay process")
    killed_at = time.time() * 1000
    os.kill(relay, signal.SIGKILL)
    deadline = time.monotonic() + RELAY_WAIT_S
    while time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
        shown = await _frames_since(viewer, killed_at)
        if again := find_flow([killed_at, *shown]):
            return (again - killed_at) / 1000
    raise Error(f"no frames within {RELAY_WAIT_S:.0f} s of the relay's end")


def find_flow(times: Sequence[float]) -> float | None:
    """When frames began to flow after a standstill; None while they do not.

    One frame alone is none: the browser shows the last one once more when the SDK
    closes the peer connection.
    """
    for at in range(1, len(times) - FEW_FRAMES):
        run = times[at : at + FEW_FRAMES + 1]
        flows = all(now - last < GAP_MS for last, now in pairwise(run))
        if flows and times[at] - times[at - 1] >= GAP_MS:
            return times[at]
    return None


async def _frames_since(viewer: SdkPage, since: float) -> list[float]:
    """When frames were shown after `since`; all in ms since 1970."""
    epoch, frames = await viewer.page.evaluate(f"[{EPOCH}, window.frames]")
    return [epoch + at for at in frames if epoch + at > since]


PARTS: dict[str, Callable[[Stage], Awaitable[dict[str, Any]]]] = {
    "steady": measure_steady,
    "plays": measure_plays,
    "returns": measure_returns,
    "older": measure_older,
    "kills": measure_kills,
}


async def run(visit: Visit) -> dict[str, Any]:
    """Each part's figures; what failed is a line of `errors` instead."""
    results: dict[str, Any] = {"errors": []}
    with serve_sdk_pages() as pages_url:
        async with async_playwright() as playwright:
            try:
                chromium = await playwright.chromium.launch(
                    executable_path=os.environ.get("CHROMIUM")
                    or shutil.which("chromium"),
                    args=CHROMIUM_FLAGS,
                )
            except Error as error:
                return {"errors": [f"Chromium: {_first_line(error)}"]}
            results["chromium"] = chromium.version
            for name in PARTS:
                try:
                    part = _measure_part(chromium, pages_url, visit, name)
                    results[name] = await part
                except Error as error:
                    results["errors"].append(f"{name}: {_first_line(error)}")
            await chromium.close()
    return results


async def _measure_part(
    chromium: Browser, pages_url: str, visit: Visit, name: str
) -> dict[str, Any]:
    context = await chromium.new_context(permissions=["camera", "microphone"])
    try:
        return await PARTS[name](Stage(visit, SdkBrowser(context, pages_url)))
    finally:
        await context.close()


def _first_line(error: Error) -> str:
    return str(error).partition("\n")[0]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(Visit(**json.loads(sys.argv[1]))))))
