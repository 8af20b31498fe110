"""The lanes of one track: who gets its next burst, and who waits for a start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from relay.fanout import Target

if TYPE_CHECKING:
    from relay.lane import Lane


class Sends(NamedTuple):
    packets: int = 0
    dropped: int = 0  # that the kernel had no room for
    bytes: int = 0

    def plus(self, other: Sends) -> Sends:
        return Sends(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Sends) -> Sends:
        return Sends(*(a - b for a, b in zip(self, other, strict=True)))


class Receivers:
    """Changes are only noted; the track asks for the targets when it sends next.

    So hundreds of viewers that come or go at once cost one new list, not one each.
    """

    __slots__ = (
        "_gone",
        "_lanes",
        "_waiting",
        "changed",
    )

    def __init__(self) -> None:
        self._lanes: dict[Lane, Sends] = {}  # what it had been sent when it came
        self._gone = Sends()  # to those that left, while they were here
        self._waiting: dict[Lane, None] = {}
        self.changed = False

    def __iter__(self) -> Iterator[Lane]:
        """A snapshot: lanes may leave while it is walked through."""
        return iter(tuple(self._lanes))

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def sends(self) -> Sends:
        """To all of them together, those that have left included."""
        packets, dropped, size_bytes = self._gone
        for lane, before in self._lanes.items():  # hundreds, so no object for each
            packets += lane.sent_packets - before.packets
            dropped += lane.dropped_packets - before.dropped
            size_bytes += lane.sent_bytes - before.bytes
        return Sends(packets, dropped, size_bytes)

    def add(self, lane: Lane) -> None:
        if lane not in self._lanes:
            self._lanes[lane] = lane.sends
        if not lane.running:
            self._waiting[lane] = None
        self.changed = True

    def expect(self, lane: Lane) -> None:
        """It comes over from another track with the next start."""
        self._waiting[lane] = None

    def forget(self, lane: Lane) -> None:
        """It was expected and does not come."""
        self._waiting.pop(lane, None)

    def expected(self) -> list[Lane]:
        """Those that wait for a start, here or on the track they are on so far."""
        return list(self._waiting)

    def remove(self, lane: Lane) -> None:
        before = self._lanes.pop(lane, None)
        if before is not None:
            self._gone = self._gone.plus(lane.sends.minus(before))
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
            target = lane.viewer.target(lane) if lane.running else None
            if target is not None:
                targets.append(
                    target._replace(rewrite=lane.rewrite(), floor=lane.floor)
                )
        return targets
