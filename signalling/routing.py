"""Where WebSockets are served (contract 1)."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path

from signalling.consumer import LEGACY_APPLICATION, SignallingConsumer


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Any other path: refused, instead of a traceback of the router."""
    await receive()
    await send({"type": "websocket.close"})


_socket: Any = SignallingConsumer.as_asgi()
_refuse: Any = refuse

websocket_urlpatterns = [
    path("<str:application>/websocket", _socket),
    path("<str:application>/websocket/", _socket),
    path(LEGACY_APPLICATION, _socket, {"application": LEGACY_APPLICATION}),
    path(f"{LEGACY_APPLICATION}/", _socket, {"application": LEGACY_APPLICATION}),
    re_path(r"", _refuse),
]
