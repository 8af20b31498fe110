"""One TCP connection: what it reads, what it drops, and when it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from relay import tcp_connection, udp
from relay.ice import Address
from relay.tcp_connection import MAX_UNSENT_BYTES, TcpConnection
from relay.tcp_framing import Framer, frame
from relay.udp import MAX_DATAGRAM
from tests.relay.conftest import WAIT_S
from tests.relay.test_udp import Recorder

REMOTE = ("192.0.2.7", 4000)
PACKET = bytes(1200)


class Owner:
    """A peer, as far as a connection knows one."""

    def __init__(self) -> None:
        self.lost: list[Address] = []

    def lose_address(self, address: Address) -> None:
        self.lost.append(address)


@dataclass
class Ends:
    """A connection, the client's end of it, and what it told."""

    connection: TcpConnection
    client: socket.socket
    recorder: Recorder
    admitted: list[TcpConnection] = field(default_factory=list)
    ended: list[TcpConnection] = field(default_factory=list)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.001)

    async def read(self, count: int) -> list[bytes]:
        """The next `count` packets that the client gets."""
        loop = asyncio.get_running_loop()
        framer, found = Framer(65535), list[bytes]()
        async with asyncio.timeout(WAIT_S):
            while len(found) < count:
                framer.feed(await loop.sock_recv(self.client, 65536))
                while (packet := framer.next_packet()) is not None:
                    found.append(packet)
        return found

    def fill(self) -> int:
        """How many packets were taken until one was refused."""
        taken = 0
        while self.connection.send(PACKET, self.connection.address):
            taken += 1
        return taken


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    recorder = Recorder()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    client.setblocking(False)
    admitted: list[TcpConnection] = []
    ended: list[TcpConnection] = []
    connection = TcpConnection(
        accepted,
        REMOTE,
        7,
        receiver=recorder,
        on_admitted=admitted.append,
        on_end=ended.append,
    )
    yield Ends(connection, client, recorder, admitted, ended)
    connection.close()
    client.close()


def received(ends: Ends) -> list[bytes]:
    return [data for kind, data in ends.recorder.calls if kind != "flush"]


# -- reading ------------------------------------------------------------------


async def test_packets_go_where_their_first_byte_says(ends: Ends) -> None:
    packets = [b"\x00stun", b"\x16dtls", b"\x80rtp", b"\x40unknown", b""]
    ends.client.sendall(b"".join(map(frame, packets)) + frame(b"\x81last"))
    await ends.until(lambda: b"\x81last" in received(ends))
    kinds = [kind for kind, _ in ends.recorder.calls if kind != "flush"]
    assert kinds == ["stun", "dtls", "srtp", "srtp"]
    assert ends.recorder.calls[-1] == ("flush", b"")
    assert ends.recorder.sources == {(*REMOTE, 7)}


async def test_a_packet_in_pieces_waits_for_the_rest(ends: Ends) -> None:
    whole = frame(b"\x80" + bytes(500))
    ends.client.sendall(whole[:1])
    await ends.recorder.until_flushed()
    ends.client.sendall(whole[1:300])
    await ends.recorder.until_flushed()
    assert received(ends) == []
    ends.client.sendall(whole[300:])
    await ends.until(lambda: received(ends))
    assert received(ends) == [whole[2:]]


async def test_more_packets_than_a_wake_ups_share_all_arrive(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "RECEIVE_BATCH", 3)
    ends.client.sendall(b"".join(frame(bytes((128, n))) for n in range(10)))
    await ends.until(lambda: len(received(ends)) == 10)
    flushes = [kind for kind, _ in ends.recorder.calls if kind == "flush"]
    assert len(flushes) >= 4


async def test_a_frame_that_is_too_long_ends_the_connection(ends: Ends) -> None:
    ends.client.sendall(frame(b"\x80ok") + (MAX_DATAGRAM + 1).to_bytes(2))
    await ends.until(lambda: ends.connection.closed)
    assert received(ends) == [b"\x80ok"]
    assert ends.ended == [ends.connection]


