"""The relay's UDP port: one socket a family, demultiplexed by the first byte.

First byte below 4: STUN, 20-63: DTLS, 128-191: RTP and RTCP (RFC 7983). An
unknown address costs one dictionary look-up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from relay.batch import Batch
from relay.ice import Address

logger = logging.getLogger(__name__)

RECEIVE_BATCH = 128  # datagrams a wake-up, so that timers and commands get a turn
BUFFER_BYTES = 4 * 1024 * 1024
MAX_DATAGRAM = 2048
SOL_UDP = 17
UDP_SEGMENT = 103
_UNSEGMENTABLE = (errno.EINVAL, errno.EIO, errno.EMSGSIZE)
_SEGMENT_BYTES = struct.Struct("H")


class Receiver(Protocol):
    def receive_stun(self, sock: MediaSocket, data: bytes, source: Address) -> None: ...
    def receive_dtls(self, data: bytes, source: Address) -> None: ...
    def receive_srtp(self, data: bytes, source: Address) -> None: ...
    def flush(self) -> None:
        """The wake-up's datagrams are in: forward what they brought."""


class PathOwner(Protocol):
    """A peer, to whoever carries its datagrams."""

    def lose_address(self, address: Address) -> None: ...


class MediaSocket:
    """One bound socket. `blocked` counts sends that the kernel refused."""

    def __init__(self, sock: socket.socket, *, gso: bool) -> None:
        self.sock = sock
        self.gso = gso
        self.blocked = 0
        self._sendto = sock.sendto
        self._descriptor = sock.fileno()

    def send(self, data: bytes | memoryview, address: Address) -> bool:
        """Whether the kernel took the datagram; nothing waits."""
        try:
            self._sendto(data, address)
        except OSError:
            self.blocked += 1
            return False
        return True

    def admit(self, owner: PathOwner) -> bool:
        """Whether `owner`, whose check came this way, may use it."""
        return True

    def release(self) -> None:
        """An owner has no more use for it."""

    def set_segment(self, size: int) -> None:
        """Have the kernel cut what is sent from now on into `size` bytes; 0: not."""
        self.sock.setsockopt(SOL_UDP, UDP_SEGMENT, size)

    def send_batch(self, batch: Batch, first: int, count: int) -> int | None:
        """How many messages the kernel took before one that would have to wait.

        None: it cannot cut the first of them on its path (a small MTU, an odd
        device); the caller sends these packets one by one.
        """
        try:
            return batch.send(self._descriptor, first, count)
        except OSError as error:
            if error.errno in _UNSEGMENTABLE:
                return None
            self.blocked += 1
            return 0

    def close(self) -> None:
        self.sock.close()


def segment_ancillary(segment_bytes: int) -> list[tuple[int, int, bytes]]:
    return [(SOL_UDP, UDP_SEGMENT, _SEGMENT_BYTES.pack(segment_bytes))]


def open_sockets(bind: str, port: int) -> list[MediaSocket]:
    """The bound sockets: IPv4, and IPv6 where the machine has it.

    Raises:
        OSError: the port is taken or the address is not ours.
    """
    gso = gso_works()
    if not gso:
        logger.warning("no UDP segmentation offload here: one sendto a packet")
    families = [(socket.AF_INET6 if ":" in bind else socket.AF_INET, bind)]
    if bind == "0.0.0.0" and socket.has_ipv6:  # noqa: S104
        families.append((socket.AF_INET6, "::"))
    sockets: list[MediaSocket] = []
    for family, host in families:
        try:
            sockets.append(MediaSocket(_bound(family, host, port), gso=gso))
        except OSError as error:
            unsupported = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
            if family == socket.AF_INET or error.errno not in unsupported:
                raise
    return sockets


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option, force in (
            (socket.SO_RCVBUF, SO_RCVBUFFORCE),
            (socket.SO_SNDBUF, SO_SNDBUFFORCE),
        ):
            try:
                sock.setsockopt(socket.SOL_SOCKET, force, BUFFER_BYTES)
            except OSError:  # needs CAP_NET_ADMIN; the plain option is capped
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33


def gso_works() -> bool:
    """Whether the kernel segments a buffer sent with UDP_SEGMENT."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(1)
        try:
            sender.sendmsg(
                [bytes(20)], segment_ancillary(10), 0, receiver.getsockname()
            )
            return len(receiver.recv(64)) == 10
        except OSError:
            return False


class UdpPort:
    """Reads the sockets in the running loop and hands datagrams to `receiver`."""

    def __init__(self, sockets: list[MediaSocket], receiver: Receiver) -> None:
        self.sockets = sockets
        self._receiver = receiver

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        for media_socket in self.sockets:
            receive = media_socket.sock.recvfrom
            loop.add_reader(
                media_socket.sock, reader(media_socket, receive, self._receiver)
            )

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for media_socket in self.sockets:
            loop.remove_reader(media_socket.sock)
            media_socket.close()


def reader(
    media_socket: MediaSocket,
    receive: Callable[[int], tuple[bytes, Address]],
    receiver: Receiver,
) -> Callable[[], None]:
    """What reads until `receive` would wait, and hands on what it brings.

    `receive`: as a socket's `recvfrom`.
    """
    stun, dtls, srtp = (
        receiver.receive_stun,
        receiver.receive_dtls,
        receiver.receive_srtp,
    )

    def read() -> None:
        for _ in range(RECEIVE_BATCH):
            try:
                data, source = receive(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send: not ours
                continue
            if not data:
                continue
            first = data[0]
            if 128 <= first <= 191:
                srtp(data, source)
            elif first < 4:
                stun(media_socket, data, source)
            elif 20 <= first <= 63:
                dtls(data, source)
        receiver.flush()

    return read
