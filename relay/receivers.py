"""The lanes of one track: who gets its next burst, and who waits for a start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from relay.fanout import Target

if TYPE_CHECKING:
    from relay.lane import Lane


class Receivers:
    """Changes are only noted; the track asks for the targets when it sends next.

    So hundreds of viewers that come or go at once cost one new list, not one each.
    """

    __slots__ = (
        "_lanes",
        "_waiting",
        "changed",
        "dropped_packets",
        "sent_packets",
    )

    def __init__(self) -> None:
        self._lanes: dict[Lane, None] = {}
        self._waiting: dict[Lane, None] = {}
        self.changed = False
        self.sent_packets = 0  # to all of them together
        self.dropped_packets = 0

    def __iter__(self) -> Iterator[Lane]:
        """A snapshot: lanes may leave while it is walked through."""
        return iter(tuple(self._lanes))

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    def add(self, lane: Lane) -> None:
        self._lanes[lane] = None
        if not lane.running:
            self._waiting[lane] = None
        self.changed = True

    def remove(self, lane: Lane) -> None:
        self._lanes.pop(lane, None)
        self._waiting.pop(lane, None)
        self.changed = True

    def start_waiting(self, seq: int, timestamp: int, now: float) -> None:
        """The packet `seq` of the track can be decoded without those before it."""
        waiting, self._waiting = self._waiting, {}
        for lane in waiting:
            lane.start(seq, timestamp, now)
        self.changed = True

    def take_targets(self) -> list[Target]:
        """The targets of the lanes that run, as they are now."""
        self.changed = False
        targets = []
        for lane in self._lanes:
            target = lane.viewer.target(self) if lane.running else None
            if target is not None:
                targets.append(target._replace(rewrite=lane.rewrite()))
        return targets
