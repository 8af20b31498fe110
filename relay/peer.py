"""One remote peer: its ICE validation, DTLS association and end.

Publishers and viewers are peers. A peer is found by its local ICE ufrag first
and by its validated addresses afterwards; nothing but STUN is taken from any
other address (design 5).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from relay.aiortc_adapter import (
    DtlsServer,
    protect_rtcp,
    unprotect_rtcp,
    unprotect_rtp,
)
from relay.control import CloseReason
from relay.data import DataSession, Payload
from relay.ice import Address, make_credentials
from relay.packet import is_rtcp
from relay.rtcp import is_lone_receiver_report

if TYPE_CHECKING:
    from relay.data_sdp import DataAgreement
    from relay.negotiation import RemoteTransport
    from relay.router import Router
    from relay.udp import MediaSocket

CONSENT_TIMEOUT_S = 30.0  # RFC 7675 5.1
# Of checks from the selected address. Chromium checks it every 2.5 s and nominates it
# each time; Firefox and aiortc refresh consent every 4 to 6 s and nominate only once.
SILENCE_S = 3.5
MAX_ADDRESSES = 16  # validated ones remembered; the longest unused goes
MAX_CHECKS = 64  # remembered, a few minutes of them
SRTCP_INDEX = 4  # bytes before the tag
MAX_SSRCS = 64  # of a peer; libsrtp keeps and searches a record of each


class Peer:
    """The base of Publisher and Viewer. The router owns it and closes it."""

    max_ssrcs = MAX_SSRCS

    def __init__(
        self, router: Router, session: str, reply_to: str, start_timeout_ms: int
    ) -> None:
        self.router = router
        self.session = session
        self.reply_to = reply_to
        self.credentials = make_credentials()
        self.started = False
        self.closed = False
        self.tcp_candidates = True  # whether it is told of the TCP port
        self.last_check = router.clock()
        self._last_selected_check = self.last_check  # from `address`
        self.socket: MediaSocket | None = None
        self.address: Address | None = None
        self.addresses: dict[Address, MediaSocket] = {}
        self._checks: dict[bytes, Address] = {}  # by transaction id
        self.dtls = DtlsServer(
            router.certificate, self.send_raw, self._connected, self.lose
        )
        self.data: DataSession | None = None  # where data channels are agreed
        self._start_timer = asyncio.get_running_loop().call_later(
            start_timeout_ms / 1000, self._start_timed_out
        )
        self._ssrcs: set[bytes] = set()  # that authenticated packets came from
        self._early_dtls: bytes | None = None
        self._handshaking = False

    # -- life ---------------------------------------------------------------

    def begin_handshake(self, remote: RemoteTransport) -> None:
        """Expect DTLS from the peer that `remote` describes; once."""
        if self._handshaking or self.closed:
            return
        self._handshaking = True
        self.dtls.start(remote.fingerprints)
        if self._early_dtls is not None:
            # The hello may overtake the answer on its way through signalling.
            self.dtls.feed(self._early_dtls)
            self._early_dtls = None

    def mark_started(self) -> None:
        """Stop the start timer; the router tells signalling."""
        self.started = True
        self._start_timer.cancel()

    def lose(self) -> None:
        """The association ended without a command of ours."""
        if not self.closed:
            self.router.peer_lost(self, CloseReason.LOST)

    def _start_timed_out(self) -> None:
        if not self.started and not self.closed:
            self.router.peer_lost(self, CloseReason.START_TIMEOUT)

    def close(self) -> None:
        """Forget the peer; DTLS says goodbye in a task of the router's."""
        if self.closed:
            return
        self.closed = True
        self._start_timer.cancel()
        if self.data is not None:
            self.data.close()
        self.router.spawn(self._leave())

    async def _leave(self) -> None:
        """Say goodbye, then end the connections that were the peer's own."""
        try:
            await self.dtls.close()
        finally:
            for socket in set(self.addresses.values()):
                socket.release()

    def _connected(self) -> None:
        if not self.closed:
            if self.data is not None:
                self.data.start()
            self.on_connected()

    def on_connected(self) -> None:
        raise NotImplementedError  # Publisher and Viewer

    # -- data channels --------------------------------------------------------

    def agree_data(self, agreement: DataAgreement | None, label: str = "") -> None:
        """Have data channels as agreed, before the handshake.

        `label`: of the channel that the server opens; with "" the peer opens it.
        """
        if agreement is not None and self.data is None:
            self.data = DataSession(
                self.dtls,
                agreement,
                label,
                clock=self.router.clock,
                on_message=self._data_received,
                on_open=self._data_opened,
                on_malformed=self.router.count_malformed,
                on_lost=self.router.data.count_lost,
            )

    @property
    def has_data(self) -> bool:
        """Whether a data channel is open."""
        return self.data is not None and self.data.is_open

    def send_data(self, payload: Payload) -> bool:
        """Whether the message is on its way to the peer."""
        return self.data is not None and self.data.send(payload)

    def send_text(self, text: str) -> bool:
        """As `send_data`, with text of the server's own."""
        return self.data is not None and self.data.send_text(text)

    def _data_received(self, payload: Payload) -> int:
        return 0 if self.closed else self.on_data(payload)

    def _data_opened(self) -> None:
        if not self.closed:
            self.on_data_open()

    def on_data(self, payload: Payload) -> int:
        """A message of the peer; how many it was passed on to."""
        return self.router.data.pass_on(self, payload)

    def on_data_open(self) -> None:
        """The first data channel is open."""

    # -- network ------------------------------------------------------------

    def is_replay(self, transaction_id: bytes, address: Address) -> bool:
        """Whether this check came from another address before.

        A copy of a signed check proves nothing about where its sender is. Only the
        newest MAX_CHECKS are known: ICE has nothing that dates a check.
        """
        first = self._checks.setdefault(transaction_id, address)
        if len(self._checks) > MAX_CHECKS:
            del self._checks[next(iter(self._checks))]
        return first != address

    def validated(
        self, socket: MediaSocket, address: Address, *, nominated: bool
    ) -> None:
        """An authenticated check came from `address`."""
        if not socket.admit(self):
            return
        now = self.last_check = self.router.clock()
        # Each check claims the address anew: another peer may have taken it over.
        self.addresses.pop(address, None)
        self.addresses[address] = socket
        self.router.remember_address(address, self)
        if self._is_better(address, now, nominated=nominated):
            self._select(address)
        if address == self.address:
            self._last_selected_check = now
        if len(self.addresses) > MAX_ADDRESSES:
            self._forget_longest_unused()

    def _is_better(self, address: Address, now: float, *, nominated: bool) -> bool:
        """Whether to send to `address` from now on.

        A client does not notice that its NAT gave it another port, nor does it
        nominate what it has nominated: the silence of the old address tells.
        """
        if address == self.address:
            return False
        silent = now - self._last_selected_check >= SILENCE_S
        return nominated or silent or self.address is None

    def _select(self, address: Address | None) -> None:
        self.address = address
        self.socket = self.addresses[address] if address is not None else None
        self.on_address_changed()

    def _forget_longest_unused(self) -> None:
        unused = next(a for a in self.addresses if a != self.address)
        self.router.forget_address(unused, self)
        self.addresses.pop(unused).release()

    def lose_address(self, address: Address) -> None:
        """`address` was a connection's, which has ended."""
        if self.closed or self.addresses.pop(address, None) is None:
            return
        self.router.forget_address(address, self)
        if address == self.address:
            self._select(next(reversed(self.addresses), None))

    def on_address_changed(self) -> None:
        """The address to send to is another one now."""

    def consent_lost(self, now: float) -> bool:
        return now - self.last_check > CONSENT_TIMEOUT_S

    def send_raw(self, data: bytes) -> None:
        """Send a datagram to the selected address; lost if it would block."""
        if self.socket is not None and self.address is not None:
            self.socket.send(data, self.address)

    def receive_dtls(self, data: bytes) -> None:
        if self._handshaking:
            self.dtls.feed(data)
        else:
            self._early_dtls = data

    def receive_srtp(self, data: bytes) -> None:
        """Take an SRTP or SRTCP packet (first byte 128-191)."""
        handle = self.dtls.rx
        if handle is None:
            return
        rtcp = is_rtcp(data)
        if (
            rtcp
            and is_lone_receiver_report(data, SRTCP_INDEX + self.dtls.tag_bytes)
            and not self.wants_report(self.router.clock())
        ):
            return  # nobody reads it: not worth its decryption
        ssrc = data[4:8] if rtcp else data[8:12]
        if ssrc not in self._ssrcs and len(self._ssrcs) >= self.max_ssrcs:
            return
        plain = unprotect_rtcp(handle, data) if rtcp else unprotect_rtp(handle, data)
        if plain is None:
            return
        self._ssrcs.add(ssrc)
        if rtcp:
            self.on_rtcp(plain)
        else:
            self.on_rtp(plain)

    def send_rtcp(self, data: bytes) -> None:
        handle = self.dtls.tx
        if handle is not None:
            protected = protect_rtcp(handle, data)
            if protected is not None:
                self.send_raw(protected)

    def wants_report(self, now: float) -> bool:
        """Whether to read a receiver report that comes alone."""
        return False

    def on_rtp(self, data: bytes) -> None:
        """Viewers send none."""

    def on_rtcp(self, data: bytes) -> None:
        """Publisher and Viewer take what they need."""
