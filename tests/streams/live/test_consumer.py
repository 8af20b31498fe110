"""One overview socket: who gets one, what it is sent, and when it ends.

No test here has rows, but each check of a session looks after the connection of
its thread, so `db` is allowed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import OperationalError

from streams.live import consumer
from streams.live.access import Access
from streams.live.consumer import SEEN, OverviewSocket
from streams.live.hub import MAX_SOCKETS, Hub
from tests.streams.live.test_hub import Rows

Open = Callable[..., "Communicator"]


class Communicator(WebsocketCommunicator):  # type: ignore[misc]  # channels is untyped
    async def accept(self) -> None:
        accepted, _ = await self.connect(timeout=10)
        assert accepted

    async def hear(self) -> Any:
        return json.loads(await self.receive_from(timeout=10))

    async def closed(self) -> int:
        message = await self.receive_output(timeout=10)
        assert message["type"] == "websocket.close"
        await self.wait(timeout=10)
        return int(message["code"])


class People:
    """Who asks is remembered; what they may is a test's to say."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.answer: Access | Exception = Access.ALLOWED

    def __call__(self, session_key: str) -> Access:
        self.keys.append(session_key)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def hub(rows: Rows) -> Hub:
    return Hub(rows, interval_s=0)


@pytest.fixture
async def open_socket(db: None, hub: Hub, people: People) -> AsyncIterator[Open]:
    """Opens sockets and closes what a test leaves. Nothing else is left either."""
    before = asyncio.all_tasks()
    clients: list[Communicator] = []

    def call(cookie: str = "key", **bounds: float) -> Communicator:
        client = Communicator(OverviewSocket(hub, people, **bounds), "/")
        client.scope["cookies"] = {settings.SESSION_COOKIE_NAME: cookie}
        clients.append(client)
        return client

    yield call
    for client in clients:
        if not client.future.done():
            await client.disconnect(timeout=10)
    feeds = set(hub._feeds)
    for feed in feeds:
        hub.leave(feed)
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        _, left = await asyncio.wait(left, timeout=10)
    assert not feeds
    assert not left


async def test_it_sends_what_the_sampler_sees(
    open_socket: Open, rows: Rows, people: People
) -> None:
    client = open_socket("the session")
    await client.accept()
    rows.turn()

    assert (await client.hear())["totals"]["viewers"] == 1
    assert people.keys == ["the session"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Access.LOGGED_OUT, 4401),
        (Access.FORBIDDEN, 4403),
        (OperationalError("away"), 1013),
    ],
)
async def test_who_may_not_watch_is_told_why_and_sent_nothing(
    open_socket: Open,
    people: People,
    rows: Rows,
    answer: Access | Exception,
    code: int,
) -> None:
    people.answer = answer
    rows.turn()
    client = open_socket()
    await client.accept()

    assert await client.closed() == code
    assert rows.looks == 0


async def test_a_socket_without_a_session_cookie_asks_with_none(
    open_socket: Open, people: People
) -> None:
    client = open_socket()
    client.scope["cookies"] = {}
    await client.accept()

    assert people.keys == [""]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Access.LOGGED_OUT, 4401),
        (Access.FORBIDDEN, 4403),
        (OperationalError("away"), 1013),
    ],
)
async def test_who_loses_the_right_to_watch_is_cut_off(
    open_socket: Open,
    people: People,
    rows: Rows,
    answer: Access | Exception,
    code: int,
) -> None:
    client = open_socket(recheck_s=0)
    await client.accept()
    rows.turn()
    await client.hear()

    people.answer = answer

    assert await client.closed() == code


async def test_who_may_still_watch_goes_on(
    open_socket: Open, people: People, rows: Rows
) -> None:
    client = open_socket(recheck_s=0)
    await client.accept()
    while len(people.keys) < 3:
        assert not client.future.done()
        await asyncio.sleep(0)
    rows.turn()

    assert (await client.hear())["totals"]["viewers"] == 1


def test_a_session_is_checked_at_least_every_minute() -> None:
    assert consumer.RECHECK_S <= 60


async def test_the_next_snapshot_waits_until_the_last_was_seen(
    open_socket: Open, rows: Rows
) -> None:
    client = open_socket()
    await client.accept()
    rows.turn()
    assert (await client.hear())["totals"]["viewers"] == 1
    rows.turn(3)
    while rows.looks < 4:  # noqa: ASYNC110  nothing tells of a look
        await asyncio.sleep(0)
    assert await client.receive_nothing(timeout=0.05)

    await client.send_to(text_data=SEEN)

    assert (await client.hear())["totals"]["viewers"] == 4
    rows.turn()
    assert await client.receive_nothing(timeout=0.05)


async def test_other_frames_are_no_acknowledgement(
    open_socket: Open, rows: Rows
) -> None:
    client = open_socket()
    await client.accept()
    rows.turn()
    await client.hear()
    rows.turn()

    await client.send_to(text_data='{"command":"ping"}')
    await client.send_to(bytes_data=SEEN.encode())

    assert await client.receive_nothing(timeout=0.05)


async def test_a_client_that_acknowledges_nothing_is_let_go(
    open_socket: Open, rows: Rows
) -> None:
    client = open_socket(seen_timeout_s=0.01)
    await client.accept()
    rows.turn()
    await client.hear()

    assert await client.closed() == 4408


async def test_one_socket_too_many_is_told_to_come_later(
    open_socket: Open, hub: Hub
) -> None:
    feeds = [hub.join() for _ in range(MAX_SOCKETS)]
    client = open_socket()
    await client.accept()

    assert await client.closed() == 1013
    for feed in feeds:
        assert feed is not None
        hub.leave(feed)


async def test_a_bug_in_the_sampler_closes_the_socket(
    open_socket: Open, rows: Rows
) -> None:
    rows.fault = ValueError("a bug")
    client = open_socket()
    await client.accept()
    rows.turn()

    assert await client.closed() == 1011


async def test_nothing_is_left_of_a_socket_that_is_gone(
    open_socket: Open, hub: Hub, rows: Rows
) -> None:
    client = open_socket()
    await client.accept()
    rows.turn()
    await client.hear()

    await client.disconnect(timeout=10)

    assert hub._feeds == set()
    names = {task.get_name() for task in asyncio.all_tasks() if not task.cancelling()}
    assert not names & {"overview socket", "overview sampler"}


async def test_a_server_that_says_the_client_is_gone_ends_it(
    db: None, hub: Hub, people: People, rows: Rows
) -> None:
    async def receive() -> dict[str, str]:
        if not asked:
            asked.append(True)
            return {"type": "websocket.connect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] != "websocket.accept":
            raise RuntimeError("closed")

    asked: list[bool] = []
    rows.turn()

    await OverviewSocket(hub, people)({"cookies": {}}, receive, send)

    assert hub._feeds == set()
