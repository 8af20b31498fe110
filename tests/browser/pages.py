"""The project's own pages as tests open them, and stand-ins around them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    WebSocketRoute,
    expect,
)

LIVE_MS = 15_000
# Resolves when the player has shown so many more pictures.
SHOW_FRAMES = """count => new Promise((resolve) => {
  const video = document.getElementById("video");
  const onFrame = () => (--count > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(true));
  video.requestVideoFrameCallback(onFrame);
})"""
# Resolves when the player has shown so many more pictures.
SHOW_FRAMES = """count => new Promise((resolve) => {
  const video = document.getElementById("video");
  const onFrame = () => (--count > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(true));
  video.requestVideoFrameCallback(onFrame);
})"""
# A state may be over before a question for it arrives: it is noted in the page.
WATCH_FOR_RECONNECTING = """() => {
  const screen = document.getElementById("screen");
  window.reconnecting = new Promise((resolve) => new MutationObserver(() => {
    if (screen.dataset.state === "reconnecting") resolve(true);
  }).observe(screen, {attributes: true}));
}"""
# Resolves when the player has shown so many more pictures.
SHOW_FRAMES = """count => new Promise((resolve) => {
  const video = document.getElementById("video");
  const onFrame = () => (--count > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(true));
  video.requestVideoFrameCallback(onFrame);
})"""
# A state may be over before a question for it arrives: it is noted in the page.
WATCH_FOR_RECONNECTING = """() => {
  const screen = document.getElementById("screen");
  window.reconnecting = new Promise((resolve) => new MutationObserver(() => {
    if (screen.dataset.state === "reconnecting") resolve(true);
  }).observe(screen, {attributes: true}));
}"""
NEXT_TICK = "new Promise((resolve) => setTimeout(resolve, 50))"


class Site:
    """Opens pages of LiveApp; what they complain about is kept."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self._on_console)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    async def open(self, path: str) -> Page:
        page = await self.context.new_page()
        await page.goto(f"{self.url}/LiveApp/{path}")
        return page

    async def publish(self, stream: str) -> Page:
        page = await self.open(f"publish?id={stream}")
        await go_live(page)
        return page

    async def play(self, stream: str) -> Page:
        page = await self.open(f"play?id={stream}")
        await expect_state(page, "live")
        return page


async def go_live(page: Page) -> None:
    await page.get_by_role("button", name="Go live").click()
    await expect_state(page, "live")


async def expect_state(page: Page, state: str) -> None:
    await expect(page.locator("#screen")).to_have_attribute(
        "data-state", state, timeout=LIVE_MS
    )


async def expect_frames(page: Page, count: int = 10) -> None:
    assert await page.evaluate(SHOW_FRAMES, count)


async def has_sideways_scroll(page: Page) -> bool:
    return bool(
        await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    )


def answering(
    definition: str, received: list[str], **fields: str
) -> Callable[[WebSocketRoute], None]:
    """A stand-in server that answers publish and play with one error."""

    def handle(socket: WebSocketRoute) -> None:
        def on_message(text: str | bytes) -> None:
            message = json.loads(text)
            received.append(message["command"])
            if message["command"] in ("publish", "play"):
                error = {"command": "error", "definition": definition, **fields}
                socket.send(json.dumps(error | {"streamId": message["streamId"]}))

        socket.on_message(on_message)

    return handle


@contextmanager
def other_site(html: str) -> Iterator[str]:
    """The address of a page of another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
