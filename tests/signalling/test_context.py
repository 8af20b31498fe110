from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from channels.exceptions import ChannelFull

from relay import control
from signalling import context, registry
from signalling.context import Context, Expired, hang_up
from signalling.errors import SignallingError
from signalling.limits import LimitedLog
from signalling.link import set_link
from signalling.session import Attempt, Role, SocketSession
from streams import services
from tests.signalling.conftest import FakeLink


def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


@pytest.fixture
def posted() -> list[Any]:
    return []


@pytest.fixture
def made(posted: list[Any]) -> Context:
    async def subscribe() -> str:
        return "channel"

    session = SocketSession("LiveApp", False, "192.0.2.1", "a browser")
    return Context(session, subscribe, posted.append, spawn)


def attempt(session: str = "a" * 32) -> Attempt:
    return Attempt(session, Role.PLAY, "s1", "relay-1", 5000)


async def test_a_timer_posts_its_attempt_and_a_later_one_replaces_it(
    made: Context, posted: list[Any]
) -> None:
    kept = attempt()
    made.arm(kept, 60_000)
    first = kept.timer

    made.arm(kept, 0)
    while not posted:  # noqa: ASYNC110  a timer tells nobody else
        await asyncio.sleep(0)

    assert posted == [Expired(kept.session)]
    assert first is not None
    assert first.cancelled()


async def test_hanging_up_is_quiet_when_no_link_is_wired() -> None:
    set_link(None)

    await hang_up("relay-1", "a" * 32)


async def test_hanging_up_says_whether_the_stream_waits(link: FakeLink) -> None:
    await hang_up("relay-1", "a" * 32, park=True)

    assert link.commands == [control.CloseSession("a" * 32, park=True)]


async def test_it_opens_nothing_while_the_server_stops(made: Context) -> None:
    await registry.announce_stop()
    try:
        with pytest.raises(SignallingError, match="not_initialized_yet"):
            await made.open(services.open_play, services.PlayRequest("a", "s1"), "s1")
    finally:
        registry.reopen()


async def test_it_waits_for_nothing_without_a_channel_layer(
    made: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "get_channel_layer", lambda: None)

    await made.wait_for_stream("s1")
    await made.stop_waiting("s1")
    await made.announce_live("s1")

    assert made.session.waiting == {}


async def test_an_announcement_that_does_not_fit_is_logged(
    made: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        async def group_send(self, *_: Any) -> None:
            raise ChannelFull

    monkeypatch.setattr(context, "get_channel_layer", Full)
    monkeypatch.setattr(context, "log", LimitedLog(logging.getLogger("fresh")))

    await made.announce_live("s1")

    assert "were not told" in caplog.text
