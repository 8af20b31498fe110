"""When to ask a publisher for a key frame (contract M6)."""

from __future__ import annotations

import math

DEFAULT_MIN_INTERVAL_S = 0.5


class KeyFrameRequests:
    """Any number of wishes for a key frame become few requests upstream.

    At most one request goes out per interval. A wish within the interval waits
    for its end, it is never dropped, and it is repeated each interval until a key
    frame starts after the wish. Times are seconds of one clock that never goes back.
    """

    __slots__ = ("_last_sent", "_min_interval_s", "_wanted", "sent")

    def __init__(self, min_interval_s: float = DEFAULT_MIN_INTERVAL_S) -> None:
        self._min_interval_s = min_interval_s
        self._last_sent = -math.inf
        self._wanted = False
        self.sent = 0  # requests so far, for statistics

    def wanted(self, now: float) -> None:
        """A key frame that starts at `now` or later is wished for."""
        self._wanted = True

    def key_frame_arrived(self, now: float) -> None:
        """A key frame starts: every wish so far is fulfilled."""
        self._wanted = False

    def due(self, now: float) -> bool:
        """True when the caller must send a request now; it then counts as sent."""
        if not self._wanted or now < self._last_sent + self._min_interval_s:
            return False
        self._last_sent = now
        self.sent += 1
        return True
