"""One sampler for all overview sockets of this process, while there are any."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from channels.db import database_sync_to_async
from django.db import Error

from streams.live.history import History
from streams.live.queries import read_sample
from streams.live.snapshot import UNAVAILABLE, Sample, serialize

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
MAX_SOCKETS = 50


class Feed:
    """What one socket is still to be sent: the newest snapshot, never a queue."""

    def __init__(self) -> None:
        self._newest: str | None = None
        self._news = asyncio.Event()
        self.seen = asyncio.Event()  # the client has what was sent last

    def offer(self, text: str | None) -> None:
        """`text` is next; what was not taken before is dropped. None: the end."""
        self._newest = text
        self._news.set()

    async def take(self) -> str | None:
        """Wait for the newest snapshot; None when no more will come."""
        await self._news.wait()
        self._news.clear()
        return self._newest


class Hub:
    """Samples for as long as a feed is open, and gives all feeds the same text.

    The history outlives the last feed, as far as it goes: who comes back sees a
    gap and not an empty chart.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Sample]] | None = None,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._read = read or _Reader()
        self._interval_s = interval_s
        self._history = History()
        self._feeds: set[Feed] = set()
        self._last: str | None = None
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    def join(self) -> Feed | None:
        """An open feed, or nothing when MAX_SOCKETS are open."""
        if len(self._feeds) >= MAX_SOCKETS:
            return None
        feed = Feed()
        self._feeds.add(feed)
        if self._last is not None:
            feed.offer(self._last)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="overview sampler")
            self._task.add_done_callback(self._on_done)
        return feed

    def leave(self, feed: Feed) -> None:
        """The feed is closed, and the sampler ended with the last; idempotent."""
        self._feeds.discard(feed)
        if not self._feeds and self._task is not None:
            self._task.cancel()
            self._forget_task()

    async def _run(self) -> None:
        while True:
            self._last = await self._snapshot()
            for feed in self._feeds:
                feed.offer(self._last)
            await asyncio.sleep(self._interval_s)

    async def _snapshot(self) -> str:
        try:
            sample = await self._read()
        except Error as error:
            if not self._failing:
                logger.warning("overview: the database does not answer: %s", error)
            self._failing = True
            return UNAVAILABLE
        self._failing = False
        totals = sample.totals
        self._history.add(sample.at_ms, totals.viewers, totals.incoming)
        return serialize(sample, self._history)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """A bug ends the feeds: their clients come back to a new sampler."""
        if task.cancelled() or task.exception() is None:
            return
        logger.error("the overview sampler failed", exc_info=task.exception())
        if task is self._task:
            self._forget_task()
            for feed in self._feeds:
                feed.offer(None)

    def _forget_task(self) -> None:
        self._task = None
        self._last = None


class _Reader:
    """`read_sample` in a thread of its own.

    Commands of clients share one thread for their queries: they must not wait
    for an overview.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    async def __call__(self) -> Sample:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "overview")
        sample: Sample = await database_sync_to_async(
            read_sample, thread_sensitive=False, executor=self._executor
        )()
        return sample
