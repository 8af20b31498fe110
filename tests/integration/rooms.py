"""A viewer of a whole room, which is offered anew as participants come and go."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

from tests.integration.client import WAIT_S, Body, Client

VIDEO = "ARDAMSv"


class RoomPlay:
    """`mapping` is the last offer's; `changes` what was said of participants."""

    def __init__(self, client: Client, room: str) -> None:
        self.client = client
        self.room = room
        self.mapping: dict[str, str] = {}
        self.changes: list[tuple[str, str]] = []
        self.others: list[Body] = []  # what else was said meanwhile
        # Of aiortc's policies the only one for two videos behind a data channel.
        policy = RTCBundlePolicy.MAX_BUNDLE
        self.peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=policy)
        )
        client.peers.append(self.peer)

    @classmethod
    async def start(cls, client: Client, room: str, **fields: Any) -> Self:
        """The room plays here, as the first offer has it."""
        play = cls(client, room)
        await client.send("play", room, **fields)
        await play.take_offer()
        await play.until_said("play_started")
        return play

    @property
    def participants(self) -> set[str]:
        """Whose video the last offer has."""
        return {
            track.removeprefix(VIDEO)
            for track in self.mapping.values()
            if track.startswith(VIDEO)
        }

    async def take_offer(self) -> None:
        """The next offer is answered, and what came before it is kept."""
        offer = await self._until(lambda body: body["command"] == "takeConfiguration")
        assert (offer["streamId"], offer["type"]) == (self.room, "offer")
        self.mapping = offer["idMapping"]
        await self.peer.setRemoteDescription(
            RTCSessionDescription(offer["sdp"], "offer")
        )
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        await self.client.send_description(self.room, self.peer)

    async def until_participants(self, *participants: str) -> None:
        """Offers are answered until one has these alone."""
        async with asyncio.timeout(WAIT_S):
            while self.participants != set(participants):
                await self.take_offer()

    async def until_said(self, definition: str) -> Body:
        return await self._until(lambda body: body.get("definition") == definition)

    async def _until(self, wanted: Any) -> Body:
        async with asyncio.timeout(WAIT_S):
            while True:
                body = await self.client.receive()
                if wanted(body):
                    return body
                if str(body.get("definition")).startswith("subtrack"):
                    assert body["streamId"] == self.room
                    self.changes.append((body["definition"], body["trackId"]))
                elif body["command"] != "takeCandidate":
                    self.others.append(body)

    async def see(self, participant: str, brightness: int) -> None:
        """A picture of about that brightness came on the participant's track."""
        mid = next(m for m, t in self.mapping.items() if t == VIDEO + participant)
        track = next(
            transceiver.receiver.track
            for transceiver in self.peer.getTransceivers()
            if transceiver.mid == mid
        )
        async with asyncio.timeout(WAIT_S):
            while True:
                frame = await track.recv()
                assert isinstance(frame, VideoFrame)
                if abs(bytes(frame.planes[0])[0] - brightness) < 30:
                    return

    async def received(self, participant: str) -> int:
        """Packets of video that have come from the participant so far."""
        mid = next(m for m, t in self.mapping.items() if t == VIDEO + participant)
        for transceiver in self.peer.getTransceivers():
            if transceiver.mid == mid:
                stats = await transceiver.receiver.getStats()
                found = [
                    row.packetsReceived
                    for row in stats.values()
                    if row.type == "inbound-rtp"
                ]
                return sum(found)
        raise MediaStreamError("no such track")
