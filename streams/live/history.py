"""The last ten minutes of a few totals, bounded, in steps of ten seconds."""

from __future__ import annotations

from collections import deque

SLOT_MS = 10_000
SLOTS = 61  # ten whole minutes and the step that has begun


def slot_of(at_ms: int) -> int:
    """The step that a Unix time in ms falls in; steps start at whole 10 s."""
    return at_ms // SLOT_MS


class History:
    """The last sample of each step. Steps that nobody watched are not known."""

    def __init__(self) -> None:
        self._known: deque[tuple[int, int, int]] = deque(maxlen=SLOTS)

    def add(self, at_ms: int, viewers: int, incoming: int) -> None:
        """`incoming` in bit/s. A clock that was put back starts it anew."""
        slot = slot_of(at_ms)
        if self._known and self._known[-1][0] > slot:
            self._known.clear()
        if self._known and self._known[-1][0] == slot:
            self._known.pop()
        self._known.append((slot, viewers, incoming))

    def series(self, now: int) -> dict[str, list[int | None]]:
        """A value for each of SLOTS steps, that of slot `now` last; None: unknown."""
        known = {slot: values for slot, *values in self._known}
        unknown: list[int | None] = [None, None]
        rows = [known.get(slot, unknown) for slot in range(now - SLOTS + 1, now + 1)]
        return {
            "viewers": [row[0] for row in rows],
            "incoming": [row[1] for row in rows],
        }
