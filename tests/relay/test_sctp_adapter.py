"""The SCTP association with aiortc's own at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport
from aiortc.rtcsctptransport import (
    AbortChunk,
    DataChunk,
    RTCSctpCapabilities,
    SackChunk,
)

from relay.data_sdp import MAX_MESSAGE_BYTES
from relay.sctp_adapter import (
    MAX_CHUNK_BYTES,
    MAX_UNSENT_CHUNKS,
    WINDOW_BYTES,
    Association,
)
from tests.relay.conftest import WAIT_S
from tests.relay.sctp_packets import chunks, init, packet

Heard = list[tuple[int, bytes | None, bool]]


class ClientDtls:
    """The DTLS transport of aiortc's end."""

    state = "connected"
    _role = "client"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send

    def _register_data_receiver(self, receiver: object) -> None: ...
    def _unregister_data_receiver(self, receiver: object) -> None: ...

    async def _send_data(self, packet: bytes) -> None:
        self.send(packet)


class Pair:
    """An association of ours and one of aiortc's, joined without a network.

    `lose` says which packets to the client never arrive.
    """

    def __init__(self) -> None:
        self.heard: Heard = []
        self.to_client: list[bytes] = []
        self.lose: Callable[[bytes], bool] = lambda packet: False
        self._packets: asyncio.Queue[tuple[bool, bytes]] = asyncio.Queue()
        self.server = Association(self._from_server, self._hear)
        dtls = ClientDtls(lambda packet: self._packets.put_nowait((True, packet)))
        self.client: Any = RTCSctpTransport(cast(Any, dtls))
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._carry())

    def _hear(self, stream_id: int, message: bytes | None, is_text: bool) -> None:
        self.heard.append((stream_id, message, is_text))

    def _from_server(self, sent: bytes) -> None:
        self.to_client.append(sent)
        if not self.lose(sent):
            self._packets.put_nowait((False, sent))

    async def _carry(self) -> None:
        while True:
            to_server, sent = await self._packets.get()
            if to_server:
                assert self.server.receive(sent)
            else:
                await self.client._handle_data(sent)
            self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def connect(self) -> None:
        self.server.begin(5000, MAX_MESSAGE_BYTES)
        await self.client.start(RTCSctpCapabilities(MAX_MESSAGE_BYTES), 5000)
        await self.until(lambda: self.client.state == self.server.state == "connected")

    def open_from_client(self, label: str = "x", **options: Any) -> RTCDataChannel:
        parameters = RTCDataChannelParameters(label=label, **options)
        return RTCDataChannel(self.client, parameters)

    async def close(self) -> None:
        self.server.close()
        await self.client.stop()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.connect()
    yield made
    await made.close()


async def server_channel(pair: Pair) -> tuple[RTCDataChannel, list[str | bytes]]:
    """A channel of the server's, and what the client gets on it."""
    got: list[str | bytes] = []
    pair.client.on("datachannel", lambda theirs: theirs.on("message", got.append))
    channel = pair.server.open_channel("label")
    await pair.until(lambda: channel.readyState == "open")
    return channel, got


async def client_channel(pair: Pair) -> RTCDataChannel:
    channel = pair.open_from_client()
    await pair.until(lambda: channel.readyState == "open")
    return channel


async def test_our_channel_has_an_odd_id_and_theirs_an_even_one(pair: Pair) -> None:
    ours, _ = await server_channel(pair)
    theirs = await client_channel(pair)
    assert (ours.id, theirs.id) == (1, 0)
    assert pair.heard == [(1, None, False), (0, None, False)]


async def test_messages_keep_their_kind_and_order(pair: Pair) -> None:
    channel, got = await server_channel(pair)
    theirs = await client_channel(pair)
    messages: list[str | bytes] = ["a", b"b", "", b"", "ü", bytes(MAX_MESSAGE_BYTES)]
    for message in messages:
        is_text = isinstance(message, str)
        raw = message.encode() if isinstance(message, str) else message
        assert pair.server.send(channel, raw, is_text=is_text)
        theirs.send(message)
    await pair.until(lambda: len(got) == 6 and len(pair.heard) == 8)
    assert got == messages
    assert [
        raw.decode() if is_text else raw
        for _, raw, is_text in pair.heard
        if raw is not None
    ] == messages


