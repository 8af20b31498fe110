from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from signalling import registry


class Socket:
    def __init__(self, error: Exception | None = None, *, hangs: bool = False) -> None:
        self.error = error
        self.hangs = hangs
        self.told = 0

    async def announce_stop(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        self.told += 1

    def take_measurement(self, message: dict[str, Any]) -> None:
        raise AssertionError("nobody is measured here")


@pytest.fixture(autouse=True)
async def registered() -> AsyncIterator[None]:
    gc.collect()
    assert registry.count() == 0
    yield
    registry.reopen()


async def test_one_socket_that_fails_or_hangs_does_not_keep_it_from_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registry, "ANNOUNCE_TIMEOUT_S", 0.05)
    good, broken, stuck = Socket(), Socket(RuntimeError()), Socket(hangs=True)
    for socket in (broken, stuck, good):
        registry.add(socket)

    await registry.announce_stop()

    assert good.told == 1
    assert "2 sockets were not told" in caplog.text


async def test_it_accepts_nothing_after_the_stop_was_announced() -> None:
    assert not registry.is_stopping()

    await registry.announce_stop()
    await registry.announce_stop()

    assert registry.is_stopping()


def test_it_keeps_no_socket_alive() -> None:
    socket = Socket()
    registry.add(socket)
    assert registry.count() == 1

    del socket
    gc.collect()

    assert registry.count() == 0


def test_discarding_twice_does_no_harm() -> None:
    socket = Socket()
    registry.add(socket)

    registry.discard(socket)
    registry.discard(socket)

    assert registry.count() == 0


def test_a_socket_is_found_by_its_channel_until_it_closes() -> None:
    one, other = Socket(), Socket()
    registry.listen("one", one)
    registry.listen("other", other)

    assert registry.socket_of("one") is one

    registry.discard(one, "one")

    assert registry.socket_of("one") is None
    assert registry.socket_of("other") is other


def test_a_channel_keeps_no_socket_alive() -> None:
    socket = Socket()
    registry.listen("one", socket)

    del socket
    gc.collect()

    assert registry.socket_of("one") is None
