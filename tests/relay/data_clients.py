"""aiortc clients with data channels, of an in-process relay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from relay import control
from relay.control import Distribution
from tests.relay.clients import CODECS, new_peer, new_session
from tests.relay.conftest import WAIT_S, RunningRelay

Message = str | bytes


@dataclass
class DataClient:
    """One peer connection; `got` is what came on any of its channels."""

    session: str
    peer: RTCPeerConnection
    got: list[Message] = field(default_factory=list)
    channels: list[RTCDataChannel] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, channel: RTCDataChannel) -> None:
        self.channels.append(channel)
        channel.on("message", self._hear)
        channel.on("open", self._changed.set)
        self._changed.set()

    def _hear(self, message: Message) -> None:
        self.got.append(message)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, *messages: Message) -> None:
        """`messages`, and nothing else, have come."""
        await self.until(lambda: len(self.got) >= len(messages))
        assert self.got == list(messages)

    async def is_open(self) -> None:
        await self.until(lambda: any(c.readyState == "open" for c in self.channels))

    def say(self, message: Message) -> None:
        self.channels[0].send(message)


async def _client(relay: RunningRelay) -> DataClient:
    client = DataClient(new_session(), new_peer())
    client.peer.on("datachannel", client.listen)
    relay.on_close(client.peer.close)
    return client


async def publish_data(
    relay: RunningRelay,
    stream: str,
    *,
    tracks: list[MediaStreamTrack] | None = None,
    room: str = "",
    role: str = "default",
    rewrite: Callable[[str], str] = str,
) -> DataClient:
    """A started publisher with an open channel, without media by default.

    `rewrite`: what becomes of its offer on the way.
    """
    client = await _client(relay)
    client.listen(client.peer.createDataChannel(stream.partition("/")[2]))
    for track in tracks or []:
        client.peer.addTrack(track)
    await client.peer.setLocalDescription(await client.peer.createOffer())
    relay.router.handle(
        control.AcceptOffer(
            client.session,
            "socket",
            stream,
            rewrite(client.peer.localDescription.sdp),
            CODECS,
            8000,
            5000,
            room=room,
            role=role,
        )
    )
    answered = await relay.event(control.Answered, client.session)
    await client.peer.setRemoteDescription(
        RTCSessionDescription(answered.sdp, "answer")
    )
    await relay.event(control.Started, client.session)
    await client.is_open()
    return client


async def play_data(
    relay: RunningRelay,
    stream: str,
    *,
    distribution: Distribution = Distribution.ALL,
    own_channel: bool = False,
) -> DataClient:
    """A started viewer with the server's channel open."""
    client = await _client(relay)
    relay.router.handle(
        control.CreateOffer(
            client.session, "socket", stream, 8000, distribution=distribution
        )
    )
    await _answer(relay, client, own_channel=own_channel)
    return client


async def join_room(
    relay: RunningRelay,
    room: str,
    *,
    own_streams: tuple[str, ...] = (),
    sees_roles: tuple[str, ...] = ("default",),
    distribution: Distribution = Distribution.ALL,
) -> DataClient:
    """A started viewer of a room with the server's channel open."""
    client = await _client(relay)
    relay.router.handle(
        control.CreateRoomOffer(
            client.session,
            "socket",
            room,
            8000,
            sees_roles,
            own_streams,
            video_codecs=CODECS,
            distribution=distribution,
        )
    )
    await _answer(relay, client, own_channel=False)
    return client


async def _answer(
    relay: RunningRelay, client: DataClient, *, own_channel: bool
) -> None:
    offered = await relay.event(control.Offered, client.session)
    await client.peer.setRemoteDescription(RTCSessionDescription(offered.sdp, "offer"))
    await client.peer.setLocalDescription(await client.peer.createAnswer())
    sdp = client.peer.localDescription.sdp
    relay.router.handle(control.AcceptAnswer(client.session, sdp))
    if own_channel:
        client.listen(client.peer.createDataChannel("of the page"))
    await relay.event(control.Started, client.session)
    await client.until(lambda: len(client.channels) == 1 + own_channel)
    await client.until(lambda: all(c.readyState == "open" for c in client.channels))
