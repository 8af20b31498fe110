"""The way out of this server for push notifications."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from streams import push
from streams.push import BUSY, FAILED, NO_SENDER, TOO_LATE, Device, Push, PushOutcome

PUSH = Push("LiveApp", "anna", {"a": 1}, (Device("bert", "fcm", "secret-device"),))
SENT = PushOutcome(True, "one sent", ("secret-device",))


class Recorder:
    """A class as PUSH_SENDER may name it."""

    pushes: list[Push] = []

    def __call__(self, push: Push) -> PushOutcome:
        self.pushes.append(push)
        return SENT


class Gate:
    """Senders that wait in it, until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = 0

    def __call__(self, push: Push) -> PushOutcome:
        self.waiting += 1
        self.opened.wait(60)
        return SENT


gate = Gate()
not_a_sender = 5


def send_in_vain(push: Push) -> PushOutcome:
    raise ValueError(f"cannot reach {push.devices[0].token}")


def send_and_return_nothing(push: Push) -> None:
    return None


def send_and_fill_in_nonsense(push: Push) -> PushOutcome:
    nonsense: Any = None
    return PushOutcome(True, gone=nonsense)


def send_and_count(push: Push) -> PushOutcome:
    numbers: Any = [1, ["two"]]
    return PushOutcome(True, gone=numbers)


def send_and_talk(push: Push) -> PushOutcome:
    return PushOutcome(True, "x" * 10_000)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    fresh = Gate()
    monkeypatch.setattr("tests.streams.test_push.gate", fresh)
    push.load_sender.cache_clear()
    yield fresh
    fresh.opened.set()
    push.load_sender.cache_clear()


def use(settings: Any, name: str) -> None:
    settings.PUSH_SENDER = f"tests.streams.test_push.{name}" if name else ""


def other(number: int) -> Push:
    return Push("LiveApp", f"subscriber-{number}", {})


async def settled() -> None:
    """Every thread has given back its place."""
    while push._places._taken:  # noqa: ASYNC110  nothing tells of it
        await asyncio.sleep(0)


async def test_without_a_sender_nothing_is_sent(settings: Any) -> None:
    use(settings, "")

    assert await push.send(PUSH) == NO_SENDER
    assert not NO_SENDER.success


async def test_a_class_is_made_once_and_called(settings: Any) -> None:
    use(settings, "Recorder")
    Recorder.pushes.clear()

    assert await push.send(PUSH) == SENT
    assert await push.send(PUSH) == SENT
    assert Recorder.pushes == [PUSH, PUSH]
    path = settings.PUSH_SENDER
    assert push.load_sender(path) is push.load_sender(path)


async def test_a_sender_that_raises_costs_its_push_only(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    use(settings, "send_in_vain")

    with caplog.at_level(logging.DEBUG):
        assert await push.send(PUSH) == FAILED

    assert "ValueError" in caplog.text
    assert "secret-device" not in caplog.text
    await settled()


@pytest.mark.parametrize(
    "sender", ["send_and_return_nothing", "send_and_fill_in_nonsense"]
)
async def test_a_sender_must_say_what_became_of_it(settings: Any, sender: str) -> None:
    use(settings, sender)

    assert await push.send(PUSH) == FAILED
    await settled()


async def test_tokens_that_are_gone_are_texts(settings: Any) -> None:
    use(settings, "send_and_count")

    assert (await push.send(PUSH)).gone == ("1", "['two']")
    await settled()


async def test_without_a_thread_nothing_is_sent_and_no_place_is_lost(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    use(settings, "Recorder")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert await push.send(PUSH) == BUSY
    assert not push._places._taken
    assert await push.send(PUSH) == SENT
    await settled()


async def test_what_a_sender_says_has_a_bound(settings: Any) -> None:
    use(settings, "send_and_talk")

    assert len((await push.send(PUSH)).information) == 500


async def test_a_sender_that_hangs_is_not_waited_for(
    settings: Any, opened: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, "gate")
    monkeypatch.setattr(push, "SEND_S", 0.01)

    assert await push.send(PUSH) == TOO_LATE
    assert opened.waiting == 1  # it still has its place
    assert push._places._taken.total() == 1
    opened.opened.set()
    await settled()


async def test_one_subscriber_does_not_take_all_places(
    settings: Any, opened: Gate
) -> None:
    use(settings, "gate")
    first = [asyncio.create_task(push.send(PUSH)) for _ in range(2)]
    while opened.waiting < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)

    assert await push.send(PUSH) == BUSY

    another = asyncio.create_task(push.send(other(1)))
    while opened.waiting < 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    opened.opened.set()
    assert await asyncio.gather(*first, another) == [SENT] * 3
    await settled()
    assert await push.send(PUSH) == SENT
    await settled()


async def test_there_are_so_many_places(settings: Any, opened: Gate) -> None:
    use(settings, "gate")
    sending = [asyncio.create_task(push.send(other(number))) for number in range(8)]
    while opened.waiting < 8:  # noqa: ASYNC110
        await asyncio.sleep(0)

    assert await push.send(PUSH) == BUSY

    opened.opened.set()
    assert await asyncio.gather(*sending) == [SENT] * 8
    await settled()


async def test_who_does_not_wait_any_more_leaves_no_trouble(
    settings: Any, opened: Gate
) -> None:
    use(settings, "gate")
    sending = asyncio.create_task(push.send(PUSH))
    while opened.waiting < 1:  # noqa: ASYNC110
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    opened.opened.set()
    await settled()


@pytest.mark.parametrize("name", ["missing", "not_a_sender"])
def test_a_wrong_path_is_an_error(name: str) -> None:
    with pytest.raises((ImportError, TypeError)):
        push.load_sender(f"tests.streams.test_push.{name}")
    with pytest.raises(ImportError):
        push.load_sender("nothing")
