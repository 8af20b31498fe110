from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from streams.live import hub
from streams.live.hub import Feed, Hub
from streams.live.snapshot import Sample
from tests.streams.live.test_snapshot import SAMPLE


class Rows:
    """Each look at them is let through by a test, and finds one viewer more."""

    def __init__(self) -> None:
        self.looks = 0
        self.fault: Exception | None = None
        self._turns = asyncio.Semaphore(0)

    async def __call__(self) -> Sample:
        await self._turns.acquire()
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return replace(SAMPLE, totals=replace(SAMPLE.totals, viewers=self.looks))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self._turns.release()


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
async def sampled(rows: Rows) -> AsyncIterator[Hub]:
    """Leaves no task behind."""
    before = asyncio.all_tasks()
    made = Hub(rows, interval_s=0)
    yield made
    for feed in list(made._feeds):
        made.leave(feed)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    await asyncio.gather(*left, return_exceptions=True)
    assert all(task.done() for task in left)


def join(sampled: Hub) -> Feed:
    feed = sampled.join()
    assert feed is not None
    return feed


async def take(feed: Feed) -> Any:
    text = await asyncio.wait_for(feed.take(), 10)
    assert text is not None
    return json.loads(text)


async def until_looked(rows: Rows, times: int) -> None:
    """The sampler waits for its next turn after so many looks."""
    while rows.looks < times or not rows._turns._waiters:  # noqa: ASYNC110
        await asyncio.sleep(0)


def samplers() -> list[asyncio.Task[Any]]:
    return [t for t in asyncio.all_tasks() if t.get_name() == "overview sampler"]


async def test_nobody_watches_nothing_is_read(rows: Rows, sampled: Hub) -> None:
    rows.turn()
    await asyncio.sleep(0)

    assert rows.looks == 0
    assert samplers() == []


async def test_all_feeds_get_the_text_of_one_look(rows: Rows, sampled: Hub) -> None:
    feeds = [join(sampled) for _ in range(3)]
    rows.turn()

    texts = [await feed.take() for feed in feeds]

    assert rows.looks == 1
    assert len(samplers()) == 1
    assert texts[0] is texts[1] is texts[2]


async def test_who_joins_later_need_not_wait(rows: Rows, sampled: Hub) -> None:
    rows.turn()
    await take(join(sampled))

    said = await take(join(sampled))

    assert said["totals"]["viewers"] == 1
    assert rows.looks == 1


async def test_a_slow_feed_gets_the_newest_and_misses_the_others(
    rows: Rows, sampled: Hub
) -> None:
    feed = join(sampled)
    rows.turn(3)
    await until_looked(rows, 3)

    said = await take(feed)

    assert said["totals"]["viewers"] == 3
    assert not feed._news.is_set()


async def test_the_sampler_ends_with_the_last_feed(rows: Rows, sampled: Hub) -> None:
    first, second = join(sampled), join(sampled)

    sampled.leave(first)
    sampled.leave(first)
    (sampler,) = samplers()
    assert not sampler.cancelling()
    sampled.leave(second)

    assert sampler.cancelling()


async def test_who_comes_back_sees_the_past_but_no_old_snapshot(
    rows: Rows, sampled: Hub
) -> None:
    feed = join(sampled)
    rows.turn()
    await take(feed)
    sampled.leave(feed)

    feed = join(sampled)
    assert not feed._news.is_set()
    rows.turn()
    said = await take(feed)

    assert said["totals"]["viewers"] == 2
    assert said["history"]["viewers"][-1] == 2


async def test_the_past_is_kept_from_look_to_look(
    rows: Rows, sampled: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = join(sampled)
    rows.turn()
    await take(feed)
    sampled.leave(feed)
    later = replace(SAMPLE, at_ms=SAMPLE.at_ms + 20_000)
    monkeypatch.setattr("tests.streams.live.test_hub.SAMPLE", later)

    feed = join(sampled)
    rows.turn()
    said = await take(feed)

    assert said["history"]["viewers"][-3:] == [1, None, 2]


async def test_there_are_fifty_feeds_at_most(rows: Rows, sampled: Hub) -> None:
    feeds = [join(sampled) for _ in range(hub.MAX_SOCKETS)]

    assert hub.MAX_SOCKETS == 50
    assert sampled.join() is None
    sampled.leave(feeds[0])
    assert sampled.join() is not None


async def test_without_a_database_it_says_so_once_and_goes_on(
    rows: Rows, sampled: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    rows.fault = OperationalError("away")
    feed = join(sampled)
    rows.turn(2)
    await until_looked(rows, 2)

    assert await take(feed) == {"unavailable": True}
    rows.fault = None
    rows.turn()
    assert (await take(feed))["totals"]["viewers"] == 3
    said = [r for r in caplog.records if "does not answer" in r.getMessage()]
    assert len(said) == 1


async def test_a_bug_ends_the_feeds_and_the_next_one_starts_anew(
    rows: Rows, sampled: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    rows.fault = ValueError("a bug")
    feed = join(sampled)
    rows.turn()

    assert await feed.take() is None
    assert caplog.records[-1].levelno == logging.ERROR
    sampled.leave(feed)
    rows.fault = None
    rows.turn()
    assert await take(join(sampled))


async def test_it_reads_the_rows_in_a_thread_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import threading

    def read() -> Sample:
        names.append(threading.current_thread().name)
        return SAMPLE

    names: list[str] = []
    monkeypatch.setattr(hub, "read_sample", read)
    made = Hub(interval_s=0)
    feed = join(made)

    await take(feed)

    made.leave(feed)
    assert names[0].startswith("overview")
