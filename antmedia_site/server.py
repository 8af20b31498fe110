"""daphne with all ports bound, and an orderly stop."""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.server import Server
from django.conf import settings
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred

from antmedia_site.asgi import application
from antmedia_site.wiring import supervisor

reactor: Any = installed_reactor  # its declared interfaces are those of a module
STOP_TIMEOUT_S = 8.0
MAX_FRAME_BYTES = 1024 * 1024  # contract 12: beyond this the socket is closed


def endpoints() -> list[str]:
    """Twisted endpoint descriptions of every port."""
    interface = settings.BIND.replace(":", r"\:")
    found = [
        f"tcp:{port}:interface={interface}:backlog=1024"
        for port in dict.fromkeys((settings.HTTP_PORT, settings.LEGACY_PORT))
    ]
    if settings.TLS_CERT and settings.TLS_KEY:
        found.append(
            f"ssl:{settings.HTTPS_PORT}:privateKey={settings.TLS_KEY}"
            f":certKey={settings.TLS_CERT}:interface={interface}"
        )
    return found


class SignallingServer(Server):  # type: ignore[misc]  # daphne has no types
    """A failed bind is an error of the command, not a log line and exit 0."""

    bind_error: str = ""

    def listen_error(self, failure: Any) -> None:
        self.bind_error = failure.getErrorMessage()
        super().listen_error(failure)


def run() -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        OSError: a port could not be bound.
    """
    server = SignallingServer(
        application,
        endpoints=endpoints(),
        websocket_timeout=-1,  # a viewer's socket may stay open for days
        websocket_max_message_size=MAX_FRAME_BYTES,
        websocket_max_frame_size=MAX_FRAME_BYTES,
        application_close_timeout=10,
        ready_callable=lambda: reactor.callLater(0, supervisor().start),
        server_name="",
    )
    reactor.addSystemEventTrigger("before", "shutdown", _stop)
    server.run()
    if server.bind_error:
        raise OSError(server.bind_error)


def _stop() -> Deferred[Any]:
    """Twisted waits for this before it closes the sockets."""
    stopping = asyncio.wait_for(supervisor().stop(), STOP_TIMEOUT_S)
    return Deferred.fromFuture(asyncio.ensure_future(stopping))
