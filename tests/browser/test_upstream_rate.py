"""What a real Chromium sends on a free path: its camera's full rate, or the bound."""

from __future__ import annotations

import itertools

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.rows import add_application
from tests.server_process import ServerProcess

WAIT_MS = 60_000
CAMERA = {"video": {"width": 1280, "height": 720}, "audio": True}
FULL_KBPS = 2000  # as the page wants it; the browser's own most is 2500
BOUND_KBPS = 500
# The bitrates that the encoder aims at (video) and that the path is thought to bear.
TARGET = """stream => {
  const peer = window.adaptor.remotePeerConnection[stream];
  return peer.getStats().then((report) => {
    let target = 0, path = 0;
    for (const row of report.values()) {
      if (row.type === "outbound-rtp" && row.kind === "video")
        target += row.targetBitrate ?? 0;
      if (row.type === "candidate-pair" && row.nominated)
        path = row.availableOutgoingBitrate ?? 0;
    }
    return {target, path};
  });
}"""
_numbers = itertools.count(1)


@pytest.fixture
def stream() -> str:
    return f"rate-{next(_numbers)}"


async def publish(
    sdk: SdkBrowser, server: ServerProcess, stream: str, application: str = "LiveApp"
) -> SdkPage:
    publisher = await sdk.open(server, application=application)
    await publisher.start(mediaConstraints=CAMERA, bandwidth=FULL_KBPS)
    await publisher.publish(stream)
    await publisher.wait_for_call("publish_started")
    return publisher


async def wait_for(publisher: SdkPage, stream: str, condition: str) -> None:
    """Until `condition` holds for `target` and `path`, in bit/s."""
    await publisher.page.wait_for_function(
        f"stream => ({TARGET})(stream).then(({{target, path}}) => {condition})",
        arg=stream,
        timeout=WAIT_MS,
        polling=250,
    )


async def test_it_reaches_the_cameras_rate(
    sdk: SdkBrowser, server: ServerProcess, stream: str
) -> None:
    publisher = await publish(sdk, server, stream)
    full_bps = FULL_KBPS * 1000
    await wait_for(publisher, stream, f"target >= {0.8 * full_bps}")
    # Its own estimate, by our feedback: the path is known to bear more than is sent.
    await wait_for(publisher, stream, f"path > {full_bps}")


async def test_it_keeps_to_the_operators_bound(
    sdk: SdkBrowser, server: ServerProcess, stream: str
) -> None:
    bound_bps = BOUND_KBPS * 1000
    bounded = add_application(server, max_publish_bitrate=bound_bps)
    publisher = await publish(sdk, server, stream, bounded.name)
    await wait_for(publisher, stream, f"path > 0 && path <= {bound_bps}")
    await wait_for(
        publisher, stream, f"target >= {0.5 * bound_bps} && target <= {bound_bps}"
    )
