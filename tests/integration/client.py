"""A client of the wire protocol: one WebSocket, and a peer connection per stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.media import Pictures, new_peer
from tests.server_process import ServerProcess

WAIT_S = 20  # for what must come; long, for the machine may be busy

Body = dict[str, Any]

# Of viewers, at moments that no command of theirs decides.
UNASKED = ("resolutionChangeInfo", "bitrateMeasurement")

NOT_THERE = {  # no_stream_exist has these besides its streamId
    "error_code": "404",
    "information": "stream_not_exist_or_not_streaming",
}


def candidates_of(sdp: str) -> list[str]:
    """Each of the description's candidates once, in its order."""
    lines = [line.removeprefix("a=") for line in sdp.splitlines()]
    return list(dict.fromkeys(x for x in lines if x.startswith("candidate:")))


class Client:
    """Speaks as a page does. Messages are taken one by one, in their order.

    Those that tell a viewer of its quality are kept in `told_of_quality` instead.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.peers: list[RTCPeerConnection] = []
        self.told_of_quality: list[Body] = []
        # Told of each new peer once it has its sockets, before it sends anything.
        self.on_peer: Callable[[RTCPeerConnection], object] = lambda peer: None

    @classmethod
    async def open(cls, url: str, user_agent: str | None = None) -> Self:
        socket = await connect(
            url,
            user_agent_header=user_agent,
            compression=None,
            ping_interval=None,
            proxy=None,
            max_size=None,
            max_queue=None,
        )
        return cls(socket)

    async def close(self) -> None:
        """The socket and all peers are gone."""
        await self.socket.close()
        for peer in self.peers:
            await peer.close()

    def drop(self) -> None:
        """The network takes the socket away: no closing handshake."""
        self.socket.transport.abort()

    # -- messages -------------------------------------------------------------

    async def send(
        self, command: str, stream_id: str | None = None, **fields: Any
    ) -> None:
        body = {"command": command, **fields}
        if stream_id is not None:
            body["streamId"] = stream_id
        await self.socket.send(json.dumps(body))

    async def receive(self) -> Body:
        """The next message."""
        async with asyncio.timeout(WAIT_S):
            while True:
                text = await self.socket.recv()
                assert isinstance(text, str)
                body: Body = json.loads(text)
                if body.get("definition") not in UNASKED:
                    return body
                self.told_of_quality.append(body)

    async def hear_of_quality(self, definition: str, **fields: Any) -> Body:
        """The first of those kept, or to come, that says this; earlier ones are gone.

        Nothing else comes meanwhile.
        """
        async with asyncio.timeout(WAIT_S):
            while True:
                while self.told_of_quality:
                    body = self.told_of_quality.pop(0)
                    if {"definition": definition, **fields}.items() <= body.items():
                        return body
                await self.expect_nothing()
                await asyncio.sleep(0.05)

    async def expect(
        self, command: str, stream_id: str | None = None, **fields: Any
    ) -> None:
        """The next message is this one, with no other field."""
        expected = {"command": command, **fields}
        if stream_id is not None:
            expected["streamId"] = stream_id
        received = await self.receive()
        assert received == expected, f"got {received}, not {expected}"

    async def expect_error(
        self, definition: str, stream_id: str | None = None, **fields: Any
    ) -> None:
        await self.expect("error", stream_id, definition=definition, **fields)

    async def expect_notification(
        self, definition: str, stream_id: str | None = None, **fields: Any
    ) -> None:
        await self.expect("notification", stream_id, definition=definition, **fields)

    async def expect_nothing(self) -> None:
        """Nothing was sent: commands are answered in order, and a ping is next."""
        await self.send("ping")
        await self.expect("pong")

    async def expect_no_socket(self) -> int:
        """The server ends the socket; its close code."""
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    await self.socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    # -- negotiation ----------------------------------------------------------

    async def send_offer(
        self, stream_id: str, tracks: Sequence[MediaStreamTrack] | None = None
    ) -> RTCPeerConnection:
        """A peer whose offer of `tracks` (audio and video) is on its way."""
        peer = self._new_peer()
        for track in tracks or (AudioStreamTrack(), Pictures()):
            peer.addTrack(track)
        await peer.setLocalDescription(await peer.createOffer())
        self.on_peer(peer)
        await self.send_description(stream_id, peer)
        return peer

    async def send_description(self, stream_id: str, peer: RTCPeerConnection) -> None:
        local = peer.localDescription
        await self.send("takeConfiguration", stream_id, type=local.type, sdp=local.sdp)

    async def take_description(self, stream_id: str, kind: str) -> Body:
        """The server's description, which came as one message and its candidates."""
        body = await self.receive()
        assert body["command"] == "takeConfiguration", body
        assert (body["streamId"], body["type"]) == (stream_id, kind)
        for line in candidates_of(body["sdp"]):
            candidate = await self.receive()
            assert candidate["command"] == "takeCandidate", candidate
            assert (candidate["streamId"], candidate["candidate"]) == (stream_id, line)
        return body

    async def negotiate_publish(
        self, stream_id: str, tracks: Sequence[MediaStreamTrack] | None = None
    ) -> RTCPeerConnection:
        """Offer and answer are exchanged; what follows is not read yet."""
        peer = await self.send_offer(stream_id, tracks)
        answer = await self.take_description(stream_id, "answer")
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        return peer

    async def publish(
        self,
        stream_id: str,
        tracks: Sequence[MediaStreamTrack] | None = None,
        *,
        restored: bool = False,
        **fields: Any,
    ) -> RTCPeerConnection:
        """The stream is live."""
        await self.send("publish", stream_id, **fields)
        await self.expect("start", stream_id, subscriberId="")
        peer = await self.negotiate_publish(stream_id, tracks)
        if restored:
            await self.expect_notification("session_restored", stream_id)
        else:
            room = fields.get("mainTrack")
            of_room = {"room": room, "ATTR_ROOM_NAME": room} if room else {}
            await self.expect_notification(
                "publish_started", stream_id, subscriberId="", **of_room
            )
        return peer

    async def answer(self, stream_id: str, sdp: str) -> RTCPeerConnection:
        """A viewer's peer for the offer `sdp`, its answer on its way."""
        peer = self._new_peer()
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        await self.send_description(stream_id, peer)
        return peer

    async def play(self, stream_id: str, **fields: Any) -> RTCPeerConnection:
        """The stream plays here."""
        await self.send("play", stream_id, **fields)
        offer = await self.take_description(stream_id, "offer")
        peer = await self.answer(stream_id, offer["sdp"])
        await self.expect_notification("play_started", stream_id, subscriberId="")
        return peer

    async def loop_back(self, stream_id: str) -> RTCPeerConnection:
        """A live stream that its own socket plays: the viewer's peer."""
        await self.publish(stream_id)
        return await self.play(stream_id)

    async def stop_publishing(self, stream_id: str) -> None:
        """The peer goes first, as with the SDK."""
        await self.send("stop", stream_id)
        await self.expect_notification("publish_finished", stream_id, subscriberId="")

    def _new_peer(self) -> RTCPeerConnection:
        peer = new_peer()
        self.peers.append(peer)
        return peer


