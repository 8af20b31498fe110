"""One HTTP request to the site as it is served, without a server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from antmedia_site.asgi import router


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    text: str


async def request(
    path: str,
    method: str = "GET",
    client: str = "127.0.0.1",
    **headers: str,
) -> Response:
    """`headers`: by their names, with _ for -."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "client": (client, 40000),
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in headers.items()
        ],
    }
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    received.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await router(scope, received.get, send)
    start, *parts = sent
    return Response(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in parts).decode(),
    )
