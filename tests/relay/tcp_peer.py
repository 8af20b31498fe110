"""A raw peer whose network lets TCP through and nothing else."""

from __future__ import annotations

import asyncio

from relay import control
from relay.ice import Address
from relay.tcp_framing import Framer, frame
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import KEY_FRAME, RawPeer, accept_offer


class _Stream(asyncio.Protocol):
    """Takes the relay's frames apart, for a peer of datagrams."""

    def __init__(self, peer: TcpPeer) -> None:
        self._peer = peer
        self._framer = Framer(65535)

    def data_received(self, data: bytes) -> None:
        self._framer.feed(data)
        while (packet := self._framer.next_packet()) is not None:
            self._peer.datagram_received(packet, None)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer.lost.set()


class TcpPeer(RawPeer):
    """One connection at a time; `lost` when the relay has ended it."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.lost = asyncio.Event()
        self.stream: asyncio.Transport | None = None

    @classmethod
    async def open(cls, relay: RunningRelay) -> TcpPeer:
        peer = cls(relay.port)
        await peer.connect_stream()
        relay.on_close(peer.close)
        return peer

    async def connect_stream(self) -> None:
        """A new connection; an older one is left as it is."""
        self.lost.clear()
        loop = asyncio.get_running_loop()
        self.stream, _ = await loop.create_connection(
            lambda: _Stream(self), *self.relay_address
        )

    @property
    def address(self) -> tuple[str, int]:
        assert self.stream is not None
        host, port = self.stream.get_extra_info("sockname")
        return host, port

    def send(self, data: bytes) -> None:
        assert self.stream is not None
        self.stream.write(frame(data))

    async def close(self) -> None:
        await self._dtls.stop()
        if self.stream is not None:
            self.stream.close()


def is_tcp(address: Address | None) -> bool:
    return address is not None and len(address) == 3


async def publish_by_tcp(relay: RunningRelay, stream: str) -> TcpPeer:
    """A publisher that sent one key frame, number 1."""
    peer = await TcpPeer.open(relay)
    relay.router.handle(accept_offer(peer, stream, peer.offer()))
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    peer.send_video(1, KEY_FRAME)
    await relay.event(control.Started, peer.session)
    return peer


async def play_by_tcp(relay: RunningRelay, stream: str) -> TcpPeer:
    """A started viewer."""
    peer = await TcpPeer.open(relay)
    relay.router.handle(control.CreateOffer(peer.session, "socket", stream, 8000))
    offered = await relay.event(control.Offered, peer.session)
    peer.remember(offered.sdp)
    relay.router.handle(control.AcceptAnswer(peer.session, peer.answer(offered.sdp)))
    await peer.connect(offered.sdp)
    await relay.event(control.Started, peer.session)
    return peer
