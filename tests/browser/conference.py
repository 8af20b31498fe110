"""Pages with an unmodified SDK in a room: what each sees of the others."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.browser.sdk import WAIT_MS, SdkPage

SMALL = {"width": 160, "height": 120, "frameRate": 10}

SETUP = """options => {
  window.tiles = {};
  window.start({
    ...options,
    remoteVideoId: null,
    callback: (info, obj) => {
      window.calls.push({at: performance.now(), info: info, obj: plain(obj)});
      // newTrackAvailable's older name, which all versions say.
      if (info !== "newStreamAvailable") return;
      const who = obj.trackId.substring("ARDAMSx".length);
      if (!(who in window.tiles)) {
        const video = document.createElement("video");
        Object.assign(video, {autoplay: true, muted: true, srcObject: obj.stream});
        document.body.append(video);
        window.tiles[who] = video;
      }
      obj.stream.onremovetrack = () => {
        if (obj.stream.getTracks().length) return;
        window.tiles[who].remove();
        delete window.tiles[who];
      };
    },
  });
}"""
INBOUND = """async ([room, who, kind]) => {
  const peer = window.adaptor.remotePeerConnection[room];
  if (!peer) return null;
  const prefix = kind === "video" ? "ARDAMSv" : "ARDAMSa";
  for (const [, row] of await peer.getStats())
    if (row.type === "inbound-rtp" && row.trackIdentifier === prefix + who)
      return JSON.parse(JSON.stringify(row));
  return null;
}"""


class Participant:
    """One page; `name` is the id of its stream."""

    def __init__(self, sdk: SdkPage, room: str, name: str) -> None:
        self.sdk = sdk
        self.room = room
        self.name = name

    async def start(self) -> None:
        """The adaptor exists and its socket is open."""
        await self.sdk.page.evaluate(
            SETUP,
            {
                "websocket_url": self.sdk.websocket_url,
                "mediaConstraints": {"video": SMALL, "audio": True},
            },
        )
        await self.sdk.wait_for_call("initialized")

    async def enter(self, role: str = "") -> None:
        """Published and played in one tick, as conference.html does."""
        await self.start()
        await self.sdk.page.evaluate(
            """([room, name, role]) => {
              window.adaptor.publish(name, "", "", "", name, room, "", role);
              window.adaptor.play(room, "", room, [], "", "", "", role);
            }""",
            [self.room, self.name, role],
        )
        await self.sdk.wait_for_call("publish_started")
        await self.sdk.wait_for_call("play_started")

    async def leave(self) -> None:
        await self.sdk.page.evaluate(
            "([room, name]) => { for (const id of [name, room]) adaptor.stop(id); }",
            [self.room, self.name],
        )
        await self.sdk.wait_for_call("publish_finished")

    async def say(self, method: str, *arguments: Any) -> None:
        """A command about the room."""
        await self.sdk.page.evaluate(
            "([method, args]) => window.adaptor[method](...args)",
            [method, [self.room, *arguments]],
        )

    async def wait_for_tiles(self, *names: str) -> None:
        """These participants have a picture on the page, and no other."""
        await self.sdk.page.wait_for_function(
            "names => Object.keys(window.tiles).sort().join() === names",
            arg=",".join(sorted(names)),
            timeout=WAIT_MS,
        )

    async def inbound(self, who: str, kind: str = "video") -> dict[str, Any]:
        """The browser's statistics of what comes from the participant."""
        found = await self.sdk.page.evaluate(INBOUND, [self.room, who, kind])
        return found or {"framesDecoded": 0, "packetsReceived": 0, "packetsLost": 0}

    async def decode(self, who: str, count: int = 5) -> None:
        """`count` more frames of the participant were decoded."""
        goal = (await self.inbound(who))["framesDecoded"] + count
        await self._wait(who, "video", "framesDecoded", goal)

    async def hear(self, who: str, count: int = 20) -> None:
        """`count` more packets of the participant's sound came."""
        goal = (await self.inbound(who, "audio"))["packetsReceived"] + count
        await self._wait(who, "audio", "packetsReceived", goal)

    async def _wait(self, who: str, kind: str, field: str, goal: int) -> None:
        # Not by wait_for_function, to which a promise is as good as true.
        async with asyncio.timeout(WAIT_MS / 1000):
            while (  # noqa: ASYNC110  in another process
                await self.inbound(who, kind)
            )[field] < goal:
                await asyncio.sleep(0.05)

    async def wait_until_still(self, who: str, moving: str) -> int:
        """No frame of `who` came while some of `moving` did; how many it has."""
        before = -1
        while (now := (await self.inbound(who))["framesDecoded"]) != before:
            before = now
            await self.decode(moving, 10)
        return int(now)

    async def wait_until_silent(self, who: str, moving: str) -> None:
        """No sound of `who` came while some pictures of `moving` did."""
        before = -1
        while (now := (await self.inbound(who, "audio"))["packetsReceived"]) != before:
            before = now
            await self.decode(moving, 10)

    async def failures(self) -> list[Any]:
        found: list[Any] = await self.sdk.page.evaluate("window.failures")
        return found

    async def calls(self, info: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.sdk.page.evaluate(
            "info => window.calls.filter((c) => c.info === info).map((c) => c.obj)",
            info,
        )
        return found
