"""The impairment relay's process.

    python -m tests.impairment.process FD LISTEN SERVER PORT SEED

One thread: datagrams in, `Path` decides, a heap of what is due, datagrams out. It ends
when the control socket (descriptor FD) does.
"""

from __future__ import annotations

import gc
import heapq
import json
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from tests.impairment.path import Conditions, Path

Address = tuple[str, int]

MAX_CLIENTS = 500  # select() takes descriptors below 1024
MAX_DATAGRAM = 2048
READ_BATCH = 64
BUFFER_BYTES = 4 * 1024 * 1024
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32
STUN_HEADER_BYTES, STUN_REQUEST, STUN_USERNAME = 20, b"\x00\x01", 0x0006

clock = time.monotonic


@dataclass(slots=True)
class Leg:
    """Up and down by name, and when conditions set for a time end."""

    paths: dict[str, Path]
    versions: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})


@dataclass(slots=True)
class Client:
    """A client's address and the socket that stands for it at the server."""

    address: Address
    ufrag: str
    outside: socket.socket


class Relay:
    def __init__(self, listen: Address, server: Address, seed: str) -> None:
        self._server = server
        self._seed = seed
        self.front = bound_socket(listen)
        self._clients: dict[Address, Client] = {}
        self._by_outside: dict[socket.socket, Client] = {}
        self._legs: dict[str, Leg] = {}
        self._leg_of: dict[str, str] = {}  # by the server's ufrag
        self._newcomers = ""
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = count()

    # -- packets ----------------------------------------------------------------

    def sockets(self) -> list[socket.socket]:
        return [self.front, *self._by_outside]

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def deliver(self) -> None:
        while self._due and self._due[0][0] <= clock():
            heapq.heappop(self._due)[2]()

    def read(self, sock: socket.socket) -> None:
        for _ in range(READ_BATCH):
            try:
                data, source = sock.recvfrom(MAX_DATAGRAM)
            except OSError:  # nothing more
                return
            if sock is self.front:
                self._from_client(data, source)
            elif source == self._server and sock in self._by_outside:
                self._from_server(data, self._by_outside[sock])

    def _from_client(self, data: bytes, source: Address) -> None:
        client = self._client_of(data, source)
        if client is None:
            return
        path = self._leg(self._leg_of[client.ufrag]).paths["up"]

        def send() -> None:
            _send(client.outside, data, self._server)

        for arrival in path.offer(len(data), clock()):
            self._at(arrival, send)

    def _from_server(self, data: bytes, client: Client) -> None:
        path = self._leg(self._leg_of[client.ufrag]).paths["down"]

        def send() -> None:
            _send(self.front, data, client.address)

        for arrival in path.offer(len(data), clock()):
            self._at(arrival, send)

    def _client_of(self, data: bytes, source: Address) -> Client | None:
        """Who sends from there; a check may say that it is somebody new."""
        ufrag = server_ufrag(data)
        client = self._clients.get(source)
        if ufrag is None:
            return client
        if ufrag not in self._leg_of:
            self._leg_of[ufrag] = self._newcomers
        if client is None:
            if len(self._clients) >= MAX_CLIENTS:
                return None
            outside = bound_socket((self._server[0], 0))
            client = self._clients[source] = Client(source, ufrag, outside)
            self._by_outside[outside] = client
        client.ufrag = ufrag
        return client

    def _at(self, due: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._due, (due, next(self._serial), action))

    # -- requests ---------------------------------------------------------------

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the test asks. Raises ValueError: it makes no sense."""
        match request:
            case {"request": "ready"}:
                pass
            case {"request": "newcomers", "leg": leg}:
                self._newcomers = leg
            case {"request": "assign", "ufrag": ufrag, "leg": leg}:
                self._leg_of[ufrag] = leg
            case {"request": "set", "leg": leg, "way": way, **rest}:
                conditions = Conditions.from_json(rest["conditions"])
                self._set(self._leg(leg), way, conditions, rest["for_s"])
            case {"request": "rebind", "leg": leg, "address": address}:
                self._rebind(leg, address or self._server[0])
            case {"request": "counters", "leg": leg}:
                paths = self._leg(leg).paths
                return {way: asdict(path.counters) for way, path in paths.items()}
            case {"request": "clients"}:
                return {"clients": [self._describe(c) for c in self._clients.values()]}
            case _:
                raise ValueError(f"no such request: {request}")
        return {}

    def _leg(self, name: str) -> Leg:
        if name not in self._legs:
            paths = {w: Path(f"{self._seed}/{name}/{w}") for w in ("up", "down")}
            self._legs[name] = Leg(paths)
        return self._legs[name]

    def _set(
        self, leg: Leg, way: str, conditions: Conditions, for_s: float | None
    ) -> None:
        before = leg.paths[way].conditions
        leg.paths[way].conditions = conditions
        leg.versions[way] += 1
        version = leg.versions[way]

        def restore() -> None:
            if leg.versions[way] == version:
                leg.paths[way].conditions = before

        if for_s is not None:
            self._at(clock() + for_s, restore)

    def _rebind(self, leg: str, address: str) -> None:
        for client in self._clients.values():
            if self._leg_of[client.ufrag] == leg:
                # Before the old one is closed, or it might get the same port.
                outside = bound_socket((address, 0))
                del self._by_outside[client.outside]
                client.outside.close()
                client.outside = outside
                self._by_outside[outside] = client

    def _describe(self, client: Client) -> dict[str, Any]:
        return {
            "leg": self._leg_of[client.ufrag],
            "ufrag": client.ufrag,
            "address": client.address,
            "outside": client.outside.getsockname(),
        }


def server_ufrag(data: bytes) -> str | None:
    """The first half of a STUN request's USERNAME; None: there is none.

    Source: RFC 8489 5 and 14, RFC 8445 7.1.1 (in a check from a client the server's
    ufrag comes first).
    """
    if len(data) < STUN_HEADER_BYTES or data[:2] != STUN_REQUEST:
        return None
    at = STUN_HEADER_BYTES
    while at + 4 <= len(data):
        kind = int.from_bytes(data[at : at + 2])
        length = int.from_bytes(data[at + 2 : at + 4])
        if kind == STUN_USERNAME:
            username = data[at + 4 : at + 4 + length]
            return username.partition(b":")[0].decode("ascii", "replace")
        at += 4 + length + -length % 4
    return None


def bound_socket(address: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option, force in (
        (socket.SO_RCVBUF, SO_RCVBUFFORCE),
        (socket.SO_SNDBUF, SO_SNDBUFFORCE),
    ):
        try:
            sock.setsockopt(socket.SOL_SOCKET, force, BUFFER_BYTES)
        except OSError:  # needs CAP_NET_ADMIN; the plain option is capped
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    sock.bind(address)
    return sock


def _send(sock: socket.socket, data: bytes, address: Address) -> None:
    try:
        sock.sendto(data, address)
    except OSError:  # closed by a rebinding, or full: lost, as on any network
        return


def run(relay: Relay, control: socket.socket) -> None:
    """Until the control socket ends."""
    unread = b""
    while True:
        due = relay.next_due()
        wait_s = None if due is None else max(due - clock(), 0.0)
        readable, _, _ = select.select([control, *relay.sockets()], [], [], wait_s)
        relay.deliver()
        for sock in readable:
            if sock is not control:
                relay.read(sock)
        if control in readable:
            received = control.recv(65536)
            if not received:
                return
            *lines, unread = (unread + received).split(b"\n")
            for line in lines:
                control.sendall(_answered(relay, line))


def _answered(relay: Relay, line: bytes) -> bytes:
    try:
        answer = relay.answer(json.loads(line))
    except (ValueError, TypeError, KeyError, OSError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    return json.dumps(answer).encode() + b"\n"


def main() -> None:
    descriptor, listen, server, port, seed = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as control:
        relay = Relay((listen, int(port)), (server, int(port)), seed)
        gc.freeze()
        run(relay, control)


if __name__ == "__main__":
    main()
