"""The relay process with real sockets: an echo stands for the server."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from tests.impairment import LISTEN, OUTAGE, Conditions, Network

WAIT_S = 20.0


class Echo:
    """Sends everything back, and remembers from where it came."""

    def __init__(self) -> None:
        self.sock = udp("127.0.0.1")
        self.port: int = self.sock.getsockname()[1]
        self.sources: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            data, source = self.sock.recvfrom(2048)
            if data == b"end":
                return
            self.sources.append(source)
            self.sock.sendto(data, source)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.sock.settimeout(None)
        self._thread.start()
        try:
            yield
        finally:
            with udp("127.0.0.1") as last:
                last.sendto(b"end", ("127.0.0.1", self.port))
            self._thread.join()
            self.sock.close()


class Peer:
    """A client of the network."""

    def __init__(self, port: int) -> None:
        self.sock = udp("127.0.0.1")
        self._to = (LISTEN, port)

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self._to)

    def receive(self) -> bytes:
        data, source = self.sock.recvfrom(2048)
        assert source == self._to
        return data

    def echoed(self, data: bytes) -> bytes:
        self.send(data)
        return self.receive()

    def heard_nothing(self) -> bool:
        """Nothing is waiting; ask only after something later has been answered."""
        self.sock.setblocking(False)
        try:
            self.sock.recv(2048)
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(WAIT_S)
        return False

    def close(self) -> None:
        self.sock.close()


def udp(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.settimeout(WAIT_S)
    return sock


def check(ufrag: str, padding: int = 3) -> bytes:
    """A STUN binding request with the USERNAME of `ufrag`, after another attribute."""
    other = b"\x80\x22" + padding.to_bytes(2) + bytes(padding + -padding % 4)
    name = f"{ufrag}:theirs".encode()
    username = b"\x00\x06" + len(name).to_bytes(2) + name + bytes(-len(name) % 4)
    body = other + username
    return b"\x00\x01" + len(body).to_bytes(2) + bytes(16) + body


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    with echo.running():
        yield echo


@pytest.fixture
def network(echo: Echo) -> Iterator[Network]:
    with Network.started(echo.port) as network:
        yield network


@pytest.fixture
def peers(echo: Echo) -> Iterator[list[Peer]]:
    peers = [Peer(echo.port), Peer(echo.port)]
    with closing(peers[0]), closing(peers[1]):
        yield peers


def test_packets_pass_both_ways_each_client_by_a_socket_of_its_own(
    network: Network, echo: Echo, peers: list[Peer]
) -> None:
    for number, peer in enumerate(peers):
        request = check(f"u{number}")
        assert peer.echoed(request) == request
        assert peer.echoed(b"\x80 media") == b"\x80 media"
    first, second = echo.sources[:2], echo.sources[2:]
    assert first[0] == first[1] != second[0] == second[1]
    assert [c.outside for c in network.clients()] == [first[0], second[0]]


def test_nothing_passes_before_a_check(network: Network, peers: list[Peer]) -> None:
    peers[0].send(b"\x80 media")
    assert peers[0].echoed(check("u")) == check("u")
    assert peers[0].heard_nothing()


def test_clients_are_told_apart_by_the_ufrag_of_their_checks(
    network: Network, peers: list[Peer]
) -> None:
    network.newcomers("publisher")
    peers[0].echoed(check("first"))
    network.newcomers("viewer")
    peers[1].echoed(check("second", padding=8))
    peers[0].echoed(check("first"))  # known: it stays where it is
    assert [(c.leg, c.ufrag) for c in network.clients()] == [
        ("publisher", "first"),
        ("viewer", "second"),
    ]
    assert network.counters("publisher").up.offered == 2
    assert network.counters("viewer").down.passed == 1
    network.assign("first", "elsewhere")
    peers[0].echoed(b"\x80 media")
    assert network.counters("elsewhere").up.offered == 1


def test_conditions_hold_for_one_leg_and_one_direction(
    network: Network, peers: list[Peer]
) -> None:
    network.newcomers("good")
    peers[0].echoed(check("good"))
    network.newcomers("bad")
    peers[1].echoed(check("bad"))
    network.set("bad", down=OUTAGE)
    peers[1].send(b"\x80 lost")
    assert peers[0].echoed(b"\x80 other") == b"\x80 other"
    network.clear("bad")
    assert peers[1].echoed(b"\x80 again") == b"\x80 again"
    bad = network.counters("bad")
    assert (bad.up.lost, bad.down.lost, network.counters("good").down.lost) == (0, 1, 0)


def test_conditions_set_for_a_time_end_by_themselves(
    network: Network, peers: list[Peer]
) -> None:
    before = Conditions(delay_ms=1)
    network.set("", both=before)
    peers[0].echoed(check("u"))
    network.set("", up=OUTAGE, for_s=0.2)
    deadline = time.monotonic() + WAIT_S
    peers[0].sock.settimeout(0.05)
    answered = lost = 0
    while not answered and time.monotonic() < deadline:
        peers[0].send(b"\x80 media")
        try:
            answered += peers[0].receive() == b"\x80 media"
        except TimeoutError:
            lost += 1
    assert answered
    assert network.counters("").up.lost == lost > 0


def test_conditions_set_anew_do_not_end_with_the_earlier_time(
    network: Network, peers: list[Peer]
) -> None:
    network.set("", up=Conditions(loss=0.5), for_s=0.05)
    network.set("", up=OUTAGE)
    peers[0].send(check("u"))
    time.sleep(0.1)
    peers[0].send(check("u"))
    network.set("", up=Conditions())
    peers[0].echoed(check("u"))
    assert network.counters("").up.lost == 2


def test_a_delay_takes_at_least_its_time(network: Network, peers: list[Peer]) -> None:
    network.set("", up=Conditions(delay_ms=60), down=Conditions(delay_ms=40))
    started = time.monotonic()
    peers[0].echoed(check("u"))
    assert time.monotonic() - started >= 0.1


def test_a_rebinding_shows_the_server_another_port_or_address(
    network: Network, echo: Echo, peers: list[Peer]
) -> None:
    peers[0].echoed(check("u"))
    network.rebind("")
    assert peers[0].echoed(b"\x80 media") == b"\x80 media"
    network.rebind("", "127.0.0.9")
    assert peers[0].echoed(b"\x80 media") == b"\x80 media"
    assert len(set(echo.sources)) == 3
    assert [host for host, _ in echo.sources] == ["127.0.0.1", "127.0.0.1", "127.0.0.9"]


def test_a_request_that_makes_no_sense_ends_nothing(
    network: Network, peers: list[Peer]
) -> None:
    with pytest.raises(ValueError, match="no such request"):
        network._ask("nonsense")
    peers[0].echoed(check("u"))
    with pytest.raises(ValueError, match="OSError"):
        network.rebind("", "192.0.2.1")  # not an address of this machine
    assert peers[0].echoed(b"\x80 media") == b"\x80 media"


def test_a_taken_port_is_reported(network: Network, echo: Echo) -> None:
    with (
        pytest.raises(RuntimeError, match="relay is gone"),
        Network.started(echo.port),
    ):
        raise AssertionError("it started")


def test_the_process_ends_with_its_block(echo: Echo) -> None:
    with Network.started(echo.port):
        children = psutil.Process(os.getpid()).children()
        relays = [c for c in children if "tests.impairment.process" in c.cmdline()]
        assert len(relays) == 1
    assert not relays[0].is_running()
