"""One client's TCP connection, in the place of a UDP socket.

Packets are framed (RFC 4571). What the client is too slow for is dropped packet by
packet, and counted as a send that would block: nothing waits, memory is bounded, and
a frame that was begun is ended.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from relay.batch import Batch
from relay.ice import Address
from relay.tcp_framing import Framer, frame
from relay.udp import MAX_DATAGRAM, MediaSocket, PathOwner, Receiver, reader

RECEIVE_BYTES = 16 * 1024  # a wake-up
MAX_UNSENT_BYTES = 128 * 1024  # behind what the kernel takes
SEND_BUFFER_BYTES = 256 * 1024  # of the kernel's: 1.4 s of a 1.5 Mbit/s stream


class TcpConnection(MediaSocket):
    """Belongs to the first peer whose check came over it, and ends with it.

    `address` has three parts, and no other socket's address or later connection's has
    the same: (host, port, `number`).
    `on_admitted` is called once when a peer's check came, `on_end` once at the end.
    """

    def __init__(
        self,
        sock: socket.socket,
        remote: tuple[str, int],
        number: int,
        *,
        receiver: Receiver,
        on_admitted: Callable[[TcpConnection], None],
        on_end: Callable[[TcpConnection], None],
    ) -> None:
        super().__init__(sock, gso=False)
        self.address: Address = (*remote, number)
        self.closed = False
        self._owner: PathOwner | None = None
        self._on_admitted = on_admitted
        self._on_end = on_end
        self._framer = Framer(MAX_DATAGRAM)
        self._may_receive = False
        self._read = reader(self, self._receive, receiver)
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._loop.add_reader(sock, self._readable)

    # -- receiving ------------------------------------------------------------

    def _readable(self) -> None:
        if self.closed:
            return
        self._may_receive = True
        self._read()
        if self._framer.has_packet and not self.closed:
            # A wake-up's share of many small ones: the kernel tells of them no more.
            self._loop.call_soon(self._readable)

    def _receive(self, size: int) -> tuple[bytes, Address]:
        """The next packet, as from `recvfrom`.

        Raises:
            BlockingIOError: there is none now.
        """
        while not self.closed:
            try:
                packet = self._framer.next_packet()
            except ValueError:
                self.close()
                break
            if packet is not None:
                return packet, self.address
            if not self._may_receive:
                break
            self._may_receive = False
            self._feed()
        raise BlockingIOError

    def _feed(self) -> None:
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # reset, or not reached any more
            data = b""
        if data:
            self._framer.feed(data)
        else:
            self.close()

    # -- sending --------------------------------------------------------------

    def send(self, data: bytes | memoryview, address: Address) -> bool:
        """Whether the packet is on its way; `address` can only be the peer's own."""
        if self.closed or len(self._unsent) + len(data) > MAX_UNSENT_BYTES:
            self.blocked += 1
            return False
        framed = frame(data)
        if self._unsent:
            self._unsent += framed
            return True
        sent = self._send_now(framed)
        if sent < len(framed):
            self._unsent += framed[sent:]
            self._loop.add_writer(self.sock, self._writable)
        return True

    def _send_now(self, data: bytes | bytearray) -> int:
        """How many bytes the kernel took."""
        try:
            return self.sock.send(data)
        except OSError:  # it is full; or reset, of which reading tells
            return 0

    def _writable(self) -> None:
        if self.closed:
            return
        del self._unsent[: self._send_now(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self.sock)

    def set_segment(self, size: int) -> None:
        """Nothing is cut in a byte stream."""

    def send_batch(self, batch: Batch, first: int, count: int) -> int | None:
        """None: packets have to be framed one by one."""
        return None

    # -- life -----------------------------------------------------------------

    def admit(self, owner: PathOwner) -> bool:
        if self.closed or self._owner not in (None, owner):
            return False
        if self._owner is None:
            self._owner = owner
            self._on_admitted(self)
        return True

    def release(self) -> None:
        self.close()

    def close(self) -> None:
        """Ended; the peer it belongs to is told."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self.sock)
        self._loop.remove_writer(self.sock)
        self.sock.close()
        self._unsent.clear()
        self._on_end(self)
        if self._owner is not None:
            self._owner.lose_address(self.address)
            self._owner = None
