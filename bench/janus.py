"""Janus's videoroom over its WebSocket API."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from bench.signalling import JsonSocket, Refused

ROOM = 1234
PLUGIN = "janus.plugin.videoroom"


class JanusSignalling:
    trickle = False

    def __init__(self, url: str) -> None:
        self._socket = JsonSocket(url, "janus-protocol")
        self._session: dict[str, Any] = {}

    async def open(self) -> None:
        await self._socket.open()
        session = await self._ask({"janus": "create"})
        self._session = {"session_id": session["data"]["id"]}
        handle = await self._ask({"janus": "attach", "plugin": PLUGIN})
        self._session["handle_id"] = handle["data"]["id"]

    async def publish(
        self,
        stream: str,
        offer: str,
        accept: Callable[[str], None],
        candidate: Callable[[], str],
    ) -> None:
        await self._message(
            {
                "request": "join",
                "ptype": "publisher",
                "room": ROOM,
                "id": int(stream),
            }
        )
        answer = await self._message({"request": "publish"}, ("offer", offer))
        accept(str(answer["jsep"]["sdp"]))

    async def wait_published(self) -> None:
        while (await self._socket.receive())["janus"] != "webrtcup":
            pass
        self._socket.drain()

    async def play(
        self,
        stream: str,
        answer: Callable[[str], str],
        candidate: Callable[[], str],
    ) -> None:
        offer = await self._message(
            {
                "request": "join",
                "ptype": "subscriber",
                "room": ROOM,
                "streams": [{"feed": int(stream)}],
            }
        )
        sdp = answer(str(offer["jsep"]["sdp"]))
        await self._send(
            {
                "janus": "message",
                "body": {"request": "start", "room": ROOM},
                "jsep": {"type": "answer", "sdp": sdp},
            }
        )
        self._socket.drain()

    async def close(self) -> None:
        await self._socket.close()

    async def _message(
        self, body: dict[str, Any], jsep: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"janus": "message", "body": body}
        if jsep:
            message["jsep"] = {"type": jsep[0], "sdp": jsep[1]}
        return await self._ask(message)

    async def _send(self, message: dict[str, Any]) -> str:
        transaction = secrets.token_hex(6)
        await self._socket.send(
            {**message, **self._session, "transaction": transaction}
        )
        return transaction

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        transaction = await self._send(message)
        while True:
            reply = await self._socket.receive()
            if reply.get("transaction") != transaction or reply["janus"] == "ack":
                continue
            problem = reply.get("error") or reply.get("plugindata", {}).get(
                "data", {}
            ).get("error")
            if problem:
                raise Refused(str(problem))
            return reply
