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
        f"candidate:{index + 1} 1 udp {_priority(index)} {address} {port} typ host"
        for index, address in enumerate(addresses)
    )


def _priority(index: int) -> int:
    """RFC 8445 5.1.2.1 for a host candidate, component 1."""
    return (126 << 24) + ((65535 - index) << 8) + 255
