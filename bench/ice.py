"""A small ICE agent for one candidate pair (RFC 8445), STUN by aioice."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aioice import stun

Address = tuple[str, int]
PRIORITY = 2130706431  # a host candidate, RFC 8445 5.1.2.2
PEER_REFLEXIVE_PRIORITY = 1862270975


def make_credential(length: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(slots=True)
class IceAgent:
    """Knows one remote address; `connected` once it may carry data.

    Controlling: the first answered check nominates, as browsers do towards an
    ICE-lite server. Controlled: the peer's nomination, once checked both ways.
    """

    send: Callable[[bytes, Address], None]
    ufrag: str = field(default_factory=lambda: make_credential(4))
    password: str = field(default_factory=lambda: make_credential(24))
    controlling: bool = True
    remote_ufrag: str = ""
    remote_password: bytes = b""
    remote: Address | None = None
    connected: bool = False
    _nominated: bool = False
    _answered: bool = False
    _checks: set[bytes] = field(default_factory=set)
    _tie_breaker: int = field(default_factory=lambda: secrets.randbits(64))

    def start(self, ufrag: str, password: str, address: Address | None) -> None:
        self.remote_ufrag, self.remote_password = ufrag, password.encode()
        self.remote = address
        self.check()

    def check(self) -> None:
        """Send one connectivity or consent check, when the address is known."""
        if self.remote is None or not self.remote_ufrag:
            return
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.remote_ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = PEER_REFLEXIVE_PRIORITY
        if self.controlling:
            request.attributes["ICE-CONTROLLING"] = self._tie_breaker
            request.attributes["USE-CANDIDATE"] = None
        else:
            request.attributes["ICE-CONTROLLED"] = self._tie_breaker
        request.add_message_integrity(self.remote_password)
        if len(self._checks) > 64:
            self._checks.clear()
        self._checks.add(request.transaction_id)
        self.send(bytes(request), self.remote)

    def handle(self, data: bytes, address: Address) -> None:
        """Take one STUN message; garbage is dropped."""
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if message.message_class == stun.Class.REQUEST:
            self._handle_request(message, address)
        elif message.transaction_id in self._checks:
            self._checks.discard(message.transaction_id)
            if message.message_class == stun.Class.RESPONSE:
                self._answered = True
            elif message.error_code == 487:  # role conflict, RFC 8445 7.2.5.1
                self.controlling = not self.controlling
                self.check()
        self._settle()

    def _handle_request(self, request: stun.Message, address: Address) -> None:
        if not request.check_message_integrity(self.password.encode()):
            return
        response = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = address
        response.add_message_integrity(self.password.encode())
        self.send(bytes(response), address)
        if self.controlling or self.connected:
            return
        self.remote = address
        self._nominated |= "USE-CANDIDATE" in request.attributes
        self.check()

    def _settle(self) -> None:
        if self._answered and (self.controlling or self._nominated):
            self.connected = True
