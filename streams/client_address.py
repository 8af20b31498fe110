"""Whose request it is: the address behind the proxies that are trusted, and no other.

Everybody can send an X-Forwarded-For header, and proxies append to it. So only the
last entries, one for each proxy in front, say something; TRUSTED_PROXIES counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest

_IPV6_CUSTOMER_PREFIX = 64  # RFC 6177: what one household or one server has at least


def client_address(remote: str, forwarded_for: str, trusted_hops: int) -> str:
    """The client's address: of `remote`, the other end of the connection, or of it.

    `forwarded_for` is the whole header, its lines joined by commas. With no trusted
    hops it is not looked at. A header with fewer entries than there are proxies did
    not come through all of them, and an entry that is no address says nothing: it
    is `remote` then. Addresses come out in one form: without port, brackets, zone,
    and as IPv4 when they are IPv4 in IPv6's clothes. A `remote` that is no address
    (a Unix socket) comes back as it is.
    """
    plain = _plain(remote) or remote
    if trusted_hops < 1:
        return plain
    entries = forwarded_for.split(",")
    if len(entries) < trusted_hops:
        return plain
    return _plain(entries[-trusted_hops]) or plain


def address_of_request(request: HttpRequest) -> str:
    """The client of an HTTP request; empty when it has no address at all."""
    return client_address(
        request.META.get("REMOTE_ADDR") or "",
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """The client of an ASGI scope, a WebSocket's for example; as for a request."""
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()
    found = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    client = scope.get("client") or ("",)
    return client_address(
        str(client[0] or ""),
        b",".join(found).decode("latin-1"),
        settings.TRUSTED_PROXIES,
    )


def throttle_key(address: str) -> str:
    """Who is counted when attempts are: an IPv4 address, or an IPv6 network of 64 bits.

    One client has all addresses of its network, and would have as many attempts.
    Empty for what is no address.
    """
    plain = _plain(address)
    if ":" not in plain:
        return plain
    network = IPv6Network((plain, _IPV6_CUSTOMER_PREFIX), strict=False)
    return str(network.network_address)


def _plain(text: str) -> str:
    """The canonical form of an address, empty for anything else."""
    try:
        found = ip_address(_without_port(text.strip().strip('"')))
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found)))  # without its zone
    return str(found)


def _without_port(text: str) -> str:
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        is_whole = bool(bracket) and (not rest or _is_port(rest))
        return inside if is_whole else ""
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host if port.isdigit() else ""
    return text


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isdigit()
