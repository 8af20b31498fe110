"""Lets packets out in small groups: pure.

A key frame of a rendition is dozens of packets. In one burst they would overflow the
buffers of viewers' routers, and the relay would stand still while it sends them all.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

STEP_S = 0.004
SPREAD_S = 0.024  # well inside the time between two frames
MIN_GROUP = 6  # packets that may leave together
MAX_QUEUED = 2048  # packets, some seconds of a whole ladder


class Waiting(NamedTuple):
    """A packet on its way out."""

    rendition: int  # of what, as on the link
    payload: bytes
    ticks: int
    marker: bool
    orientation: bytes | None


class Pacer:
    """A bounded queue whose length sets its speed."""

    def __init__(self) -> None:
        self._queue: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, packets: list[Waiting]) -> bool:
        """Queue packets of a frame; False when there is no room: all are dropped.

        The queue is empty then, and every rendition must go on with a key frame.
        """
        if len(self._queue) + len(packets) > MAX_QUEUED:
            self._queue.clear()
            return False
        self._queue.extend(packets)
        return True

    def take(self) -> list[Waiting]:
        """What may leave now, each STEP_S."""
        steps = SPREAD_S / STEP_S
        count = min(len(self._queue), max(MIN_GROUP, -int(-len(self._queue) // steps)))
        return [self._queue.popleft() for _ in range(count)]

    def put_back(self, packets: list[Waiting]) -> None:
        """Those that could not be sent come first the next time."""
        self._queue.extendleft(reversed(packets))
