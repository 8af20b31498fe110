"""ICE-lite: answer authenticated binding requests, start nothing (RFC 8445 2.5)."""

from __future__ import annotations

import ipaddress
import secrets
import string
import struct
from dataclasses import dataclass
from typing import Any

import psutil
from aioice import stun

Address = tuple[Any, ...]  # as the socket gives it: (host, port[, flow, scope])

ICE_CHARACTERS = string.ascii_letters + string.digits
UFRAG_LENGTH = 8
PWD_LENGTH = 24  # 142 bits; RFC 8445 5.3 asks for 128
MAX_STUN_BYTES = 1280


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    pwd: str


def make_credentials() -> Credentials:
    return Credentials(_random_text(UFRAG_LENGTH), _random_text(PWD_LENGTH))


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ICE_CHARACTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A parsed request whose integrity is not checked yet."""

    message: stun.Message
    local_ufrag: str  # whose password it must be signed with

    @property
    def nominates(self) -> bool:
        return "USE-CANDIDATE" in self.message.attributes

    def is_signed_with(self, pwd: str) -> bool:
        return bool(self.message.check_message_integrity(pwd.encode()))


def parse_binding_request(data: bytes) -> BindingRequest:
    """The request in a datagram whose first byte is 0-3.

    Raises:
        ValueError: not a binding request with a "local:remote" USERNAME.
    """
    if len(data) > MAX_STUN_BYTES:
        raise ValueError("STUN message too large")
    try:
        message = stun.parse_message(data)
    except (ArithmeticError, LookupError, TypeError, struct.error) as error:
        raise ValueError("malformed STUN message") from error
    if (message.message_method, message.message_class) != (
        stun.Method.BINDING,
        stun.Class.REQUEST,
    ):
        raise ValueError("not a binding request")
    local, separator, _ = str(message.attributes.get("USERNAME", "")).partition(":")
    if not separator or "MESSAGE-INTEGRITY" not in message.attributes:
        raise ValueError("no USERNAME or MESSAGE-INTEGRITY")
    return BindingRequest(message, local)


def binding_response(request: BindingRequest, source: Address, pwd: str) -> bytes:
    """The success response, with MESSAGE-INTEGRITY and FINGERPRINT."""
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.message.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": (source[0].partition("%")[0], source[1])},
    )
    response.add_message_integrity(pwd.encode())
    return bytes(response)


def local_addresses(bind: str) -> list[str]:
    """Addresses to offer when PUBLIC_IP is not set: all of the machine's.

    Loopback only where there is nothing else; link-local ones never, for a
    candidate carries no zone.
    """
    if bind not in ("0.0.0.0", "::"):  # noqa: S104
        return [bind]
    found = []
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            try:
                address = ipaddress.ip_address(entry.address)
            except ValueError:  # a hardware address, or one with a zone
                continue
            if not address.is_link_local:
                found.append(address)
    routed = [address for address in found if not address.is_loopback]
    if bind != "::":
        routed.sort(key=lambda address: address.version)
    return [str(address) for address in routed or found]


def candidate_lines(addresses: list[str], port: int) -> tuple[str, ...]:
    """Host candidates, the first one preferred (RFC 8839 5.1)."""
    return tuple(
        f"candidate:{index + 1} 1 udp {_priority(index)} {address} {port} typ host"
        for index, address in enumerate(addresses)
    )


def _priority(index: int) -> int:
    """RFC 8445 5.1.2.1 for a host candidate, component 1."""
    return (126 << 24) + ((65535 - index) << 8) + 255
