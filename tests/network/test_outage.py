"""The network is away for two seconds, on either leg: nobody has to do anything."""

from __future__ import annotations

import asyncio

import pytest

from tests.impairment import OUTAGE
from tests.network.scene import NO_RETRIES, Scene, Station

OUTAGE_S = 2.0
ENOUGH_S = 10.0  # for a picture after it; what it took is printed


@pytest.mark.parametrize("side", ["publisher", "viewer"])
async def test_video_is_back_by_itself_after_an_outage(scene: Scene, side: str) -> None:
    stream = f"away-{side}"
    publisher = await scene.publish(stream)
    viewer = await scene.play(stream)
    leg = publisher.leg if side == "publisher" else viewer.leg
    gap_s = await _gap_s(viewer, scene, leg)
    print(f"{stream}: back {gap_s - OUTAGE_S:.2f} s after an outage of {OUTAGE_S} s")
    assert OUTAGE_S - 0.5 < gap_s < OUTAGE_S + ENOUGH_S
    assert NO_RETRIES.isdisjoint(await viewer.calls())
    assert NO_RETRIES.isdisjoint(await publisher.calls())


async def _gap_s(viewer: Station, scene: Scene, leg: str) -> float:
    """The longest pause between pictures, over an outage of the leg."""
    known = await viewer.sdk_page.frames()
    scene.network.set(leg, both=OUTAGE, for_s=OUTAGE_S)
    await asyncio.sleep(OUTAGE_S)
    await viewer.wait_for_frames(40)
    return await viewer.longest_gap_s(known - 1)
