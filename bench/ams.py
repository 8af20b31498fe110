"""Ant Media's signalling, current dialect, as its JavaScript SDK speaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.signalling import JsonSocket, Refused


class AmsSignalling:
    trickle = True

    def __init__(self, url: str) -> None:
        self._socket = JsonSocket(url)

    async def open(self) -> None:
        await self._socket.open()

    async def publish(
        self,
        stream: str,
        offer: str,
        accept: Callable[[str], None],
        candidate: Callable[[], str],
    ) -> None:
        await self._socket.send(
            {"command": "publish", "streamId": stream, "video": True, "audio": False}
        )
        await self._wait("start")
        await self._describe(stream, "offer", offer)
        answer = await self._wait("takeConfiguration")
        accept(str(answer["sdp"]))
        await self._trickle(stream, candidate())

    async def wait_published(self) -> None:
        await self._wait("publish_started", "session_restored")
        self._socket.drain()

    async def play(
        self,
        stream: str,
        answer: Callable[[str], str],
        candidate: Callable[[], str],
    ) -> None:
        await self._socket.send({"command": "play", "streamId": stream, "token": ""})
        offer = await self._wait("takeConfiguration")
        await self._describe(stream, "answer", answer(str(offer["sdp"])))
        await self._trickle(stream, candidate())
        self._socket.drain()

    async def close(self) -> None:
        await self._socket.close()

    async def _describe(self, stream: str, kind: str, sdp: str) -> None:
        await self._socket.send(
            {
                "command": "takeConfiguration",
                "streamId": stream,
                "type": kind,
                "sdp": sdp,
            }
        )

    async def _trickle(self, stream: str, candidate: str) -> None:
        await self._socket.send(
            {
                "command": "takeCandidate",
                "streamId": stream,
                "label": 0,
                "id": "0",
                "candidate": candidate,
            }
        )

    async def _wait(self, *words: str) -> dict[str, Any]:
        """The next message whose command or definition is one of `words`."""
        while True:
            message = await self._socket.receive()
            if message.get("command") == "error":
                raise Refused(str(message.get("definition")))
            if {message.get("command"), message.get("definition")} & set(words):
                return message
