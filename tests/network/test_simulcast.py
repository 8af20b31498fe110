"""A publisher's path gets too narrow for all of its layers, and wide again."""

from __future__ import annotations

from playwright.async_api import BrowserContext

from tests.browser.pages import other_site
from tests.browser.test_simulcast import CAMERA, OWN_SDK, PUBLISH_BY_SDK
from tests.impairment import Conditions
from tests.network.scene import Scene, Station

WIDE = Conditions(delay_ms=20)
# Enough for the lowest layer, and for the middle one at times.
NARROW = Conditions(rate_bps=400_000, queue_ms=300, delay_ms=20)
STREAM = "narrow-layers"
LEG = f"{STREAM}-publisher"
LONG_MS = 90_000


async def test_viewers_follow_the_layers_that_the_path_bears(
    scene: Scene, context: BrowserContext
) -> None:
    scene.network.set(LEG, both=WIDE)
    with other_site(OWN_SDK.replace("URL", scene.server.url)) as address:
        publisher = await context.new_page()
        await publisher.goto(address)
        scene.network.newcomers(LEG)
        url = scene.server.websocket_url()
        await publisher.evaluate(PUBLISH_BY_SDK, [url, STREAM, CAMERA])
        viewer = await scene.play(STREAM)
        await _shows(viewer, "=== 720")
        scene.network.set(LEG, up=NARROW)
        await _shows(viewer, "< 720")
        await viewer.wait_for_frames(30)
        scene.network.set(LEG, up=WIDE)
        await _shows(viewer, "=== 720")
        await viewer.wait_for_frames(30)


async def _shows(viewer: Station, holds: str) -> None:
    """Until the height of the picture is such."""
    await viewer.page.wait_for_function(
        f"document.getElementById('remoteVideo').videoHeight {holds}",
        timeout=LONG_MS,
    )
