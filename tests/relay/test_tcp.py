"""The TCP port: who is let in, how many of them, and for how long."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from relay import tcp
from relay.tcp import TcpPort, network_of, open_listeners
from relay.tcp_framing import frame
from tests.relay.conftest import WAIT_S, open_ports
from tests.relay.test_tcp_connection import Owner
from tests.relay.test_udp import Recorder


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


class Clients:
    """Connects, and closes what a test leaves open."""

    def __init__(self, port: TcpPort) -> None:
        self.port = port
        self._open: list[socket.socket] = []

    async def connect(self) -> socket.socket:
        """A client whose connection the port has taken or refused."""
        seen = len(self.port._connections) + self.port.refused
        client = socket.create_connection(self.port.listeners[0].getsockname())
        client.setblocking(False)
        self._open.append(client)
        before = self._numbers()
        await until(
            lambda: (
                len(self.port._connections) + self.port.refused > seen
                or self._numbers() > before
            )
        )
        return client

    def _numbers(self) -> int:
        """Of the newest connection."""
        return max((c.address[2] for c in self.port._connections), default=0)

    def close(self) -> None:
        for client in self._open:
            client.close()


async def is_closed(client: socket.socket) -> bool:
    """Waits until the server ends it."""
    loop = asyncio.get_running_loop()
    try:
        return await asyncio.wait_for(loop.sock_recv(client, 1), WAIT_S) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
async def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def port(recorder: Recorder) -> AsyncIterator[TcpPort]:
    sockets, listeners = open_ports()
    opened = TcpPort(listeners, recorder)
    opened.start()
    yield opened
    opened.close()
    sockets[0].close()


@pytest.fixture
async def clients(port: TcpPort) -> AsyncIterator[Clients]:
    made = Clients(port)
    yield made
    made.close()


async def test_it_has_the_number_of_the_udp_port() -> None:
    sockets, (listener,) = open_ports()
    assert listener.getsockname() == sockets[0].sock.getsockname()
    listener.close()
    sockets[0].close()


async def test_without_its_port_there_is_udp_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sockets, listeners = open_ports()
    assert open_listeners(sockets) == []
    assert "no media over TCP at 127.0.0.1" in caplog.text
    listeners[0].close()
    sockets[0].close()


async def test_what_a_connection_brings_is_handed_on(
    clients: Clients, recorder: Recorder
) -> None:
    client = await clients.connect()
    client.sendall(frame(b"\x80packet"))
    await until(lambda: ("srtp", b"\x80packet") in recorder.calls)


async def test_garbage_does_no_harm(clients: Clients, recorder: Recorder) -> None:
    noise = Random(7)
    for size in (1, 2, 3, 100, 5000, 20000):
        client = await clients.connect()
        client.sendall(noise.randbytes(size))
        client.shutdown(socket.SHUT_WR)
        assert await is_closed(client)
    good = await clients.connect()
    good.sendall(frame(b"\x80after"))
    await until(lambda: ("srtp", b"\x80after") in recorder.calls)


async def test_addresses_differ_from_each_other_and_from_udps(
    clients: Clients, port: TcpPort
) -> None:
    for _ in range(3):
        await clients.connect()
    addresses = {connection.address for connection in port._connections}
    assert len(addresses) == 3
    assert all(len(address) == 3 for address in addresses)  # UDP: two or four parts


async def test_a_connection_without_a_check_is_closed(
    clients: Clients, port: TcpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "UNKNOWN_TIMEOUT_S", 0.02)
    client = await clients.connect()
    assert await is_closed(client)
    assert len(port._connections) == 0
    assert not port._per_network
    assert not port._unknown_per_network


async def test_a_connection_with_a_check_stays(
    clients: Clients, port: TcpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "UNKNOWN_TIMEOUT_S", 0.05)
    await clients.connect()
    (known,) = port._connections
    assert known.admit(Owner())
    other = await clients.connect()
    assert await is_closed(other)
    assert list(port._connections) == [known]
    assert not port._unknown


async def test_unknown_ones_of_a_network_give_way_to_newer_ones(
    clients: Clients, port: TcpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "MAX_UNKNOWN_PER_NETWORK", 2)
    first = await clients.connect()
    await clients.connect()
    await clients.connect()
    assert await is_closed(first)
    assert len(port._connections) == 2


async def test_unknown_ones_of_all_networks_are_bounded(
    clients: Clients, port: TcpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "MAX_UNKNOWN", 2)
    first = await clients.connect()
    for _ in range(4):
        await clients.connect()
    assert await is_closed(first)
    assert len(port._connections) == 2


@pytest.mark.parametrize("bound", ["MAX_CONNECTIONS", "MAX_PER_NETWORK"])
async def test_beyond_the_bound_newcomers_are_refused(
    clients: Clients, port: TcpPort, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(tcp, bound, 1)
    await clients.connect()
    (first,) = port._connections
    assert first.admit(Owner())
    assert await is_closed(await clients.connect())
    assert (len(port._connections), port.refused) == (1, 1)
    first.close()
    await clients.connect()
    assert (len(port._connections), port.refused) == (1, 1)


class Exhausted(socket.socket):
    """Accepts at its third attempt."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.errors: list[OSError] = [
            ConnectionAbortedError(errno.ECONNABORTED, "gone"),
            OSError(errno.EMFILE, "too many open files"),
        ]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.errors:
            raise self.errors.pop(0)
        return super().accept()


async def test_without_descriptors_it_pauses_and_goes_on(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tcp, "PAUSE_S", 0.01)
    sockets, (listener,) = open_ports()
    exhausted = Exhausted(listener.detach())
    port = TcpPort([exhausted], recorder)
    port.start()
    clients = Clients(port)
    await clients.connect()
    assert len(port._connections) == 1
    assert not port._pauses
    assert "too many open files" in caplog.text
    clients.close()
    port.close()
    sockets[0].close()


async def test_the_end_closes_everything(clients: Clients, port: TcpPort) -> None:
    address = port.listeners[0].getsockname()
    client = await clients.connect()
    port._pause(port.listeners[0], OSError(errno.EMFILE, "too many open files"))
    port.close()
    assert await is_closed(client)
    assert len(port._connections) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=WAIT_S)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_networks_are_counted_together(one: str, other: str, together: bool) -> None:
    assert (network_of(one) == network_of(other)) is together


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 4096), (4096, 4096)),
        ((1024, 1 << 20), (8192, 1 << 20)),
        ((1024, -1), (8192, -1)),
        ((1 << 20, 1 << 20), None),
        ((-1, -1), None),
    ],
)
def test_the_process_may_open_many(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    raised: tuple[int, int] | None,
) -> None:
    done: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda *a: done.append(a))
    tcp.raise_descriptor_limit()
    assert done == ([(resource.RLIMIT_NOFILE, raised)] if raised else [])
