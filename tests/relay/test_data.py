"""One peer's data channels: which is used, what is lost, who has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities, SackChunk, parse_packet

from relay.aiortc_adapter import DtlsServer
from relay.data import (
    BURST_PACKETS,
    DEAF_AFTER_S,
    MAX_BUFFERED_BYTES,
    PACKET_BYTES,
    PACKETS_PER_S,
    DataSession,
    Payload,
)
from relay.data_sdp import MAX_MESSAGE_BYTES, DataAgreement
from tests.relay.conftest import WAIT_S, Clock
from tests.relay.test_sctp_adapter import ClientDtls


class Wire:
    """The session's DTLS server. While `cut` nothing reaches the client."""

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], object] | None = None
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.windows: list[int] = []
        self.cut = False
        self.changed = asyncio.Event()

    def send_data(self, packet: bytes) -> None:
        for chunk in parse_packet(packet)[3]:
            if isinstance(chunk, SackChunk):
                self.windows.append(chunk.advertised_rwnd)
                self.changed.set()
        if not self.cut:
            self.sent.put_nowait(packet)


class Ends:
    """A session and aiortc's client, joined without a network."""

    def __init__(self, label: str) -> None:
        self.clock = Clock()
        self.heard: list[Payload] = []
        self.opened = 0
        self.malformed = 0
        self.lost = 0
        self.receivers = 0  # of each message
        self.got: list[str | bytes] = []
        self.wire = Wire()
        self.session = DataSession(
            cast(DtlsServer, self.wire),
            DataAgreement("0", 5000, MAX_MESSAGE_BYTES),
            label,
            clock=self.clock,
            on_message=self._hear,
            on_open=self._open,
            on_malformed=self._count,
            on_lost=self._lose,
        )
        self.client: Any = RTCSctpTransport(cast(Any, ClientDtls(self._to_server)))
        self.client.on("datachannel", lambda c: c.on("message", self.got.append))
        self._changed = self.wire.changed
        self._task = asyncio.create_task(self._carry())

    def _to_server(self, packet: bytes) -> None:
        assert self.wire.on_data is not None
        asyncio.get_running_loop().call_soon(self.wire.on_data, packet)
        self._changed.set()

    async def _carry(self) -> None:
        while True:
            await self.client._handle_data(await self.wire.sent.get())
            self._changed.set()

    def _hear(self, payload: Payload) -> int:
        self.heard.append(payload)
        self._changed.set()
        return self.receivers

    def _open(self) -> None:
        self.opened += 1
        self._changed.set()

    def _lose(self) -> None:
        self.lost += 1

    def _count(self) -> None:
        self.malformed += 1
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
                await asyncio.sleep(0)

    async def connect(self) -> None:
        self.session.start()
        await self.client.start(RTCSctpCapabilities(MAX_MESSAGE_BYTES), 5000)
        await self.until(lambda: self.client.state == "connected")

    async def open_from_client(self) -> RTCDataChannel:
        channel = RTCDataChannel(self.client, RTCDataChannelParameters(label="x"))
        channel.on("message", self.got.append)
        await self.until(lambda: channel.readyState == "open")
        return channel

    async def close(self) -> None:
        self.session.close()
        await self.client.stop()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def viewer() -> AsyncIterator[Ends]:
    """The server opens the channel."""
    made = Ends("label")
    await made.connect()
    await made.until(lambda: made.session.is_open)
    yield made
    await made.close()


@pytest.fixture
async def publisher() -> AsyncIterator[Ends]:
    """The client opens the channel, if any."""
    made = Ends("")
    await made.connect()
    yield made
    await made.close()


# -- channels -----------------------------------------------------------------


async def test_without_a_channel_nothing_is_sent_and_nothing_counted(
    publisher: Ends,
) -> None:
    assert not publisher.session.is_open
    assert not publisher.session.send_text("x")
    assert publisher.session.lost_messages == 0


async def test_a_publisher_is_answered_on_its_own_channel(publisher: Ends) -> None:
    await publisher.open_from_client()
    assert publisher.session.send_text("text")
    assert publisher.session.send_binary(b"binary")
    await publisher.until(lambda: len(publisher.got) == 2)
    assert publisher.got == ["text", b"binary"]


async def test_with_two_channels_both_are_heard_and_one_is_used(viewer: Ends) -> None:
    theirs = await viewer.open_from_client()
    theirs.send("on the second")
    await viewer.until(lambda: viewer.heard)
    assert viewer.heard == [Payload(b"on the second", is_text=True)]
    viewer.session.send_text("once")
    viewer.session.send_text("after")
    await viewer.until(lambda: "after" in viewer.got)
    assert viewer.got == ["once", "after"]
    assert viewer.opened == 1


