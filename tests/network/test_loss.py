"""Random loss and delay on either leg: video plays on at its full frame rate.

The paths are bad from the first check on, in both directions: `delay_ms` is one way.
A viewer on a perfect path is the measure of what the machine itself can do meanwhile.
"""

from __future__ import annotations

import asyncio

from tests.impairment import Conditions
from tests.network.scene import Scene, Station

SECONDS = 30
FULL_RATE = 0.95  # of the frames that the publisher encoded, decoded here
FAIR = Conditions(loss=0.05, delay_ms=50)
POOR = Conditions(loss=0.10, delay_ms=100)
FREEZES_FAIR, FREEZES_POOR = 1, 3

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
    """For SECONDS, and no viewer has missed more than it may."""
    unavoidable, after_fair, after_poor = await asyncio.gather(
        *(_freezes(*pair) for pair in (perfect, fair, poor))
    )
    assert after_fair <= FREEZES_FAIR + unavoidable
    assert after_poor <= FREEZES_POOR + unavoidable


async def _freezes(publisher: Station, viewer: Station) -> int:
    """How often the viewer's picture stood still; it missed no frames."""
    sent_before, before = await publisher.sent(), await viewer.seen()
    await asyncio.sleep(SECONDS)
    sent, seen = await publisher.sent(), await viewer.seen()
    frames = sent.frames - sent_before.frames
    print(f"{viewer.leg}: {frames / SECONDS:.1f} sent/s, {seen.since(before)}")
    assert seen.frames - before.frames >= FULL_RATE * frames
    return seen.freezes - before.freezes
