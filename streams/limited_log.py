"""Log lines that strangers can cause, bounded in number."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOG_INTERVAL_S = 1.0


class LimitedLog:
    """One line a second per reason, with the number of those left out.

    The reasons are constants of the caller, never a client's text.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        interval_s: float = LOG_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._interval_s = interval_s
        self._clock = clock
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def info(self, reason: str, *details: object) -> None:
        self._log(logging.INFO, reason, *details)

    def warning(self, reason: str, *details: object) -> None:
        self._log(logging.WARNING, reason, *details)

    def error(self, reason: str, *details: object) -> None:
        self._log(logging.ERROR, reason, *details)

    def _log(self, level: int, reason: str, *details: object) -> None:
        """Log `reason`, a %-format for `details`, unless it was just logged."""
        now = self._clock()
        if now < self._next.get(reason, now):
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
            return
        self._next[reason] = now + self._interval_s
        left_out = self._left_out.pop(reason, 0)
        self._logger.log(level, f"{reason} (%d more like it)", *details, left_out)
