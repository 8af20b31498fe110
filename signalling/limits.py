"""Bounds on what one socket may ask, and on what refusals may write to the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

COMMANDS_PER_S = 30.0
COMMAND_BURST = 120.0
# A page that plays 16 streams trickles a few hundred candidates at once. They are
# dropped after validation, so they must not use up what its answers need.
CANDIDATE_COST = 0.1
MAX_SESSIONS = 64  # of one socket
MAX_WAITING = 16  # streams one socket may wait for
WAITING_S = 300.0
LOG_INTERVAL_S = 1.0


class TokenBucket:
    """At most `burst` tokens, refilled at `rate_per_s`."""

    __slots__ = ("_burst", "_clock", "_rate_per_s", "_tokens", "_updated")

    def __init__(
        self,
        rate_per_s: float = COMMANDS_PER_S,
        burst: float = COMMAND_BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._updated = clock()

    def take(self, cost: float = 1.0) -> bool:
        """Whether there was a whole token; if so, `cost` of it is gone."""
        now = self._clock()
        tokens = self._tokens + (now - self._updated) * self._rate_per_s
        if tokens > self._burst:
            tokens = self._burst
        self._updated = now
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - cost
        return True

    def give_back(self, tokens: float) -> None:
        """Undo a part of the last `take`."""
        self._tokens += tokens


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
