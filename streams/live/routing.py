"""The overview's socket: its address, and what stands in front of it."""

from __future__ import annotations

from typing import Any

from channels.sessions import CookieMiddleware
from django.urls import path

from streams.live.consumer import OverviewSocket
from streams.live.hub import Hub
from streams.live.origin import OwnOriginOnly

SOCKET_PATH = "admin/live/socket"

# The session is read by the socket itself, when it opens and again later on: so
# cookies are enough in front of it.
_socket: Any = OwnOriginOnly(CookieMiddleware(OverviewSocket(Hub())))

websocket_urlpatterns = [path(SOCKET_PATH, _socket)]
