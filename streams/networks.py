"""Lists of addresses and networks, as operators type them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from django.core.exceptions import ValidationError


def validate_networks(text: str) -> None:
    """Raise ValidationError unless `text` is addresses and networks with commas."""
    try:
        _parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def is_in_networks(address: str, networks: str) -> bool:
    """Whether `address` is in one of `networks`; nothing is in a malformed list."""
    try:
        found = _plain(ip_address(address))
        return any(found in network for network in _parse(networks))
    except ValueError:
        return False


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that came through an IPv6 socket is itself again."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=64)
def _parse(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    parts = (part.strip() for part in text.split(","))
    return tuple(ip_network(part, strict=False) for part in parts if part)
