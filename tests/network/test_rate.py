"""A path gets narrow and wide again: who sends follows, down and up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.impairment import Conditions
from tests.network.scene import Scene, Station

NARROW_BPS = 200_000
NARROW = Conditions(rate_bps=NARROW_BPS, queue_ms=300, delay_ms=20)
WIDE = Conditions(delay_ms=20)
BEARS_BPS = 1.25 * NARROW_BPS  # what is still an answer to the narrow path
LONG_MS = 60_000

TARGETS = """() => window.calls
  .filter((call) => call.info === "bitrateMeasurement")
  .map((call) => Number(call.obj.targetBitrate))"""
LAST_TARGET = f"({TARGETS})().at(-1)"


async def test_a_publisher_backs_off_from_a_narrow_path_and_comes_back(
    scene: Scene,
) -> None:
    publisher = await scene.publish("narrow-up", WIDE)
    viewer = await scene.play("narrow-up")
    wide_s = await _aims(publisher, lambda bps: bps > 2 * NARROW_BPS)
    scene.network.set(publisher.leg, up=NARROW)
    down_s = await _aims(publisher, lambda bps: bps < BEARS_BPS)
    await viewer.wait_for_frames(20)
    scene.network.set(publisher.leg, up=WIDE)
    up_s = await _aims(publisher, lambda bps: bps > 2 * NARROW_BPS)
    await viewer.wait_for_frames(20)
    print(f"narrow-up: wide after {wide_s:.1f} s, down {down_s:.1f} s, up {up_s:.1f} s")


async def test_a_viewer_is_told_of_a_narrow_path_and_of_a_wide_one(
    scene: Scene,
) -> None:
    await scene.publish("narrow-down")
    viewer = await scene.play("narrow-down", WIDE)
    await _measured(viewer, f"> {2 * NARROW_BPS}")
    scene.network.set(viewer.leg, down=NARROW)
    down_s = await _measured(viewer, f"< {BEARS_BPS}")
    scene.network.set(viewer.leg, down=WIDE)
    up_s = await _measured(viewer, f"> {2 * NARROW_BPS}")
    await viewer.wait_for_frames(20)
    print(f"narrow-down: told of it after {down_s:.1f} s, of wide {up_s:.1f} s")
    targets = await viewer.page.evaluate(f"({TARGETS})()")
    print(f"narrow-down: {targets}")


async def _measured(viewer: Station, holds: str) -> float:
    """Seconds until the newest `bitrateMeasurement` has such a `targetBitrate`."""
    started = time.monotonic()
    await viewer.page.wait_for_function(f"{LAST_TARGET} {holds}", timeout=LONG_MS)
    return time.monotonic() - started


async def _aims(publisher: Station, holds: Callable[[float], bool]) -> float:
    """Seconds until the browser aims at such a bitrate for its video."""
    started = time.monotonic()
    async with asyncio.timeout(LONG_MS / 1000):
        while not holds((await publisher.sent()).target_bps):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return time.monotonic() - started
