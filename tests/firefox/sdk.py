"""Pages in Firefox that run the unmodified Ant Media SDK against the server."""

from __future__ import annotations

from typing import Any, Protocol

from tests.firefox.firefox import Firefox, Page
from tests.server_process import ServerProcess

VERSION = "2.16.2"

Body = dict[str, Any]  # what a page says, its keys as in the browser

READ_STATISTICS = """async (id, type) => {
  const peer = window.adaptor.remotePeerConnection[id];
  const rows = peer ? [...(await peer.getStats()).values()] : [];
  return rows.filter((row) => row.type === type)
    .map((row) => JSON.parse(JSON.stringify(row)));
}"""
# Pictures decoded and sound packets received of all tracks of a peer, at least.
HAS_MEDIA = """async (id, frames, packets) => {
  const peer = window.adaptor.remotePeerConnection[id];
  const rows = peer ? [...(await peer.getStats()).values()] : [];
  const inbound = (kind) => rows.filter(
    (row) => row.type === "inbound-rtp" && row.kind === kind);
  const has = (kind, key, least) => least === 0 ||
    (inbound(kind).length > 0 && inbound(kind).every((row) => row[key] >= least));
  return has("video", "framesDecoded", frames) &&
    has("audio", "packetsReceived", packets);
}"""


class SdkPage:
    """One tab with one adaptor."""

    def __init__(self, page: Page, websocket_url: str) -> None:
        self.page = page
        self._websocket_url = websocket_url

    def start(self, *, play_only: bool = False, **options: Any) -> None:
        """The adaptor exists and its socket is open."""
        self.page.evaluate(
            "(options) => window.start(options)",
            {
                "websocket_url": self._websocket_url,
                "isPlayMode": play_only,
                **options,
            },
        )
        self.wait_for_call("initialized")

    def call(self, method: str, *arguments: Any) -> None:
        """The adaptor's `method`, called."""
        self.page.evaluate(
            "(method, args) => { window.adaptor[method](...args); }", method, arguments
        )

    def wait_for_call(self, info: str) -> Any:
        """What the page's callback was told with `info`, the last time."""
        return self.page.wait_for(
            """(info) => {
              const call = window.calls.findLast((call) => call.info === info);
              return call && {obj: call.obj};
            }""",
            info,
        )["obj"]

    def wait_for_failure(self, error: str) -> None:
        self.page.wait_for(
            "(error) => window.failures.some((failure) => failure.error === error)",
            error,
        )

    def calls(self) -> list[str]:
        """What the page's callback was told so far, in order."""
        said: list[str] = self.page.evaluate(
            "() => window.calls.map((call) => call.info)"
        )
        return said

    def failures(self) -> list[Body]:
        said: list[Body] = self.page.evaluate("() => window.failures")
        return said

    def statistics(self, peer: str, kind: str) -> list[Body]:
        """Rows such as "inbound-rtp" of the peer connection of a stream."""
        rows: list[Body] = self.page.evaluate(READ_STATISTICS, peer, kind)
        return rows

    def inbound(self, peer: str, media: str) -> Body:
        """The only incoming track of `media` ("video" or "audio")."""
        (row,) = (
            row for row in self.statistics(peer, "inbound-rtp") if row["kind"] == media
        )
        return row

    def wait_for_media(self, peer: str, frames: int = 15, packets: int = 15) -> None:
        """`frames` more pictures were decoded, `packets` more of sound received.

        0 of a kind: nothing is asked of it.
        """
        counted = {"video": 0, "audio": 0}
        for row in self.statistics(peer, "inbound-rtp"):
            key = "framesDecoded" if row["kind"] == "video" else "packetsReceived"
            counted[row["kind"]] = max(counted[row["kind"]], row.get(key, 0))
        self.page.wait_for(
            HAS_MEDIA,
            peer,
            frames and counted["video"] + frames,
            packets and counted["audio"] + packets,
        )

    def close(self) -> None:
        self.page.close()


class SdkPages:
    """Opens pages with the SDK, and closes what a test leaves open."""

    def __init__(self, firefox: Firefox, server: ServerProcess, url: str) -> None:
        self.firefox = firefox
        self._server = server
        self._url = url
        self._open: list[SdkPage] = []

    def open(self, application: str = "LiveApp") -> SdkPage:
        """A page with the SDK loaded, nothing started."""
        tab = self.firefox.open(f"{self._url}/page/{VERSION}")
        page = SdkPage(tab, self._server.websocket_url(application))
        self._open.append(page)
        tab.wait_for("() => window.sdkReady === true")
        return page

    def failures(self) -> list[Body]:
        """Of all pages that the test opened."""
        return [failure for page in self._open for failure in page.failures()]

    def close(self) -> None:
        for page in self._open:
            page.close()
        self.firefox.complaints()


class Opens(Protocol):
    """Opens a page that does something with a stream."""

    def __call__(self, stream: str, application: str = "LiveApp") -> SdkPage: ...
