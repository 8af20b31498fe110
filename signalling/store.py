"""Calls of `streams.services` from a consumer, each with a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import Error

from signalling.errors import StoreUnavailable
from signalling.limits import LimitedLog
from streams.policy import AccessDenied, Denial

logger = logging.getLogger(__name__)
log = LimitedLog(logger)
Result = TypeVar("Result")

DEADLINE_S = 5.0
RETRY_S = 2.0
MAX_LEFT = 10_000

_running: set[asyncio.Future[Any]] = set()


async def run(
    call: Callable[..., Result],
    *args: Any,
    undo: Callable[[Result], Any] | None = None,
) -> Result:
    """The result of a service.

    A thread cannot be cancelled: when the deadline passes the call goes on, and
    `undo` (a service too) gets the result that came too late. Whatever else a
    service raises passes through.

    Raises:
        StoreUnavailable: a database error, or no answer within DEADLINE_S.
    """
    task: asyncio.Future[Result] = asyncio.ensure_future(
        database_sync_to_async(call)(*args)
    )
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        await asyncio.wait({task}, timeout=DEADLINE_S)
    finally:
        if not task.done():
            task.add_done_callback(lambda late: _settle(late, undo))
    if not task.done():
        log.error("database: no answer to %s in time", _name(call))
        raise StoreUnavailable
    try:
        return task.result()
    except Error as error:
        log.error("database: %s failed: %s", _name(call), error)
        raise StoreUnavailable from error
    except AccessDenied as denied:
        if denied.reason is not Denial.STORE_UNAVAILABLE:
            raise
        log.error("database: %s failed: %s", _name(call), denied.__cause__)
        raise StoreUnavailable from denied


def _settle(late: asyncio.Future[Result], undo: Callable[[Result], Any] | None) -> None:
    """Nobody waits for this call any more."""
    if late.cancelled() or late.exception() is not None:
        return
    if undo is not None:
        retries().add(undo, late.result())


def _name(call: Callable[..., Any]) -> str:
    return getattr(call, "__name__", "a call")


class Retries:
    """Idempotent services that must still happen, once the database is back.

    A row of a socket that is gone would otherwise keep its stream id taken for as
    long as this process lives. Bounded: over MAX_LEFT the oldest is given up.
    """

    def __init__(self) -> None:
        self._left: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque(
            maxlen=MAX_LEFT
        )
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._left)

    def add(self, call: Callable[..., Any], *args: Any) -> None:
        """Must be called in the event loop."""
        self._left.append((call, args))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="store retries")

    async def stop(self) -> None:
        """Give up what is left; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._left.clear()

    async def _work(self) -> None:
        while self._left:
            call, args = self._left[0]
            outcomes = await asyncio.gather(run(call, *args), return_exceptions=True)
            outcome: object = outcomes[0]
            if isinstance(outcome, StoreUnavailable):
                await asyncio.sleep(RETRY_S)
                continue
            if isinstance(outcome, Exception):  # a bug must not hold up the others
                logger.error("retry of %s", _name(call), exc_info=outcome)
            if self._left and self._left[0] == (call, args):
                self._left.popleft()


class _Holder:
    retries: Retries | None = None
    loop: asyncio.AbstractEventLoop | None = None


def retries() -> Retries:
    """The ones of the running loop."""
    loop = asyncio.get_running_loop()
    if _Holder.retries is None or _Holder.loop is not loop:
        _Holder.retries, _Holder.loop = Retries(), loop
    return _Holder.retries


async def run_or_retry(call: Callable[..., Result], *args: Any) -> Result | None:
    """The result of an idempotent service; nothing yet while the database is away."""
    try:
        return await run(call, *args)
    except StoreUnavailable:
        retries().add(call, *args)
        return None
