"""What a socket and a message cost at least under daphne: a bare echo consumer.

Run as `python -m bench.echo_asgi PORT`: the same daphne, its settings and the
channel layer of the project's own server, and a consumer that sends back text.
"""

from __future__ import annotations

import os
import sys
from typing import Any

# daphne installs its reactor on import, and first of all.
from daphne.server import Server  # isort: skip

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

MAX_FRAME_BYTES = 1024 * 1024  # as antmedia_site.server


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data=text_data)


def serve(port: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "antmedia_site.settings")
    django.setup()
    router = ProtocolTypeRouter(
        {"websocket": URLRouter([re_path(r"", Echo.as_asgi())])}
    )
    Server(
        router,
        endpoints=[f"tcp:{port}:interface=127.0.0.1:backlog=1024"],
        websocket_timeout=-1,
        websocket_max_message_size=MAX_FRAME_BYTES,
        websocket_max_frame_size=MAX_FRAME_BYTES,
        application_close_timeout=10,
        server_name="",
    ).run()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
