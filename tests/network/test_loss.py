"""Random loss and delay on either leg: video plays on at its full frame rate.

The paths are bad from the first check on, in both directions: `delay_ms` is one way.
A viewer on a perfect path is the measure of what the machine itself can do meanwhile.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.impairment import Conditions
from tests.network.scene import Scene, Station

pytestmark = pytest.mark.timeout(400)

SECONDS = 30
FULL_RATE = 0.95  # of the frames that the publisher encoded, decoded here
FAIR = Conditions(loss=0.05, delay_ms=50)
POOR = Conditions(loss=0.10, delay_ms=100)
FREEZES_FAIR, FREEZES_POOR = 1, 3
WINDOWS = 3  # a machine that does something else meanwhile stops the pages, too

Pair = tuple[Station, Station]  # who sends, and who sees it


async def test_video_plays_on_with_loss_towards_viewers(scene: Scene) -> None:
    publisher = await scene.publish("to-viewers")
    await _watch(
        perfect=(publisher, await scene.play("to-viewers")),
        fair=(publisher, await scene.play("to-viewers", FAIR, "fair")),
        poor=(publisher, await scene.play("to-viewers", POOR, "poor")),
    )


async def test_video_plays_on_with_loss_from_publishers(scene: Scene) -> None:
    perfect = await scene.publish("from-perfect")
    fair = await scene.publish("from-fair", FAIR)
    poor = await scene.publish("from-poor", POOR)
    await _watch(
        perfect=(perfect, await scene.play("from-perfect")),
        fair=(fair, await scene.play("from-fair")),
        poor=(poor, await scene.play("from-poor")),
    )


async def _watch(*, perfect: Pair, fair: Pair, poor: Pair) -> None:
    """In SECONDS at a stretch no viewer has missed more than it may."""
    for window in range(WINDOWS):
        unavoidable, after_fair, after_poor = await asyncio.gather(
            *(_freezes(*pair) for pair in (perfect, fair, poor))
        )
        fair_enough = after_fair <= FREEZES_FAIR + unavoidable
        poor_enough = after_poor <= FREEZES_POOR + unavoidable
        if fair_enough and poor_enough:
            return
        print(f"window {window}: {unavoidable}, {after_fair}, {after_poor} freezes")
    assert fair_enough, after_fair
    assert poor_enough, after_poor


async def _freezes(publisher: Station, viewer: Station) -> int:
    """How often the viewer's picture stood still; it missed no frames."""
    sent_before, before = await publisher.sent(), await viewer.seen()
    await asyncio.sleep(SECONDS)
    sent, seen = await publisher.sent(), await viewer.seen()
    frames = sent.frames - sent_before.frames
    print(f"{viewer.leg}: {frames / SECONDS:.1f} sent/s, {seen.since(before)}")
    assert seen.frames - before.frames >= FULL_RATE * frames
    return seen.freezes - before.freezes
