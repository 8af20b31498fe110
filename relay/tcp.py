"""The relay's port over TCP, for clients whose network lets no UDP through.

Clients connect, the server never does (ICE-TCP "passive", RFC 6544). A connection
over which no peer's check has come is nobody's: such ones are few, live for a few
seconds and give way to newer ones.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
import socket
from collections import Counter
from collections.abc import Sequence

from relay.tcp_connection import TcpConnection
from relay.udp import MediaSocket, Receiver

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 1000
MAX_PER_NETWORK = 500  # of one IPv4 address or IPv6 /64: an office behind a NAT
MAX_UNKNOWN = 256  # no check has come over them yet
MAX_UNKNOWN_PER_NETWORK = 32
UNKNOWN_TIMEOUT_S = 5.0
BACKLOG = 128
ACCEPTED_PER_WAKE_UP = 16
PAUSE_S = 1.0  # when the process has no descriptor left
LOG_INTERVAL_S = 10.0
MIN_DESCRIPTORS = 8192


def open_listeners(sockets: Sequence[MediaSocket]) -> list[socket.socket]:
    """A listener at the address of each UDP socket, as far as they are free."""
    listeners = []
    for media_socket in sockets:
        host, port = media_socket.sock.getsockname()[:2]
        listener = socket.socket(media_socket.sock.family, socket.SOCK_STREAM)
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if listener.family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            logger.warning("no media over TCP at %s port %d: %s", host, port, error)
        else:
            listeners.append(listener)
    return listeners


def raise_descriptor_limit() -> None:
    """Let the process have as many open connections as it takes, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MIN_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def network_of(host: str) -> str:
    """Whose connections are counted together."""
    if ":" not in host:
        return host
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8].hex()


class TcpPort:
    """Accepts connections in the running loop; owns and bounds them."""

    def __init__(self, listeners: list[socket.socket], receiver: Receiver) -> None:
        self.listeners = listeners
        self.refused = 0
        self._receiver = receiver
        self._numbers = itertools.count(1)
        self._connections: dict[TcpConnection, str] = {}  # with their networks
        self._unknown: dict[TcpConnection, asyncio.TimerHandle] = {}  # oldest first
        self._per_network: Counter[str] = Counter()
        self._unknown_per_network: Counter[str] = Counter()
        self._pauses: set[asyncio.TimerHandle] = set()
        self._next_log = 0.0

    def start(self) -> None:
        for listener in self.listeners:
            self._listen(listener)

    def _listen(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for pause in self._pauses:
            pause.cancel()
        while self.listeners:
            listener = self.listeners.pop()
            loop.remove_reader(listener)
            listener.close()
        for connection in list(self._connections):
            connection.close()

    # -- newcomers ------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED_PER_WAKE_UP):
            try:
                sock, remote = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # it was gone before its turn came
                continue
            except OSError as error:
                self._pause(listener, error)
                return
            self._take(sock, remote[0], remote[1])

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        """Accept nothing for a while: the loop would only try again and again."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        self._complain("no connection can be accepted: %s", error)

        def resume() -> None:
            self._pauses.discard(pause)
            self._listen(listener)

        pause = loop.call_later(PAUSE_S, resume)
        self._pauses.add(pause)

    def _take(self, sock: socket.socket, host: str, port: int) -> None:
        network = network_of(host)
        if (
            len(self._connections) >= MAX_CONNECTIONS
            or self._per_network[network] >= MAX_PER_NETWORK
        ):
            sock.close()
            self.refused += 1
            self._complain("TCP connections refused so far: %d", self.refused)
            return
        self._make_room(network)
        connection = TcpConnection(
            sock,
            (host, port),
            next(self._numbers),
            receiver=self._receiver,
            on_admitted=self._admitted,
            on_end=self._ended,
        )
        self._connections[connection] = network
        self._per_network[network] += 1
        self._unknown_per_network[network] += 1
        self._unknown[connection] = asyncio.get_running_loop().call_later(
            UNKNOWN_TIMEOUT_S, connection.close
        )

    def _make_room(self, network: str) -> None:
        """Close the oldest one nobody knows: a client's check comes fast."""
        if self._unknown_per_network[network] >= MAX_UNKNOWN_PER_NETWORK:
            oldest = next(c for c in self._unknown if self._connections[c] == network)
            oldest.close()
        elif len(self._unknown) >= MAX_UNKNOWN:
            next(iter(self._unknown)).close()

    def _complain(self, text: str, detail: object) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next_log:
            self._next_log = now + LOG_INTERVAL_S
            logger.warning(text, detail)

    # -- life of a connection -------------------------------------------------

    def _admitted(self, connection: TcpConnection) -> None:
        timer = self._unknown.pop(connection, None)
        if timer is not None:
            timer.cancel()
            _take_one(self._unknown_per_network, self._connections[connection])

    def _ended(self, connection: TcpConnection) -> None:
        self._admitted(connection)
        _take_one(self._per_network, self._connections.pop(connection))


def _take_one(counts: Counter[str], key: str) -> None:
    """Counts of zero are forgotten: strangers choose the keys."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