async def test_when_ours_is_closed_theirs_is_used(viewer: Ends) -> None:
    theirs = await viewer.open_from_client()
    (ours,) = [c for c in viewer.client._data_channels.values() if c is not theirs]
    ours.close()
    await viewer.until(lambda: ours.readyState == "closed")
    assert viewer.session.send_text("on theirs")
    await viewer.until(lambda: viewer.got == ["on theirs"])


async def test_text_that_is_no_text_is_not_passed_on(publisher: Ends) -> None:
    theirs = await publisher.open_from_client()
    publisher.client._data_channel_queue.append((theirs, 51, b"\xff\xfe"))
    theirs.send("good")
    await publisher.until(lambda: publisher.heard)
    assert publisher.heard == [Payload(b"good", is_text=True)]
    assert publisher.malformed == 1


async def test_a_message_over_the_announced_size_is_not_passed_on(
    publisher: Ends,
) -> None:
    publisher.client._remote_max_message_size = 0
    theirs = await publisher.open_from_client()
    theirs.send(bytes(MAX_MESSAGE_BYTES + 1))
    theirs.send(bytes(MAX_MESSAGE_BYTES))
    await publisher.until(lambda: publisher.heard)
    assert [len(payload.data) for payload in publisher.heard] == [MAX_MESSAGE_BYTES]


async def test_garbage_is_counted(publisher: Ends) -> None:
    assert publisher.wire.on_data is not None
    publisher.wire.on_data(b"garbage that is long enough")
    assert publisher.malformed == 1


# -- a slow reader ------------------------------------------------------------


async def test_a_reader_that_takes_nothing_loses_whole_messages(viewer: Ends) -> None:
    viewer.wire.cut = True
    size = 100_000
    sent = [viewer.session.send_binary(bytes([n]) * size) for n in range(20)]
    taken = sent.index(False)
    assert sent == [True] * taken + [False] * (20 - taken)
    assert MAX_BUFFERED_BYTES <= (taken + 1) * size <= MAX_BUFFERED_BYTES + 2 * size
    assert viewer.session.lost_messages == viewer.lost == 20 - taken
    viewer.wire.cut = False
    await viewer.until(lambda: len(viewer.got) == taken)
    assert viewer.got == [bytes([n]) * size for n in range(taken)]


async def test_one_message_goes_to_an_idle_reader_whatever_its_size(
    viewer: Ends,
) -> None:
    assert viewer.session.send_binary(bytes(MAX_MESSAGE_BYTES))


# -- a fast sender ------------------------------------------------------------


def test_a_message_costs_the_packets_it_takes() -> None:
    assert Payload(b"", is_text=True).packets == 1
    assert Payload(bytes(3 * PACKET_BYTES - 1), is_text=True).packets == 3


async def test_the_window_of_a_fast_sender_closes_until_it_may_go_on(
    publisher: Ends,
) -> None:
    theirs = await publisher.open_from_client()
    publisher.receivers = BURST_PACKETS + PACKETS_PER_S // 10
    theirs.send("dear")
    await publisher.until(lambda: publisher.wire.windows[-1:] == [0])
    assert publisher.session.pauses == 1
    publisher.clock.now += 1.0
    await publisher.until(lambda: publisher.wire.windows[-1])
    theirs.send("again")
    await publisher.until(lambda: len(publisher.heard) == 2)


async def test_one_that_goes_on_all_the_same_is_not_heard_until_it_may(
    publisher: Ends,
) -> None:
    theirs = await publisher.open_from_client()
    debt = int(PACKETS_PER_S * DEAF_AFTER_S)
    publisher.receivers = BURST_PACKETS + debt
    theirs.send("dear")
    await publisher.until(lambda: publisher.heard)
    publisher.receivers = 0
    theirs.send("more")  # aiortc's sender minds no window
    await publisher.until(lambda: publisher.client._sent_queue)
    assert len(publisher.heard) == 1
    publisher.clock.now += 10.0
    await publisher.until(lambda: len(publisher.heard) == 2)


async def test_closing_forgets_the_pause(publisher: Ends) -> None:
    theirs = await publisher.open_from_client()
    publisher.receivers = 10 * BURST_PACKETS
    theirs.send("dear")
    await publisher.until(lambda: publisher.session.pauses)
    publisher.session.close()
    publisher.session.close()
    assert publisher.session._pause is None
    assert not publisher.session.is_open
