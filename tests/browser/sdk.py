"""Pages that run an unmodified Ant Media SDK against the server under test.

They come from a little web server of their own, as the pages of a site that
embeds the SDK would: another origin than the signalling socket's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.server_process import ServerProcess

MODULES = Path(__file__).parent / "node_modules"
WAIT_MS = 20_000

BROWSER_SDK = """
<script src="/@mediapipe/selfie_segmentation/selfie_segmentation.js"></script>
<script src="/sdk-VERSION/dist/browser/webrtc_adaptor.js"></script>
<script>
  window.WebRTCAdaptor = window.webrtc_adaptor.WebRTCAdaptor;
  window.sdkReady = true;
</script>
"""
MODULE_SDK = """
<script src="/sdk-VERSION/js/external/loglevel.min.js"></script>
<script type="module">
  import {WebRTCAdaptor} from "/sdk-VERSION/js/webrtc_adaptor.js";
  window.WebRTCAdaptor = WebRTCAdaptor;
  window.sdkReady = true;
</script>
"""
PAGE = """<!doctype html><meta charset="utf-8"><title>SDK</title>
<video id="localVideo" autoplay muted playsinline></video>
<video id="remoteVideo" autoplay muted playsinline></video>
<script>
  const plain = (value) => {
    try { return JSON.parse(JSON.stringify(value ?? null)); } catch { return null; }
  };
  window.calls = [];
  window.failures = [];
  window.frames = [];
  window.watchFrames = () => {
    const video = document.getElementById("remoteVideo");
    const onFrame = (now) => {
      window.frames.push(performance.now());
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  };
  window.start = (options) => {
    window.adaptor = new window.WebRTCAdaptor({
      mediaConstraints: {video: true, audio: true},
      peerconnection_config: {iceServers: []},
      sdp_constraints: {OfferToReceiveAudio: false, OfferToReceiveVideo: false},
      localVideoId: "localVideo",
      remoteVideoId: "remoteVideo",
      callback: (info, obj) => window.calls.push(
        {at: performance.now(), info: info, obj: plain(obj)}),
      callbackError: (error, message) => window.failures.push(
        {at: performance.now(), error: String(error), message: plain(message)}),
      ...options,
    });
  };
  window.called = (info) => window.calls.some((call) => call.info === info);
</script>
"""


class SdkPage:
    """One browser page with one adaptor."""

    def __init__(self, page: Page, server: ServerProcess, application: str) -> None:
        self.page = page
        self.websocket_url = server.websocket_url(application)

    async def start(self, *, play_only: bool = False, **options: Any) -> None:
        """The adaptor exists and its socket is open."""
        await self.page.evaluate(
            "options => window.start(options)",
            {
                "websocket_url": self.websocket_url,
                "isPlayMode": play_only,
                **options,
            },
        )
        await self.wait_for_call("initialized")

    async def wait_for_call(self, info: str, timeout_ms: int = WAIT_MS) -> None:
        await self.page.wait_for_function(
            "info => window.called(info)", arg=info, timeout=timeout_ms
        )

    async def wait_for_failure(self, error: str, timeout_ms: int = WAIT_MS) -> None:
        await self.page.wait_for_function(
            "error => window.failures.some((f) => f.error === error)",
            arg=error,
            timeout=timeout_ms,
        )

    async def publish(self, stream: str, *arguments: Any) -> None:
        await self.page.evaluate(
            "args => window.adaptor.publish(...args)", [stream, *arguments]
        )

    async def play(self, stream: str, *arguments: Any) -> None:
        await self.page.evaluate(
            """args => {
              window.playedAt = performance.now();
              window.watchFrames();
              window.adaptor.play(...args);
            }""",
            [stream, *arguments],
        )

    async def wait_for_frames(self, count: int, timeout_ms: int = WAIT_MS) -> None:
        """`count` more frames than now were shown."""
        await self.page.wait_for_function(
            "goal => window.frames.length >= goal",
            arg=await self.frames() + count,
            timeout=timeout_ms,
        )

    async def frames(self) -> int:
        return int(await self.page.evaluate("window.frames.length"))

    async def inbound_video(self, stream: str) -> dict[str, Any]:
        """The browser's inbound-rtp statistics of the video of `stream`.

        They exist from the first packet on, which may still be on its way.
        """
        found: dict[str, Any] = await self.page.evaluate(
            """async stream => {
              for (let attempt = 0; attempt < 200; attempt++) {
                const peer = window.adaptor.remotePeerConnection[stream];
                for (const [, row] of await peer.getStats())
                  if (row.type === "inbound-rtp" && row.kind === "video")
                    return JSON.parse(JSON.stringify(row));
                await new Promise((resolve) => setTimeout(resolve, 50));
              }
              return {};
            }""",
            stream,
        )
        return found

    async def video_codec(self, stream: str) -> str:
        """The MIME type of the video that comes in, as "video/VP8"."""
        codec_id = (await self.inbound_video(stream))["codecId"]
        mime_type: str = await self.page.evaluate(
            """async ([stream, codecId]) => {
              const peer = window.adaptor.remotePeerConnection[stream];
              return (await peer.getStats()).get(codecId).mimeType;
            }""",
            [stream, codec_id],
        )
        return mime_type

    async def close(self) -> None:
        await self.page.close()


class _Handler(SimpleHTTPRequestHandler):
    """/page/VERSION is a page with that SDK; everything else is a file of npm's."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, directory=str(MODULES))

    def do_GET(self) -> None:
        if not self.path.startswith("/page/"):
            super().do_GET()
            return
        version = self.path.removeprefix("/page/").partition("?")[0]
        has_bundle = (MODULES / f"sdk-{version}" / "dist").exists()
        html = PAGE + (BROWSER_SDK if has_bundle else MODULE_SDK)
        body = html.replace("VERSION", version).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def serve_sdk_pages() -> Iterator[str]:
    """The base URL of a web server with the SDK pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class SdkBrowser:
    """Opens SDK pages in one browser context."""

    def __init__(self, context: BrowserContext, pages_url: str) -> None:
        self.context = context
        self._pages_url = pages_url

    async def open(
        self,
        server: ServerProcess,
        version: str = "2.16.2",
        application: str = "LiveApp",
    ) -> SdkPage:
        """A page with the SDK loaded, nothing started."""
        page = await self.context.new_page()
        await page.goto(f"{self._pages_url}/page/{version}")
        await page.wait_for_function("window.sdkReady === true")
        return SdkPage(page, server, application)


async def publishing(sdk: SdkBrowser, server: ServerProcess, stream: str) -> SdkPage:
    page = await sdk.open(server)
    await page.start()
    await page.publish(stream)
    await page.wait_for_call("publish_started")
    return page


async def playing(sdk: SdkBrowser, server: ServerProcess, stream: str) -> SdkPage:
    page = await sdk.open(server)
    await page.start(play_only=True)
    await page.play(stream)
    await page.wait_for_call("play_started")
    return page
