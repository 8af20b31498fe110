"""An operator's server decides who is let in: only its status 200 does."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakValueDictionary

import httpx

from streams.limited_log import LimitedLog
from streams.webhooks.client import PostFailedError, make_client, post
from streams.webhooks.questions import AuthorisationQuestion
from streams.webhooks.signature import encode_body, headers_of

log = LimitedLog(logging.getLogger(__name__))

TOTAL_S = 7.0  # to connect, ask and be answered, and to wait for one's turn
MAX_IN_FLIGHT = 100  # to one address: one that hangs must not hold up the others
MAX_CONNECTIONS = 1_000


class Asker:
    """The questions of one event loop: at most MAX_IN_FLIGHT of an address at once."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        # By address, for as long as somebody asks there.
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def ask(self, question: AuthorisationQuestion) -> bool:
        """Whether the server at the question's address allows it.

        Whatever goes wrong is a no, at the latest after TOTAL_S.
        """
        turn = self._turns.setdefault(question.url, asyncio.Semaphore(MAX_IN_FLIGHT))
        try:
            async with asyncio.timeout(TOTAL_S), turn:
                status = await self._post(question)
        except TimeoutError:
            log.warning("webhook authorisation: no turn or no answer in time")
            return False
        except PostFailedError as error:
            log.warning("webhook authorisation failed: %s", error)
            return False
        if status != httpx.codes.OK:
            log.info("webhook authorisation: refused with status %d", status)
        return status == httpx.codes.OK

    async def close(self) -> None:
        """No connection is left; idempotent, and a later question opens anew."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, question: AuthorisationQuestion) -> int:
        if self._client is None:
            self._client = make_client(MAX_CONNECTIONS)
        body = encode_body(question.body)
        headers = headers_of(body, question.secret)
        return await post(self._client, question.url, body, headers, total_s=TOTAL_S)


class _Holder:
    asker: Asker | None = None
    loop: asyncio.AbstractEventLoop | None = None


def _asker() -> Asker:
    """The one of the running loop."""
    loop = asyncio.get_running_loop()
    if _Holder.asker is None or _Holder.loop is not loop:
        _Holder.asker, _Holder.loop = Asker(), loop
    return _Holder.asker


async def ask(question: AuthorisationQuestion) -> bool:
    """Whether the operator's server lets them in; see `Asker.ask`."""
    return await _asker().ask(question)


async def close() -> None:
    """The running loop's connections to operators' servers are closed; idempotent."""
    await _asker().close()
