"""Layers that a real Chromium publishes, and which of them viewers get."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.pages import other_site
from tests.browser.sdk import SdkBrowser, SdkPage
from tests.server_process import ServerProcess

# Layers come one after another, as the browser learns what the path bears.
LAYERS_MS = 60_000
CAMERA = {"video": {"width": 1280, "height": 720}, "audio": True}
OWN_SDK = """<!doctype html><meta charset="utf-8"><title>publisher</title>
<script src="URL/static/js/webrtc_adaptor.js"></script>"""
PUBLISH_BY_SDK = """([url, stream, camera]) => new Promise((resolve, reject) => {
  window.adaptor = new WebRTCAdaptor({
    websocket_url: url, mediaConstraints: camera, simulcast: true,
    bandwidth: "unlimited", peerconnection_config: {iceServers: []},
    callback: (info) => {
      if (info === "initialized") window.adaptor.publish(stream);
      if (info === "publish_started") resolve();
    },
    callbackError: (error) => reject(new Error(error)),
  });
})"""
# No SDK at all: the names and their order are the page's own.
PUBLISH_BY_HAND = """([url, stream, camera, rids]) => new Promise((resolve, reject) => {
  const socket = window.socket = new WebSocket(url);
  const send = (message) => socket.send(JSON.stringify({streamId: stream, ...message}));
  socket.onopen = () => send({command: "publish", video: true, audio: false});
  socket.onerror = reject;
  const begin = async () => {
    const media = await navigator.mediaDevices.getUserMedia(camera);
    const peer = window.peer = new RTCPeerConnection();
    peer.addTransceiver(media.getVideoTracks()[0], {
      direction: "sendonly", streams: [media],
      sendEncodings: rids.map((rid) => ({rid})),
    });
    await peer.setLocalDescription(await peer.createOffer());
    send({command: "takeConfiguration", type: "offer", sdp: peer.localDescription.sdp});
  };
  socket.onmessage = async ({data}) => {
    const message = JSON.parse(data);
    if (message.command === "start") await begin();
    if (message.command === "takeConfiguration")
      await window.peer.setRemoteDescription({type: "answer", sdp: message.sdp});
    if (message.definition === "publish_started") resolve();
    if (message.command === "error") reject(new Error(message.definition));
  };
})"""
# The heights of the newest answer to getStreamInfo.
HEIGHTS = """() => {
  const told = window.calls.filter((call) => call.info === "streamInformation").at(-1);
  return (told?.obj?.streamInfo ?? []).map((entry) => entry.streamHeight);
}"""
_numbers = itertools.count(1)


@pytest.fixture
def stream() -> str:
    return f"layers-{next(_numbers)}"


async def page_of(context: BrowserContext, address: str) -> Page:
    page = await context.new_page()
    await page.goto(address)
    return page


async def watch(sdk: SdkBrowser, server: ServerProcess, stream: str) -> SdkPage:
    """A viewer with the unmodified SDK."""
    viewer = await sdk.open(server)
    await viewer.start(play_only=True)
    await viewer.play(stream)
    await viewer.wait_for_frames(5)
    return viewer


async def wait_for_heights(viewer: SdkPage, stream: str, wanted: list[int]) -> None:
    """Until these are what the server says it has, highest first."""
    await viewer.page.wait_for_function(
        f"""([stream, wanted]) => {{
          window.adaptor.getStreamInfo(stream);
          const heights = ({HEIGHTS})().sort((one, other) => other - one);
          return JSON.stringify(heights) === JSON.stringify(wanted);
        }}""",
        arg=[stream, wanted],
        timeout=LAYERS_MS,
        polling=500,
    )


async def wait_for_picture(viewer: SdkPage, height: int) -> None:
    """Until pictures of that height are shown, ten of them."""
    await viewer.page.wait_for_function(
        "height => document.getElementById('remoteVideo').videoHeight === height",
        arg=height,
        timeout=LAYERS_MS,
    )
    await viewer.wait_for_frames(10)


async def force(viewer: SdkPage, stream: str, height: int) -> None:
    await viewer.page.evaluate(
        "([stream, height]) => window.adaptor.forceStreamQuality(stream, height)",
        [stream, height],
    )


async def lost_packets(viewer: SdkPage, stream: str) -> int:
    rows: dict[str, Any] = await viewer.inbound_video(stream)
    return int(rows["packetsLost"])


async def test_a_viewer_gets_each_of_the_three_layers(
    context: BrowserContext, sdk: SdkBrowser, server: ServerProcess, stream: str
) -> None:
    with other_site(OWN_SDK.replace("URL", server.url)) as address:
        publisher = await page_of(context, address)
        await publisher.evaluate(
            PUBLISH_BY_SDK, [server.websocket_url(), stream, CAMERA]
        )
        viewer = await watch(sdk, server, stream)
        await wait_for_heights(viewer, stream, [720, 360, 180])
        for height in (180, 720, 360):
            await force(viewer, stream, height)
            await wait_for_picture(viewer, height)
        assert await lost_packets(viewer, stream) == 0


async def test_layers_have_whatever_names_and_order_a_page_gives_them(
    context: BrowserContext, sdk: SdkBrowser, server: ServerProcess, stream: str
) -> None:
    """By default the last one is the whole picture."""
    with other_site("<title>publisher</title>") as address:
        publisher = await page_of(context, address)
        await publisher.evaluate(
            PUBLISH_BY_HAND,
            [server.websocket_url(), stream, CAMERA, ["quarter", "half", "full"]],
        )
        viewer = await watch(sdk, server, stream)
        await wait_for_heights(viewer, stream, [720, 360, 180])
        await force(viewer, stream, 180)
        await wait_for_picture(viewer, 180)
        await force(viewer, stream, 720)
        await wait_for_picture(viewer, 720)
