"""A peer's media side: one UDP socket with ICE, DTLS and SRTP, and no tasks.

All sockets of a process hang on two epolls, and each socket is read dry with one
call a packet.
"""

from __future__ import annotations

import asyncio
import random
import select
import socket

from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from bench.dtls import Dtls, identity
from bench.ice import Address, IceAgent
from bench.sdp import Local, Remote

RECEIVE_BUFFER_BYTES = 1024 * 1024
MAX_DATAGRAM_BYTES = 2048
DRAIN_INTERVAL_S = 0.005
MAX_READY = 1024
RETRANSMIT_AFTER_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # like libwebrtc
CONSENT_INTERVAL_S = 5.0  # RFC 7675 5.1, randomised by a fifth


class MediaLoop:
    """Reads the sockets of all peers of this process.

    A new peer's datagrams wake the process, so that nothing waits in a handshake. A
    settled peer is read every DRAIN_INTERVAL_S instead: viewers elsewhere would not
    make the server pay for waking them, and a sleeping process on this machine would.
    The delay of a packet is not touched, for the kernel stamps it on arrival.
    """

    def __init__(self) -> None:
        self._waking = select.epoll()
        self._settled = select.epoll()
        self._peers: dict[int, Peer] = {}
        self._buffer = bytearray(MAX_DATAGRAM_BYTES)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._waking.fileno(), self._read, self._waking)
        self._timer = self._loop.call_later(DRAIN_INTERVAL_S, self._drain)

    def add(self, peer: Peer) -> None:
        fd = peer.socket.fileno()
        self._peers[fd] = peer
        self._waking.register(fd, select.EPOLLIN)

    def settle(self, peer: Peer) -> None:
        """From now on, the peer's datagrams wait for the next drain."""
        fd = peer.socket.fileno()
        self._waking.unregister(fd)
        self._settled.register(fd, select.EPOLLIN)

    def remove(self, peer: Peer) -> None:
        """Forget the peer; its socket is closed next, and leaves the epolls so."""
        self._peers.pop(peer.socket.fileno(), None)

    def _read(self, ready: select.epoll) -> None:
        peers, buffer = self._peers, self._buffer
        for fd, _ in ready.poll(0, MAX_READY):
            peer = peers.get(fd)
            if peer is not None:
                peer.read(buffer)

    def _drain(self) -> None:
        self._read(self._settled)
        self._timer = self._loop.call_later(DRAIN_INTERVAL_S, self._drain)


class Peer:
    """`connected` is done when SRTP keys are agreed, or holds the failure.

    The server runs on this machine, so the socket is bound to the address that the
    server names for itself, once that is known: nothing leaves the machine.
    """

    def __init__(self, media: MediaLoop) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES
        )
        self.socket.setblocking(False)
        self.ice = IceAgent(self.send_to)
        self.dtls: Dtls | None = None
        self.inbound: Session | None = None
        self.outbound: Session | None = None
        self.profile = ""
        self._host = ""
        self.media = media
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.connected: asyncio.Future[None] = self._loop.create_future()
        media.add(self)

    def bind(self, remote: Remote) -> None:
        """Take a port of the address where the server is.

        Raises:
            ValueError: the server names no usable address.
        """
        hosts = {host for host, _ in remote.addresses}
        if not hosts:
            raise ValueError("no IPv4 UDP candidate")
        self._host = "127.0.0.1" if "127.0.0.1" in hosts else min(hosts)
        self.socket.bind((self._host, 0))

    def describe(self, *, setup: str, with_candidate: bool) -> Local:
        return Local(
            ufrag=self.ice.ufrag,
            password=self.ice.password,
            fingerprint=identity().fingerprint,
            setup=setup,
            candidate=self.candidate() if with_candidate else "",
        )

    def candidate(self) -> str:
        host, port = self.socket.getsockname()
        return f"candidate:1 1 udp 2130706431 {host} {port} typ host generation 0"

    def start(self, remote: Remote, *, controlling: bool, dtls_client: bool) -> None:
        """Begin ICE, and DTLS behind it; the socket is bound."""
        self.dtls = Dtls(client=dtls_client, fingerprint=remote.fingerprint)
        self.ice.controlling = controlling
        address = next(a for a in remote.addresses if a[0] == self._host)
        self.ice.start(remote.ufrag, remote.password, address)
        self._arm(0)

    def send_to(self, data: bytes, address: Address) -> None:
        """Send, or lose it as a network would."""
        try:
            self.socket.sendto(data, address)
        except OSError:
            return

    def send(self, data: bytes) -> None:
        if self.ice.remote is not None:
            self.send_to(data, self.ice.remote)

    def read(self, buffer: bytearray) -> None:
        """Read the socket dry."""
        while True:
            try:
                size, address = self.socket.recvfrom_into(buffer)
            except OSError:
                return
            if size:
                self.dispatch(bytes(buffer[:size]), address)

    def dispatch(self, data: bytes, address: Address | None = None) -> None:
        """Take one datagram by its first byte (RFC 7983)."""
        first = data[0]
        source = address or self.ice.remote
        if first < 4 and source is not None:
            self.ice.handle(data, source)
            if self.ice.connected and self.dtls and self.dtls.client:
                self._begin_dtls()
        elif 19 < first < 64:
            self._handle_dtls(data)
        elif 127 < first < 192 and self.inbound is not None:
            self._handle_media(self.inbound, data)

    def handle_rtp(self, data: bytes) -> None:
        """An encrypted RTP packet."""

    def handle_rtcp(self, data: bytes) -> None:
        """A decrypted RTCP packet."""

    def handle_connected(self) -> None:
        """Keys are agreed."""

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.media.remove(self)
        self.socket.close()
        if not self.connected.done():
            self.connected.cancel()

    def _handle_media(self, inbound: Session, data: bytes) -> None:
        if not 192 <= data[1] <= 223:
            self.handle_rtp(data)
            return
        try:
            plain = inbound.unprotect_rtcp(data)
        except SrtpError:
            return
        self.handle_rtcp(plain)

    def _begin_dtls(self) -> None:
        if self.dtls and not self.dtls.last_flight:
            self._handle_dtls(None)

    def _handle_dtls(self, data: bytes | None) -> None:
        if self.dtls is None:
            return
        was_done = self.dtls.done
        try:
            for datagram in self.dtls.feed(data):
                self.send(datagram)
            if self.dtls.done and not was_done:
                self.inbound, self.outbound, self.profile = self.dtls.sessions()
        except ConnectionError as error:
            if not self.connected.done():
                self.connected.set_exception(error)
            return
        if self.dtls.done and not was_done and not self.connected.done():
            self.connected.set_result(None)
            self.handle_connected()

    def _arm(self, attempt: int) -> None:
        """Wait for the next retransmission, or for the next consent check."""
        if self.connected.done():
            delay = CONSENT_INTERVAL_S * random.uniform(0.8, 1.2)
        elif attempt < len(RETRANSMIT_AFTER_S):
            delay = RETRANSMIT_AFTER_S[attempt]
        else:
            return
        self._timer = self._loop.call_later(delay, self._on_timer, attempt)

    def _on_timer(self, attempt: int) -> None:
        if self.connected.done() or not self.ice.connected:
            self.ice.check()
        elif self.dtls is not None:
            for datagram in self.dtls.handle_timeout() or self.dtls.last_flight:
                self.send(datagram)
        self._arm(attempt + 1)
