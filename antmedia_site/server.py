"""daphne with all ports bound, and an orderly stop."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from pathlib import Path
from typing import Any

from daphne.server import Server
from django.conf import settings
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument

from antmedia_site.asgi import application
from antmedia_site.wiring import supervisor

reactor: Any = installed_reactor  # its declared interfaces are those of a module
STOP_TIMEOUT_S = 8.0
MAX_FRAME_BYTES = 1024 * 1024  # contract 12: beyond this the socket is closed
CERTIFICATE = re.compile(
    "-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----", re.DOTALL
)


def endpoints() -> list[str]:
    """Twisted endpoint descriptions of every port.

    Raises:
        OSError: the certificate or its key cannot be read, or they are no pair.
    """
    listening = f":interface={_quote(settings.BIND)}:backlog=1024"
    found = [
        f"tcp:{port}{listening}"
        for port in dict.fromkeys((settings.HTTP_PORT, settings.LEGACY_PORT))
    ]
    if settings.TLS_CERT:
        # In words and before anything listens; Twisted asks a terminal for the
        # password of a key, and says little of the rest.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.TLS_CERT, settings.TLS_KEY, password=""
        )
        found.append(
            f"ssl:{settings.HTTPS_PORT}:privateKey={_quote(settings.TLS_KEY)}"
            f":certKey={_quote(settings.TLS_CERT)}{_chain()}{listening}"
        )
    return found


def _chain() -> str:
    """The rest of the certificate's file: clients want all up to a root they know.

    Twisted sends the first certificate of the file alone, and takes the others as a
    file of their own.
    """
    _, *others = CERTIFICATE.findall(Path(settings.TLS_CERT).read_text())
    if not others:
        return ""
    path = settings.DATA_DIR / "tls_chain.pem"
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text("\n".join(others))
    draft.replace(path)
    return f":extraCertChain={_quote(str(path))}"


def _quote(text: str) -> str:
    quoted: str = quoteStringArgument(text)  # type: ignore[no-untyped-call]
    return quoted


class SignallingServer(Server):  # type: ignore[misc]  # daphne has no types
    """A failed bind is an error of the command, not a log line and exit 0."""

    bind_error: str = ""

    def listen_error(self, failure: Any) -> None:
        self.bind_error = failure.getErrorMessage()
        super().listen_error(failure)

    def kill_all_applications(self) -> Deferred[Any]:
        """Sockets hear of the stop and rows are closed; then daphne ends the sockets.

        Twisted waits for this before it closes connections. Both at once would have
        daphne cancel consumers that the stop was still to be announced to.
        """
        stopping = asyncio.wait_for(supervisor().stop(), STOP_TIMEOUT_S)
        stopped: Deferred[Any] = Deferred.fromFuture(asyncio.ensure_future(stopping))
        end_applications = super().kill_all_applications
        return stopped.addBoth(lambda _: end_applications())


def run() -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        OSError: a port could not be bound, or the certificate is no use.
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
    server.run()
    if server.bind_error:
        raise OSError(server.bind_error)
