"""Posts what waits in the outbox, out of the way of everything else.

Each address has a lane: its events go one after the other, in the order in which
they happened, and no other address waits for them. An address that does not
answer is left alone for a while, with all that is meant for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx
from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from streams.clock import Clock
from streams.limited_log import LimitedLog
from streams.services import webhooks
from streams.services.webhooks import DueDelivery
from streams.signals import deliveries_wanted
from streams.webhooks.client import PostFailedError, make_client, post
from streams.webhooks.signature import encode_body, headers_of

logger = logging.getLogger(__name__)
log = LimitedLog(logger, interval_s=10.0)
Result = TypeVar("Result")

MAX_LANES = 8
TOTAL_S = 7.0  # of one post
IDLE_S = 5.0  # between looks that nobody asked for
PAUSE_S = 5.0  # for an address that does not answer
TIDY_S = 60.0
_RANDOM = random.SystemRandom()


def _jitter() -> float:
    """So that those that failed together do not come back together."""
    return _RANDOM.uniform(0.8, 1.2)


class DeliveryWorker:
    """Posts due deliveries of every process; several of them share the work.

    Start and stop it in the same event loop.
    """

    def __init__(
        self,
        clock: Clock = timezone.now,
        jitter: Callable[[], float] = _jitter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._monotonic = monotonic
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}  # by address
        self._paused: dict[str, float] = {}  # address -> until, monotonic seconds
        self._tidy_at = 0.0

    def start(self) -> None:
        """Work in the running loop from now on; idempotent and immediate."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._run(), name="webhook deliveries")
            deliveries_wanted.connect(self._on_wanted)

    def wake(self) -> None:
        """Look at once. From any thread, and of no effect while not started."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def stop(self) -> None:
        """Nothing is posted any more; what was not finished waits; idempotent."""
        deliveries_wanted.disconnect(self._on_wanted)
        task, self._task, self._loop = self._task, None, None
        tasks = [*self._lanes.values(), *([task] if task else [])]
        for running in tasks:
            running.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def look(self) -> None:
        """A lane is under way for each address that has something due.

        Raises:
            DatabaseError: as Django does.
        """
        now_s = self._monotonic()
        self._paused = {url: at for url, at in self._paused.items() if at > now_s}
        if len(self._lanes) >= MAX_LANES:
            return
        busy = [*self._lanes, *self._paused]
        lanes: dict[str, list[DueDelivery]] = {}
        for due in await _in_database(webhooks.due_deliveries, busy, self._clock):
            lanes.setdefault(due.url, []).append(due)
        for url, deliveries in lanes.items():
            if len(self._lanes) < MAX_LANES:
                self._open_lane(url, deliveries)

    async def join(self) -> None:
        """The lanes that are under way have come to their ends."""
        await asyncio.gather(*self._lanes.values())

    def _on_wanted(self, **_: object) -> None:
        self.wake()

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self._tidy()
                await self.look()
            except (DatabaseError, InterfaceError) as error:
                log.error("webhooks: database not available: %s", error)
            except Exception:  # a bug in one look must not end all deliveries
                logger.exception("webhooks: a look failed")
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _tidy(self) -> None:
        if self._monotonic() >= self._tidy_at:
            self._tidy_at = self._monotonic() + TIDY_S
            await _in_database(webhooks.tidy_deliveries, self._clock)

    def _open_lane(self, url: str, deliveries: Sequence[DueDelivery]) -> None:
        lane = asyncio.create_task(self._work(url, deliveries), name="webhook lane")
        self._lanes[url] = lane
        lane.add_done_callback(lambda _: self._close_lane(url))

    def _close_lane(self, url: str) -> None:
        self._lanes.pop(url, None)
        self._wanted.set()

    async def _work(self, url: str, deliveries: Sequence[DueDelivery]) -> None:
        """Post them in turn. What comes after one without an answer stays due."""
        try:
            for delivery in deliveries:
                if not await self._deliver(delivery):
                    self._paused[url] = self._monotonic() + PAUSE_S
                    return
        except (DatabaseError, InterfaceError) as error:
            self._paused[url] = self._monotonic() + PAUSE_S
            log.error("webhooks: database not available: %s", error)
        except Exception:  # a bug in one lane must not end the others
            self._paused[url] = self._monotonic() + PAUSE_S
            logger.exception("webhooks: a lane failed")

    async def _deliver(self, delivery: DueDelivery) -> bool:
        """Whether the address answers, whatever its answer."""
        claim = await _in_database(webhooks.claim_delivery, delivery, self._clock)
        if claim is None:
            return True
        try:
            status = await self._post(delivery)
        except PostFailedError as error:
            await self._fail(delivery, claim, str(error))
            return False
        if httpx.codes.is_success(status):
            await _in_database(webhooks.settle_delivered, delivery, self._clock)
        else:
            await self._fail(delivery, claim, f"status {status}")
        return True

    async def _post(self, delivery: DueDelivery) -> int:
        if self._client is None:
            self._client = make_client(MAX_LANES)
        body = encode_body(wire_body(delivery.body))
        headers = headers_of(body, delivery.secret, str(delivery.id))
        return await post(self._client, delivery.url, body, headers, total_s=TOTAL_S)

    async def _fail(self, delivery: DueDelivery, claim: object, error: str) -> None:
        log.warning("webhook delivery failed: %s", error)
        await _in_database(
            webhooks.settle_failed, delivery, claim, error, self._jitter, self._clock
        )


def wire_body(body: dict[str, str]) -> dict[str, object]:
    """The body as it is posted: metadata that is a JSON object becomes one.

    It is kept as text, for not everything that Python reads as JSON fits a column.
    """
    wire: dict[str, object] = dict(body)
    text = body.get("metadata", "")
    if text.lstrip().startswith("{"):
        try:
            wire["metadata"] = json.loads(text)
            json.dumps(wire, allow_nan=False)
        except (ValueError, RecursionError):
            wire["metadata"] = text
    return wire


async def _in_database(call: Callable[..., Result], *args: object) -> Result:
    result: Result = await database_sync_to_async(call)(*args)
    return result
