"""A viewer's path gets narrow and wide again: another rendition, and back."""

from __future__ import annotations

import json
import time

import pytest

from tests.impairment import Conditions
from tests.network.scene import Scene, Station, add_application
from tests.server_process import ServerProcess

LOW, FULL = 240, 480  # pixels; the camera's is the full one
LADDER = [{"height": LOW, "videoBitrate": 100_000, "audioBitrate": 32_000}]
NARROW = Conditions(rate_bps=250_000, queue_ms=300, delay_ms=20)
WIDE = Conditions(delay_ms=20)
LONG_MS = 90_000

HEIGHTS = """window.calls
  .filter((call) => call.info === "resolutionChangeInfo")
  .map((call) => Number(call.obj.streamHeight))"""


@pytest.fixture(scope="module")
def ladder(far_server: ServerProcess) -> str:
    """The name of an application with a lower rendition."""
    settings = json.dumps(LADDER)
    return add_application(far_server, "Ladder", encoder_settings=settings)


async def test_a_viewer_goes_down_a_rendition_and_up_again(
    scene: Scene, ladder: str
) -> None:
    stream = "rungs"
    publisher = await scene.publish(stream, application=ladder)
    viewer = await scene.play(stream, WIDE, application=ladder)
    other = await scene.play(stream, application=ladder, name="other")
    await _gets(viewer, FULL)

    scene.network.set(viewer.leg, down=NARROW)
    down_s = await _gets(viewer, LOW)
    scene.network.set(viewer.leg, down=WIDE)
    up_s = await _gets(viewer, FULL)

    print(f"{stream}: down after {down_s:.1f} s, up after {up_s:.1f} s")
    heights = await viewer.page.evaluate(HEIGHTS)
    assert [h for h in heights if h == LOW]
    assert heights[-1] == FULL
    assert (await viewer.calls()).count("play_started") == 1
    # Nobody else is touched by it.
    assert (await other.seen()).height == FULL
    assert "publish_finished" not in await publisher.calls()


async def _gets(viewer: Station, height: int) -> float:
    """Seconds until the viewer's pictures have that height."""
    started = time.monotonic()
    await viewer.page.wait_for_function(
        "height => document.getElementById('remoteVideo').videoHeight === height",
        arg=height,
        timeout=LONG_MS,
    )
    await viewer.wait_for_frames(20)
    return time.monotonic() - started
