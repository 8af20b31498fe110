"""The WebSocket of an open overview: snapshots out, acknowledgements in.

The client answers each snapshot with SEEN and gets the next one only then. So a
slow client has one snapshot under way and misses the others, whatever the ASGI
server does with what it cannot send.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error

from streams.live.access import Access, check_access
from streams.live.hub import Feed, Hub

logger = logging.getLogger(__name__)

SEEN = "seen"
RECHECK_S = 30.0
SEEN_TIMEOUT_S = 30.0

# Close codes: 4000 to 4999 are an application's own (RFC 6455 7.4.2).
LOGGED_OUT = 4401
FORBIDDEN = 4403
SILENT = 4408
FAILED = 1011
TRY_LATER = 1013
_CODES = {Access.LOGGED_OUT: LOGGED_OUT, Access.FORBIDDEN: FORBIDDEN}


class OverviewSocket:
    """An ASGI application. It needs `cookies` in its scope.

    A socket that may not watch is accepted and closed at once: a page cannot
    read why a handshake failed.
    """

    def __init__(
        self,
        hub: Hub,
        check: Callable[[str], Access] = check_access,
        recheck_s: float = RECHECK_S,
        seen_timeout_s: float = SEEN_TIMEOUT_S,
    ) -> None:
        self._hub = hub
        self._check = check
        self._recheck_s = recheck_s
        self._seen_timeout_s = seen_timeout_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Return when the socket is closed and nothing of it is left."""
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        key = scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        code = await self._refusal(key)
        await send({"type": "websocket.accept"})
        if code is None:
            code = await self._serve(key, receive, send)
        if code is not None:
            with contextlib.suppress(OSError, RuntimeError):  # gone already
                await send({"type": "websocket.close", "code": code})

    async def _refusal(self, session_key: str) -> int | None:
        """The close code for a session that may not watch (now)."""
        try:
            access = await database_sync_to_async(self._check)(session_key)
        except Error as error:
            logger.warning("overview: a session cannot be checked: %s", error)
            return TRY_LATER
        return _CODES.get(access)

    async def _serve(self, session_key: str, receive: Any, send: Any) -> int | None:
        """The close code; None when the client is gone."""
        feed = self._hub.join()
        if feed is None:
            return TRY_LATER
        jobs = (
            self._read(feed, receive),
            self._write(feed, send),
            self._guard(session_key),
        )
        tasks = [asyncio.create_task(job, name="overview socket") for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in tasks if task.done()).result()
        finally:
            self._hub.leave(feed)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, feed: Feed, receive: Any) -> None:
        """Until the client is gone."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") == SEEN:
                feed.seen.set()

    async def _write(self, feed: Feed, send: Any) -> int | None:
        while (text := await feed.take()) is not None:
            feed.seen.clear()
            try:
                await send({"type": "websocket.send", "text": text})
                await asyncio.wait_for(feed.seen.wait(), self._seen_timeout_s)
            except TimeoutError:
                return SILENT
            except (OSError, RuntimeError):  # its disconnect is under way
                return None
        return FAILED

    async def _guard(self, session_key: str) -> int:
        """Until the session may not watch any more."""
        while True:
            await asyncio.sleep(self._recheck_s)
            code = await self._refusal(session_key)
            if code is not None:
                return code