async def test_messages_that_are_due_at_once_share_packets(pair: Pair) -> None:
    channel, got = await server_channel(pair)
    pair.to_client.clear()
    for number in range(20):
        pair.server.send(channel, b"%d" % number, is_text=True)
    await pair.until(lambda: len(got) == 20)
    with_data = [p for p in pair.to_client if chunks(p, DataChunk)]
    assert len(with_data) == 1
    assert all(len(p) <= MAX_CHUNK_BYTES + 12 for p in pair.to_client)


async def test_what_is_lost_on_the_way_is_sent_again(pair: Pair) -> None:
    channel, got = await server_channel(pair)
    dropped: list[bytes] = []

    def lose(sent: bytes) -> bool:
        fresh = bool(chunks(sent, DataChunk)) and len(dropped) < 2
        dropped.extend([sent] * fresh)
        return fresh

    pair.lose = lose
    messages = [b"%d" % number * 800 for number in range(10)]
    for message in messages:
        pair.server.send(channel, message, is_text=False)
    await pair.until(lambda: len(got) == 10)
    assert got == messages
    assert len(dropped) == 2


async def test_a_closed_channel_of_the_peer_can_be_opened_anew(pair: Pair) -> None:
    theirs = await client_channel(pair)
    theirs.close()
    await pair.until(lambda: theirs.readyState == "closed")
    again = await client_channel(pair)
    again.send("back")
    await pair.until(lambda: (0, b"back", True) in pair.heard)


async def test_a_message_the_peer_cannot_take_is_refused(pair: Pair) -> None:
    channel, _ = await server_channel(pair)
    assert not pair.server.send(channel, bytes(MAX_MESSAGE_BYTES + 1), is_text=False)


async def test_messages_are_refused_when_too_many_wait(pair: Pair) -> None:
    channel, _ = await server_channel(pair)
    pair.lose = lambda sent: True
    sent = sum(
        pair.server.send(channel, b"x", is_text=True)
        for _ in range(MAX_UNSENT_CHUNKS + 10)
    )
    assert sent == MAX_UNSENT_CHUNKS


async def test_the_peers_window_bounds_what_is_on_its_way(pair: Pair) -> None:
    channel, got = await server_channel(pair)
    pair.client._advertised_rwnd = 1500
    for _ in range(40):
        pair.server.send(channel, bytes(1000), is_text=False)
    await pair.until(lambda: len(got) == 40)
    assert pair.server._cwnd <= 1500


async def test_a_closed_window_stops_the_peer_and_opening_it_lets_it_go_on(
    pair: Pair,
) -> None:
    theirs = await client_channel(pair)
    theirs.send("first")
    pair.server.close_window()
    await pair.until(lambda: (0, b"first", True) in pair.heard)
    pair.to_client.clear()
    theirs.send("second")
    await pair.until(lambda: (0, b"second", True) in pair.heard)
    await pair.until(lambda: [s for p in pair.to_client for s in chunks(p, SackChunk)])
    (told,) = chunks(pair.to_client[-1], SackChunk)
    assert told.advertised_rwnd == 0
    pair.server.open_window()
    await asyncio.sleep(0)
    (told,) = chunks(pair.to_client[-1], SackChunk)
    assert told.advertised_rwnd == WINDOW_BYTES


async def test_a_deaf_one_gets_everything_after_all(pair: Pair) -> None:
    theirs = await client_channel(pair)
    pair.server.is_deaf = True
    theirs.send("later")
    await pair.until(lambda: pair.to_client)
    assert len(pair.heard) == 1
    pair.server.open_window()
    await pair.until(lambda: (0, b"later", True) in pair.heard)


async def test_closing_tells_the_peer_and_is_idempotent(pair: Pair) -> None:
    theirs = await client_channel(pair)
    pair.server.close()
    pair.server.close()
    await pair.until(lambda: pair.client.state == "closed")
    assert theirs.readyState == "closed"
    assert sum(bool(chunks(p, AbortChunk)) for p in pair.to_client) == 1
    assert pair.server.receive(packet(init()))
