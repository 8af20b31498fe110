from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from signalling import store
from signalling.errors import StoreUnavailable
from signalling.limits import LimitedLog
from streams.policy import AccessDenied, Denial
from tests.signalling.conftest import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def retries(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[store.Retries]:
    monkeypatch.setattr(store, "RETRY_S", 0.0)
    monkeypatch.setattr(store, "log", LimitedLog(store.logger))
    yield store.retries()
    await store.retries().stop()


def failing(
    times: int, error: Exception, done: Callable[[], object]
) -> Callable[[], str]:
    """A service that fails so often, then succeeds."""
    left = times

    def service() -> str:
        nonlocal left
        if left:
            left -= 1
            raise error
        done()
        return "done"

    return service


async def test_it_gives_the_result_of_a_service() -> None:
    assert await store.run(str.upper, "a") == "A"


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("locked"),
        InterfaceError("closed"),
        IntegrityError("twice"),
        AccessDenied(Denial.STORE_UNAVAILABLE),
    ],
)
async def test_a_fault_of_the_database_is_a_refusal(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def service() -> None:
        raise error

    with pytest.raises(StoreUnavailable):
        await store.run(service)
    assert "database: service failed" in caplog.text


@pytest.mark.parametrize("error", [AccessDenied(Denial.ID_IN_USE), RuntimeError("bug")])
async def test_what_else_a_service_raises_passes_through(error: Exception) -> None:
    def service() -> None:
        raise error

    with pytest.raises(type(error)):
        await store.run(service)


async def test_a_result_that_comes_too_late_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "DEADLINE_S", 0.01)
    go_on = threading.Event()
    undone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def slow() -> str:
        go_on.wait(10)
        return "late"

    def undo(result: str) -> None:
        undone.get_loop().call_soon_threadsafe(undone.set_result, result)

    with pytest.raises(StoreUnavailable):
        await store.run(slow, undo=undo)
    monkeypatch.setattr(store, "DEADLINE_S", 10)
    go_on.set()

    assert await undone == "late"


async def test_a_failure_that_comes_too_late_is_dropped(
    monkeypatch: pytest.MonkeyPatch, retries: store.Retries
) -> None:
    monkeypatch.setattr(store, "DEADLINE_S", 0.01)
    go_on = threading.Event()

    def slow() -> None:
        go_on.wait(10)
        raise OperationalError

    with pytest.raises(StoreUnavailable):
        await store.run(slow, undo=lambda _: None)
    monkeypatch.setattr(store, "DEADLINE_S", 10)
    go_on.set()
    await store.run(str)  # one thread: it is over now

    assert len(retries) == 0


async def test_a_caller_that_is_cancelled_leaves_the_service_to_end() -> None:
    started = asyncio.Event()
    go_on = threading.Event()
    undone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def slow() -> str:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(10)
        return "late"

    def undo(result: str) -> None:
        loop.call_soon_threadsafe(undone.set_result, result)

    caller = asyncio.create_task(store.run(slow, undo=undo))
    await started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()

    assert await undone == "late"


async def test_what_must_happen_is_tried_until_the_database_is_back(
    retries: store.Retries,
) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    service = failing(
        3, OperationalError(), lambda: loop.call_soon_threadsafe(done.set)
    )

    assert await store.run_or_retry(service) is None

    await done.wait()
    await until(lambda: not len(retries))


async def test_what_can_happen_now_is_not_retried(retries: store.Retries) -> None:
    assert await store.run_or_retry(str.upper, "a") == "A"
    assert len(retries) == 0


async def test_a_bug_does_not_hold_up_the_other_retries(
    retries: store.Retries, caplog: pytest.LogCaptureFixture
) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def broken() -> None:
        raise RuntimeError("a bug")

    retries.add(broken)
    retries.add(lambda: loop.call_soon_threadsafe(done.set))

    await done.wait()
    assert "RuntimeError: a bug" in caplog.text


async def test_retries_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "MAX_LEFT", 2)
    bounded = store.Retries()
    for _ in range(5):
        bounded.add(str)

    assert len(bounded) == 2
    await bounded.stop()
    assert len(bounded) == 0