class Clients:
    """Opens clients, and closes what a test leaves open."""

    def __init__(self) -> None:
        self._open: list[Client] = []

    async def open(
        self,
        server: ServerProcess,
        application: str = "LiveApp",
        user_agent: str | None = None,
    ) -> Client:
        return await self.open_url(server.websocket_url(application), user_agent)

    async def open_url(self, url: str, user_agent: str | None = None) -> Client:
        client = await Client.open(url, user_agent)
        self._open.append(client)
        return client

    async def publish_when_free(self, server: ServerProcess, stream_id: str) -> Client:
        """A socket that was just allowed to publish: `start` was its answer."""
        return await self._publish_past(server, stream_id, {"streamIdInUse"})

    async def publish_when_stored(
        self, server: ServerProcess, stream_id: str
    ) -> Client:
        """As above, while the database comes back."""
        passing = {"streamIdInUse", "data_store_not_available"}
        return await self._publish_past(server, stream_id, passing)

    async def _publish_past(
        self, server: ServerProcess, stream_id: str, passing: set[str]
    ) -> Client:
        client = await self.open(server)
        async with asyncio.timeout(WAIT_S):
            while True:
                await client.send("publish", stream_id)
                answer = await client.receive()
                if answer["command"] == "start":
                    return client
                assert answer["definition"] in passing, answer
                await asyncio.sleep(0.05)

    async def settle(self, server: ServerProcess, application: str = "LiveApp") -> None:
        """What relay and server had to say about earlier commands has been said.

        One relay handles its commands in order, and so do its events.
        """
        probe = await self.open(server, application)
        stream_id = f"probe-{id(probe)}"
        await probe.send("publish", stream_id)
        await probe.expect("start", stream_id, subscriberId="")
        await probe.send("takeConfiguration", stream_id, type="offer", sdp="no SDP")
        await probe.expect_error("notSetRemoteDescription", stream_id, subscriberId="")

    async def close(self) -> None:
        for client in self._open:
            await client.close()
