"""An event loop whose clock moves only when nothing else is left to do.

Timers of minutes end at once and in their order, and a run is the same every time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

MAX_TURNS = 50_000  # of one run; more is a loop that never comes to rest


class _Selector(selectors.DefaultSelector):
    """Where a real one would sleep, it tells the loop."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        self.loop.count_turn()
        ready = super().select(0)
        if not ready and timeout != 0:
            self.loop.on_idle(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs by `settle` and `advance` only. Seconds since its start are its time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._target = 0.0
        self._turns = 0
        self._last_turn = MAX_TURNS
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def settle(self) -> None:
        """Everything that does not wait for a later time has been done."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """So much time has passed, and what was to be done in it is done."""
        self._target = self._now + seconds
        self._turns, self._last_turn = 0, MAX_TURNS
        self.run_forever()
        self._now = self._target

    def turn(self, times: int) -> None:
        """Some of what is to be done now has been done, a callback after the other."""
        self._target = self._now
        self._turns, self._last_turn = 0, times
        self.run_forever()

    def complete(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`, which waits for no later time."""
        task = self.create_task(work)
        self.settle()
        assert task.done(), "it waits for something that does not come"
        return task.result()

    def on_idle(self, timeout: float | None) -> None:
        """The next timer is `timeout` away; None: there is none."""
        if timeout is None or self._now + timeout > self._target:
            self.stop()
        else:
            self._now += timeout

    def count_turn(self) -> None:
        self._turns += 1
        assert self._turns < MAX_TURNS, "the loop never comes to rest"
        if self._turns == self._last_turn:
            self.stop()

    def timers(self) -> list[asyncio.TimerHandle]:
        """Those that are still to come."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # no public way
        return [timer for timer in scheduled if not timer.cancelled()]
