"""Bounds on what one socket may ask, and on what refusals may write to the log."""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.limited_log import LimitedLog as LimitedLog

COMMANDS_PER_S = 30.0
COMMAND_BURST = 120.0
# A page that plays 16 streams trickles a few hundred candidates at once. They must
# not use up what its answers need.
CANDIDATE_COST = 0.1
MAX_CHEAP_CHARS = 1024  # of a candidate; a longer frame costs what others do
# A long frame counts as several, for a peer gets it too, and so does a long answer:
# who does not read would have us keep it.
CHARS_PER_TOKEN = 16 * 1024
MAX_SESSIONS = 64  # of one socket
MAX_WAITING = 16  # streams one socket may wait for
WAITING_S = 300.0


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

    def charge(self, tokens: float) -> None:
        """What was taken was worth so much more; it may leave a debt."""
        self._tokens -= tokens

    def give_back(self, tokens: float) -> None:
        """Undo a part of the last `take`."""
        self._tokens += tokens
