"""ICE-lite: answer authenticated binding requests, start nothing (RFC 8445 2.5)."""

from __future__ import annotations

import ipaddress
import secrets
import string
from dataclasses import dataclass
from typing import Any

import psutil

Address = tuple[Any, ...]  # as the socket gives it: (host, port[, flow, scope])

ICE_CHARACTERS = string.ascii_letters + string.digits
UFRAG_LENGTH = 8
PWD_LENGTH = 24  # 142 bits; RFC 8445 5.3 asks for 128
UDP_PREFERENCE = 126  # of a host candidate
TCP_PREFERENCE = 90  # below UDP's server reflexive ones (100), as browsers do it
PASSIVE_PREFERENCE = (4 << 13) + 8191  # RFC 6544 4.2: direction and other preference


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    pwd: str


def make_credentials() -> Credentials:
    return Credentials(_random_text(UFRAG_LENGTH), _random_text(PWD_LENGTH))


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ICE_CHARACTERS) for _ in range(length))


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
        f"candidate:{index + 1} 1 udp {_priority(UDP_PREFERENCE, 65535 - index)} "
        f"{address} {port} typ host"
        for index, address in enumerate(addresses)
    )


def tcp_candidate_lines(addresses: list[str], port: int) -> tuple[str, ...]:
    """The same addresses for clients that connect by TCP (RFC 6544 4.5).

    They are preferred to no UDP candidate, a client's reflexive one included.
    """
    return tuple(
        f"candidate:t{index + 1} 1 tcp "
        f"{_priority(TCP_PREFERENCE, PASSIVE_PREFERENCE - index)} "
        f"{address} {port} typ host tcptype passive"
        for index, address in enumerate(addresses)
    )


def _priority(type_preference: int, local_preference: int) -> int:
    """RFC 8445 5.1.2.1, component 1."""
    return (type_preference << 24) + (local_preference << 8) + 255
