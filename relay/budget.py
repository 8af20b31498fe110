"""What somebody may use up: a debt is paid before there is more."""

from __future__ import annotations


class Budget:
    """Refills evenly, `per_s` a second up to `most`; spending may put it in debt.

    Times are seconds of a clock that never goes back.
    """

    def __init__(self, per_s: float, most: float, now: float) -> None:
        self._per_s = per_s
        self._most = most
        self._left = most
        self._time = now

    def spend(self, amount: float, now: float) -> float:
        """The seconds until the debt is paid; 0 without debt."""
        earned = (now - self._time) * self._per_s
        self._time = now
        self._left = min(self._most, self._left + earned) - amount
        return max(0.0, -self._left / self._per_s)
