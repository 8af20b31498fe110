"""Publishers and viewers in pages, each on a leg of its own, and what they saw."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Self

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.impairment import Conditions, Network
from tests.integration.conftest import write
from tests.server_process import ServerProcess

APPLICATION = "LiveApp"
WAIT_S = 60
START_MS = 60_000  # on a bad path, with a busy machine

# What the SDK tells a page of retries and ends.
NO_RETRIES = frozenset(
    {
        "reconnection_attempt_for_publisher",
        "reconnection_attempt_for_player",
        "publish_finished",
        "play_finished",
        "closed",
    }
)

STATS = """async ([stream, type, kind]) => {
  const peer = window.adaptor.remotePeerConnection[stream];
  const rows = peer ? [...(await peer.getStats()).values()] : [];
  const found = rows.filter((r) => r.type === type && (!kind || r.kind === kind));
  return JSON.parse(JSON.stringify({now: performance.now(), rows: found}));
}"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a publisher's video has come to by now, all layers together."""

    at_s: float
    frames: int
    bytes: int
    key_frames: int
    nacks: int
    plis: int
    target_bps: int

    def bits_per_s(self, since: Self) -> float:
        return (self.bytes - since.bytes) * 8 / (self.at_s - since.at_s)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a viewer's video has come to by now."""

    at_s: float
    frames: int  # decoded
    freezes: int
    frozen_s: float
    packets: int
    lost: int  # packets, also those that a retransmission brought
    nacks: int
    plis: int
    height: int

    def since(self, before: Self) -> str:
        """For the report of a run."""
        seconds = self.at_s - before.at_s
        return (
            f"{(self.frames - before.frames) / seconds:.1f} frames/s, "
            f"{self.freezes - before.freezes} freezes of "
            f"{self.frozen_s - before.frozen_s:.2f} s, "
            f"{self.packets - before.packets} packets, {self.lost - before.lost} lost, "
            f"{self.nacks - before.nacks} NACKs, {self.plis - before.plis} PLIs"
        )


class Station:
    """A page on a leg of the network that publishes or plays one stream."""

    def __init__(self, page: SdkPage, stream: str, leg: str) -> None:
        self.sdk_page = page
        self.page = page.page
        self.stream = stream
        self.leg = leg

    async def sent(self) -> Sent:
        at_s, rows = await self.stats("outbound-rtp", "video")

        def total(name: str) -> int:
            return sum(int(row.get(name, 0)) for row in rows)

        return Sent(
            at_s,
            frames=total("framesEncoded"),
            bytes=total("bytesSent"),
            key_frames=total("keyFramesEncoded"),
            nacks=total("nackCount"),
            plis=total("pliCount"),
            target_bps=total("targetBitrate"),
        )

    async def seen(self) -> Seen:
        at_s, rows = await self.stats("inbound-rtp", "video")
        row = rows[0]
        return Seen(
            at_s,
            frames=row["framesDecoded"],
            freezes=row["freezeCount"],
            frozen_s=row["totalFreezesDuration"],
            packets=row["packetsReceived"],
            lost=row["packetsLost"],
            nacks=row["nackCount"],
            plis=row["pliCount"],
            height=row.get("frameHeight", 0),
        )

    async def stats(
        self, type_: str, kind: str = ""
    ) -> tuple[float, list[dict[str, Any]]]:
        """The page's time in s, and the rows of that type, "audio" or "video"."""
        found = await self.page.evaluate(STATS, [self.stream, type_, kind])
        return found["now"] / 1000, found["rows"]

    async def calls(self) -> list[str]:
        """What the SDK has told the page, in order."""
        found: list[str] = await self.page.evaluate(
            "window.calls.map((call) => call.info)"
        )
        return found

    async def wait_for_frames(self, count: int) -> None:
        await self.sdk_page.wait_for_frames(count, START_MS)

    async def longest_gap_s(self, since_frame: int) -> float:
        """Between two frames as they were shown, from frame number `since_frame` on."""
        frames: list[float] = await self.page.evaluate(
            "from => window.frames.slice(from)", since_frame
        )
        pairs = itertools.pairwise(frames)
        return max((b - a for a, b in pairs), default=0.0) / 1000


class Scene:
    """Opens stations, each with a leg named after its stream and part."""

    def __init__(
        self, server: ServerProcess, network: Network, sdk: SdkBrowser
    ) -> None:
        self.server = server
        self.network = network
        self._sdk = sdk

    async def publish(
        self,
        stream: str,
        conditions: Conditions | None = None,
        *,
        application: str = APPLICATION,
        token: str = "",
    ) -> Station:
        """A page publishes; its leg had those conditions from the start."""
        leg = f"{stream}-publisher"
        station = await self._open(stream, leg, conditions, application)
        await station.sdk_page.start()
        self.network.newcomers(station.leg)
        await station.sdk_page.publish(stream, token)
        await station.sdk_page.wait_for_call("publish_started", START_MS)
        return station

    async def play(
        self,
        stream: str,
        conditions: Conditions | None = None,
        name: str = "viewer",
        *,
        application: str = APPLICATION,
    ) -> Station:
        """A page plays, and has shown a second of it or so."""
        leg = f"{stream}-{name}"
        station = await self._open(stream, leg, conditions, application)
        await station.sdk_page.start(play_only=True)
        self.network.newcomers(station.leg)
        await station.sdk_page.play(stream)
        await station.sdk_page.wait_for_call("play_started", START_MS)
        await station.wait_for_frames(20)
        return station

    async def _open(
        self, stream: str, leg: str, conditions: Conditions | None, application: str
    ) -> Station:
        if conditions is not None:
            self.network.set(leg, both=conditions)
        page = await self._sdk.open(self.server, application=application)
        return Station(page, stream, leg)


def add_application(server: ServerProcess, name: str, **values: object) -> str:
    """A copy of LiveApp under another name, with other settings; its name."""
    query = "SELECT * FROM streams_application WHERE name = ?"
    row = {**dict(server.rows(query, APPLICATION)[0]), "name": name, **values}
    del row["id"]
    columns, places = ", ".join(row), ", ".join("?" * len(row))
    insert = f"INSERT INTO streams_application ({columns}) VALUES ({places})"  # noqa: S608
    write(server, insert, *row.values())
    return name
