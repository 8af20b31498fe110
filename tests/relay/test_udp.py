"""The socket: who gets which datagram, and what the kernel's refusals do."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay import udp as udp_module
from relay.ice import Address
from relay.udp import MediaSocket, UdpPort, gso_works, open_sockets, reader
from tests.relay.conftest import WAIT_S


class Recorder:
    """A receiver that writes down what it gets."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.flushed = asyncio.Event()
        self.sources: set[Address] = set()

    def receive_stun(self, sock: MediaSocket, data: bytes, source: Address) -> None:
        self._note("stun", data, source)

    def receive_dtls(self, data: bytes, source: Address) -> None:
        self._note("dtls", data, source)

    def receive_srtp(self, data: bytes, source: Address) -> None:
        self._note("srtp", data, source)

    def _note(self, kind: str, data: bytes, source: Address) -> None:
        self.calls.append((kind, data))
        self.sources.add(source)

    def flush(self) -> None:
        self.calls.append(("flush", b""))
        self.flushed.set()

    async def until_flushed(self) -> None:
        await asyncio.wait_for(self.flushed.wait(), WAIT_S)
        self.flushed.clear()


@pytest.fixture
async def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def port(recorder: Recorder) -> AsyncIterator[UdpPort]:
    opened = UdpPort(open_sockets("127.0.0.1", 0), recorder)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
async def client(port: UdpPort) -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(port.sockets[0].sock.getsockname())
        yield sock


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0, "stun"),
        (3, "stun"),
        (4, None),
        (19, None),
        (20, "dtls"),
        (63, "dtls"),
        (64, None),
        (127, None),
        (128, "srtp"),
        (191, "srtp"),
        (192, None),
        (255, None),
    ],
)
async def test_the_first_byte_tells_who_gets_a_datagram(
    client: socket.socket, recorder: Recorder, first: int, kind: str | None
) -> None:
    data = bytes((first, 1, 2))
    client.send(data)
    await recorder.until_flushed()
    assert recorder.calls == ([(kind, data)] if kind else []) + [("flush", b"")]


async def test_a_wake_up_is_flushed_once(
    client: socket.socket, recorder: Recorder
) -> None:
    for index in range(10):
        client.send(bytes((128, index)))
    await recorder.until_flushed()
    assert [kind for kind, _ in recorder.calls] == ["srtp"] * 10 + ["flush"]
    assert recorder.sources == {client.getsockname()}


async def test_an_empty_datagram_is_ignored(
    client: socket.socket, recorder: Recorder
) -> None:
    client.send(b"")
    client.send(b"\x80ok")
    await recorder.until_flushed()
    assert recorder.calls == [("srtp", b"\x80ok"), ("flush", b"")]


async def test_a_wake_up_takes_a_bounded_number(
    client: socket.socket, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_module, "RECEIVE_BATCH", 3)
    for index in range(4):
        client.send(bytes((128, index)))
    while ("srtp", bytes((128, 3))) not in recorder.calls:
        await recorder.until_flushed()
    kinds = [kind for kind, _ in recorder.calls]
    assert kinds[:5] == ["srtp"] * 3 + ["flush", "srtp"]


async def test_an_oversized_datagram_is_cut_and_does_no_harm(
    client: socket.socket, recorder: Recorder
) -> None:
    client.send(b"\x80" * 60000)
    await recorder.until_flushed()
    assert len(recorder.calls[0][1]) == udp_module.MAX_DATAGRAM


async def test_an_error_of_an_earlier_send_does_not_end_the_reading(
    recorder: Recorder,
) -> None:
    """Linux reports ICMP errors of a datagram in a later call."""

    class Failing:
        calls = 0

        def recvfrom(self, size: int) -> tuple[bytes, Address]:
            self.calls += 1
            if self.calls == 1:
                raise OSError(errno.ECONNREFUSED, "ICMP")
            if self.calls > 2:
                raise BlockingIOError
            return b"\x80after", ("192.0.2.1", 1)

        def fileno(self) -> int:
            return -1

        sendto = recvfrom

    failing = Failing()
    media_socket = MediaSocket(failing, gso=False)  # type: ignore[arg-type]
    reader(media_socket, failing.recvfrom, recorder)()
    assert recorder.calls == [("srtp", b"\x80after"), ("flush", b"")]


async def test_a_closed_port_reads_nothing() -> None:
    other = UdpPort(open_sockets("127.0.0.1", 0), Recorder())
    other.start()
    other.close()
    assert other.sockets[0].sock.fileno() == -1


def test_a_taken_port_is_an_error() -> None:
    first = open_sockets("127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            open_sockets("127.0.0.1", first[0].sock.getsockname()[1])
    finally:
        first[0].close()


def test_all_addresses_mean_both_families() -> None:
    sockets = open_sockets("0.0.0.0", 0)  # noqa: S104
    families = [media_socket.sock.family for media_socket in sockets]
    for media_socket in sockets:
        media_socket.close()
    assert families[0] == socket.AF_INET
    assert set(families[1:]) <= {socket.AF_INET6}


def test_a_machine_without_ipv6_serves_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = udp_module._bound

    def without_ipv6(
        family: socket.AddressFamily, host: str, port: int
    ) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return bound(family, host, port)

    monkeypatch.setattr(udp_module, "_bound", without_ipv6)
    (only,) = open_sockets("0.0.0.0", 0)  # noqa: S104
    only.close()


def test_without_segmentation_at_start_up_there_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(udp_module, "gso_works", lambda: False)
    (only,) = open_sockets("127.0.0.1", 0)
    only.close()
    assert not only.gso
    assert "segmentation" in caplog.text


def test_a_kernel_without_segmentation_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(udp_module, "UDP_SEGMENT", 9999)
    assert not gso_works()


class RefusedBatch:
    """A batch that the kernel does not take."""

    def __init__(self, error: int) -> None:
        self._error = error

    def send(self, descriptor: int, first: int, count: int) -> int:
        raise OSError(self._error, "refused")


@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EPERM, errno.ENETUNREACH])
def test_a_refused_send_is_counted(error: int) -> None:
    class Refusing:
        def sendto(self, *args: object) -> int:
            raise OSError(error, "refused")

        def fileno(self) -> int:
            return -1

    media_socket = MediaSocket(Refusing(), gso=True)  # type: ignore[arg-type]
    assert media_socket.send(b"x", ("127.0.0.1", 9)) is False
    batch: Any = RefusedBatch(error)
    assert media_socket.send_batch(batch, 0, 1) == 0
    assert media_socket.blocked == 2


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EIO, errno.EMSGSIZE])
def test_a_path_that_cannot_segment_is_told_from_a_blocked_one(error: int) -> None:
    (only,) = open_sockets("127.0.0.1", 0)
    before = only.gso
    batch: Any = RefusedBatch(error)
    assert only.send_batch(batch, 0, 1) is None
    only.close()
    assert (only.gso, only.blocked) == (before, 0)


def test_a_peer_at_port_zero_cannot_end_segmentation() -> None:
    (only,) = open_sockets("127.0.0.1", 0)
    before = only.gso
    assert only.send(b"x", ("127.0.0.1", 0)) is False
    only.close()
    assert only.gso is before
