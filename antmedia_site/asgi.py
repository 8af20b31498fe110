"""The ASGI application: HTTP to Django, WebSocket to the signalling consumer.

No session or origin check in front of its sockets: clients are embedded in pages
of other sites, and each command carries its own credentials (contract 1). The
one socket of the admin has both in front of it, and they are its own.
"""

from __future__ import annotations

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "antmedia_site.settings")
http_application = get_asgi_application()

from antmedia_site.operations import Operations  # noqa: E402  needs the app registry
from antmedia_site.wiring import supervisor  # noqa: E402
from signalling.routing import websocket_urlpatterns  # noqa: E402
from streams.live.routing import websocket_urlpatterns as live_urlpatterns  # noqa: E402

router = ProtocolTypeRouter(
    {
        "http": Operations(http_application),
        # The signalling ones end in a pattern that refuses everything else.
        "websocket": URLRouter([*live_urlpatterns, *websocket_urlpatterns]),
    }
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Start the supervisor with the first scope, under any ASGI server."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    supervisor().start()
    await router(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """ASGI's lifespan protocol, which uvicorn speaks and daphne does not."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            supervisor().start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await supervisor().stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
