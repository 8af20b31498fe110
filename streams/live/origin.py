"""The overview's socket is for pages of this site only.

Browsers let any page open a WebSocket anywhere, with the cookies of its host
(RFC 6455 10.2). Signalling sockets are meant for that; this one is not.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

from streams.limited_log import LimitedLog

log = LimitedLog(logging.getLogger(__name__))  # anyone can have it written

Application = Callable[[Any, Any, Any], Awaitable[None]]
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OwnOriginOnly:
    """Refuses the handshake of any other page, and of clients that name none."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        origins = _values(scope, b"origin")
        hosts = _values(scope, b"host")
        if (
            len(origins) == len(hosts) == 1
            and is_allowed_host(hosts[0])
            and is_own_origin(origins[0], hosts[0])
        ):
            await self._application(scope, receive, send)
            return
        log.warning(
            "overview: a socket of origin %.200r for host %.200r was refused",
            origins,
            hosts,
        )
        await receive()
        await send({"type": "websocket.close"})


def is_allowed_host(host: str) -> bool:
    """Whether ALLOWED_HOSTS has the Host header, as Django asks of a request."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an Origin header is this site's, or in CSRF_TRUSTED_ORIGINS.

    `host`: the Host header. A session cookie that is for HTTPS only never comes
    from a page that was not.
    """
    try:
        said = urlsplit(origin.lower())
        mine = urlsplit(f"{said.scheme}://{host.lower()}")
        if said.scheme not in _DEFAULT_PORTS or not said.hostname:
            return False
        same = _place(said) == _place(mine)
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False
    if settings.SESSION_COOKIE_SECURE and said.scheme != "https":
        return False
    return same or _is_trusted(said, settings.CSRF_TRUSTED_ORIGINS)


def _is_trusted(origin: SplitResult, trusted: Iterable[str]) -> bool:
    """By Django's rules: `https://*.example.com` stands for all of its hosts."""
    for pattern in map(urlsplit, trusted):
        if pattern.scheme != origin.scheme:
            continue
        if pattern.netloc == origin.netloc:
            return True
        wild = pattern.netloc.startswith("*")
        if wild and is_same_domain(origin.netloc, pattern.netloc.lstrip("*")):
            return True
    return False


def _place(address: SplitResult) -> tuple[str | None, int]:
    return address.hostname, address.port or _DEFAULT_PORTS[address.scheme]


def _values(scope: Any, wanted: bytes) -> list[str]:
    headers = scope.get("headers") or ()
    return [value.decode("latin-1") for name, value in headers if name == wanted]
