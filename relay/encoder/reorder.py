"""Puts a stream's packets in order and waits a little for those missing: pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from relay.packet import RtpPacket
from relay.seqno import SeqUnwrapper

# A packet lost upstream is asked for within 0.1 s and comes a round trip later.
MAX_WAIT_S = 0.5
MAX_HELD = 1024  # packets behind a gap


@dataclass(frozen=True, slots=True)
class Ordered:
    packet: RtpPacket
    after_gap: bool  # one before it is missing for good


class Reorder:
    """Each packet comes out once, in the order of its sequence number."""

    def __init__(self) -> None:
        self._unwrapper = SeqUnwrapper()
        self._held: dict[int, tuple[RtpPacket, float]] = {}  # and when it came
        self._next: int | None = None

    def add(self, packet: RtpPacket, now: float) -> None:
        number = self._unwrapper.unwrap(packet.seq)
        if self._next is None:
            self._next = number
        if number >= self._next:  # older ones were given up, or are duplicates
            self._held.setdefault(number, (packet, now))

    def take(self, now: float) -> Iterator[Ordered]:
        """What can be handed on at `now`."""
        while self._held and self._next is not None:
            found = self._held.pop(self._next, None)
            after_gap = False
            if found is None:
                if not self._is_over(now):
                    return
                self._next = min(self._held)
                found, after_gap = self._held.pop(self._next), True
            self._next += 1
            yield Ordered(found[0], after_gap)

    def next_due(self) -> float | None:
        """When `take` has more without another packet; None: never."""
        if not self._held:
            return None
        return min(came for _, came in self._held.values()) + MAX_WAIT_S

    def _is_over(self, now: float) -> bool:
        due = self.next_due()
        return len(self._held) > MAX_HELD or (due is not None and now >= due)
