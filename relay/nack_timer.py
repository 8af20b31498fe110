"""Looks again while packets are missing.

A look after each burst of the publisher is not enough: frames are up to 50 ms apart,
and a request that waits for the next one comes that much later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_INTERVAL_S = 0.02


class NackTimer:
    """At most one look is due at a time; `close` ends it."""

    __slots__ = ("_look", "_timer")

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Have a look soon, once."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOOK_INTERVAL_S, self._fire)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._look()
