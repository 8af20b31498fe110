"""Viewers that join together start from the same key frame, and show it well."""

from __future__ import annotations

import asyncio

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.server_process import ServerProcess

STREAM = "fast-start"
TOGETHER = 4
APART_S = 0.2
OUTBOUND_VIDEO = """async stream => {
  const peer = window.adaptor.remotePeerConnection[stream];
  for (const [, row] of await peer.getStats())
    if (row.type === "outbound-rtp" && row.kind === "video")
      return JSON.parse(JSON.stringify(row));
}"""


async def ready_pages(
    sdk: SdkBrowser, server: ServerProcess, count: int
) -> list[SdkPage]:
    """Pages with an open socket that have not asked for anything."""
    pages = [await sdk.open(server) for _ in range(count)]
    for page in pages:
        await page.start(play_only=True)
    return pages


async def watch(page: SdkPage, delay_s: float = 0.0) -> None:
    await asyncio.sleep(delay_s)
    await page.play(STREAM)
    await page.wait_for_frames(30)


async def test_viewers_who_join_together_start_with_the_same_pictures(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await sdk.open(server)
    await publisher.start()
    await publisher.publish(STREAM)
    await publisher.wait_for_call("publish_started")
    (early,) = await ready_pages(sdk, server, 1)
    await watch(early)
    pages = await ready_pages(sdk, server, TOGETHER)
    await asyncio.sleep(2)  # what `early` started with is too old by now
    before = await publisher.page.evaluate(OUTBOUND_VIDEO, STREAM)
    await asyncio.gather(*(watch(page, APART_S * i) for i, page in enumerate(pages)))
    after = await publisher.page.evaluate(OUTBOUND_VIDEO, STREAM)
    assert after["pliCount"] - before["pliCount"] < TOGETHER
    assert after["keyFramesEncoded"] - before["keyFramesEncoded"] < TOGETHER
    videos = [await page.inbound_video(STREAM) for page in pages]
    # Who begins with a picture it cannot decode asks for a key frame by itself.
    assert sum(video["pliCount"] for video in videos) < TOGETHER
    for page, video in zip(pages, videos, strict=True):
        assert video["keyFramesDecoded"] >= 1
        assert video["framesDecoded"] >= 30
        # Pictures that are caught up on are decoded; few of them are not shown.
        assert video["framesDropped"] <= video["framesDecoded"] / 3
        assert video["freezeCount"] <= 1
        assert video["packetsLost"] == 0
        assert await page.page.evaluate("window.failures") == []
