"""How a client speaks to a server, whichever it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException


class Refused(Exception):
    """The server answered with an error, or the socket was lost."""


class Signalling(Protocol):
    """One WebSocket. `trickle`: candidates go beside the description."""

    trickle: bool

    async def open(self) -> None: ...

    async def publish(
        self,
        stream: str,
        offer: str,
        accept: Callable[[str], None],
        candidate: Callable[[], str],
    ) -> None:
        """Offer the stream; `accept` gets the answer, then `candidate` is asked."""

    async def wait_published(self) -> None: ...

    async def play(
        self,
        stream: str,
        answer: Callable[[str], str],
        candidate: Callable[[], str],
    ) -> None:
        """Ask for the stream; `answer` makes the answer, then `candidate` is asked."""

    async def close(self) -> None: ...


class JsonSocket:
    """A WebSocket of JSON objects. Once done with, it is read and forgotten."""

    def __init__(self, url: str, subprotocol: str = "") -> None:
        self._url = url
        self._subprotocols: Any = [subprotocol] if subprotocol else None
        self._socket: ClientConnection | None = None
        self._draining: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._socket = await connect(
            self._url,
            subprotocols=self._subprotocols,
            compression=None,
            ping_interval=None,
            max_size=None,
            open_timeout=30,
        )

    async def send(self, message: dict[str, Any]) -> None:
        if self._socket is None:
            raise Refused("the socket is not open")
        try:
            await self._socket.send(json.dumps(message))
        except WebSocketException as error:
            raise Refused(repr(error)) from error

    async def receive(self) -> dict[str, Any]:
        if self._socket is None:
            raise Refused("the socket is not open")
        try:
            message = json.loads(await self._socket.recv())
        except WebSocketException as error:
            raise Refused(repr(error)) from error
        return dict(message)

    def drain(self) -> None:
        """Throw away what comes from now on, so that the socket stays alive."""
        self._draining = asyncio.create_task(self._drain())

    async def close(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
        if self._socket is not None:
            await self._socket.close()

    async def _drain(self) -> None:
        try:
            while True:
                await self.receive()
        except Refused:
            return
