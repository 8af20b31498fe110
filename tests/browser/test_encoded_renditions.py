"""Chromium moves between the publisher's picture and encoded ones."""

from __future__ import annotations

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.browser.test_sdk_quality import offered
from tests.rows import add_application
from tests.server_process import ServerProcess

LADDER = [{"height": 240, "videoBitrate": 300_000, "forceEncode": False}]
CODECS = ("vp8", "h264", "vp9")


async def show(viewer: SdkPage, height: int) -> None:
    """Ask for a height, see it, and some frames of it."""
    await viewer.page.evaluate(
        "height => window.adaptor.forceStreamQuality('cam', height)", height
    )
    await viewer.page.wait_for_function(
        "height => document.getElementById('remoteVideo').videoHeight === height",
        arg=height,
    )
    await viewer.wait_for_frames(20)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_viewer_goes_down_and_up_again_without_a_break(
    sdk: SdkBrowser, server: ServerProcess, codec: str
) -> None:
    flags = {f"{name}_enabled": name == codec for name in (*CODECS, "av1")}
    application = add_application(server, encoder_settings=LADDER, **flags).name
    publisher = await sdk.open(server, application=application)
    await publisher.start()
    await publisher.publish("cam")
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server, application=application)
    await viewer.start(play_only=True)
    await viewer.play("cam")
    await viewer.wait_for_call("play_started")
    own, *_ = await offered(viewer, "cam")

    await show(viewer, own)
    before = await viewer.inbound_video("cam")
    for height in (240, own, 240, own):
        await show(viewer, height)

    after = await viewer.inbound_video("cam")
    assert after["freezeCount"] - before["freezeCount"] <= 1
    assert after["packetsLost"] == before["packetsLost"]