@pytest.mark.parametrize("reset", [False, True])
async def test_its_end_is_noticed_and_its_peer_told(ends: Ends, reset: bool) -> None:
    owner = Owner()
    assert ends.connection.admit(owner)
    if reset:
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        ends.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    ends.client.close()
    await ends.until(lambda: ends.connection.closed)
    assert owner.lost == [ends.connection.address]
    assert ends.ended == [ends.connection]
    assert ends.connection.sock.fileno() == -1


# -- sending ------------------------------------------------------------------


async def test_packets_are_framed(ends: Ends) -> None:
    assert ends.connection.send(b"one", ends.connection.address)
    assert ends.connection.send(memoryview(b"second")[:3], ends.connection.address)
    assert await ends.read(2) == [b"one", b"sec"]


async def test_a_slow_reader_loses_whole_packets_and_none_in_part(ends: Ends) -> None:
    taken = ends.fill()
    assert len(ends.connection._unsent) <= MAX_UNSENT_BYTES + 2
    assert ends.connection.blocked == 1
    assert not ends.connection.send(PACKET, ends.connection.address)
    assert ends.connection.blocked == 2
    assert await ends.read(taken) == [PACKET] * taken
    await ends.until(lambda: not ends.connection._unsent)
    assert ends.connection.send(b"after", ends.connection.address)
    assert await ends.read(1) == [b"after"]


async def test_the_order_is_kept_while_packets_wait(ends: Ends) -> None:
    taken = ends.fill()
    assert ends.connection.send(b"short", ends.connection.address)
    assert (await ends.read(taken + 1))[-1] == b"short"


async def test_a_batch_is_left_to_the_caller(ends: Ends) -> None:
    batch: Any = None
    assert ends.connection.send_batch(batch, 0, 1) is None
    assert ends.connection.gso is False
    ends.connection.set_segment(1200)
    assert ends.connection.send(b"whole", ends.connection.address)
    assert await ends.read(1) == [b"whole"]


async def test_a_send_after_the_clients_reset_raises_nothing(ends: Ends) -> None:
    ends.client.close()
    for _ in range(100):
        ends.connection.send(PACKET, ends.connection.address)
        await asyncio.sleep(0)
    await ends.until(lambda: ends.connection.closed)
    assert not ends.connection.send(PACKET, ends.connection.address)
    assert ends.connection.blocked >= 1


async def test_nothing_waits_any_more_after_the_end(ends: Ends) -> None:
    ends.fill()
    ends.connection.close()
    assert not ends.connection._unsent
    with suppress(OSError):  # what the kernel had is still sent
        await asyncio.get_running_loop().sock_recv(ends.client, 1)
    ends.connection._writable()  # a wake-up that was under way
    ends.connection._readable()
    assert ends.ended == [ends.connection]


# -- whose it is --------------------------------------------------------------


async def test_it_belongs_to_the_first_peer(ends: Ends) -> None:
    first, second = Owner(), Owner()
    assert ends.connection.admit(first)
    assert ends.connection.admit(first)
    assert not ends.connection.admit(second)
    assert ends.admitted == [ends.connection]
    ends.connection.close()
    assert second.lost == []


async def test_an_ended_one_belongs_to_nobody(ends: Ends) -> None:
    ends.connection.close()
    assert not ends.connection.admit(Owner())
    assert ends.admitted == []


async def test_its_peers_end_ends_it(ends: Ends) -> None:
    ends.connection.release()
    loop = asyncio.get_running_loop()
    assert await asyncio.wait_for(loop.sock_recv(ends.client, 1), WAIT_S) == b""


def test_the_kernels_buffer_is_bounded_too() -> None:
    assert tcp_connection.SEND_BUFFER_BYTES + MAX_UNSENT_BYTES < 512 * 1024
