"""A histogram as Prometheus counts one: how many were at most so much."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """`buckets`: (upper bound, how many were at most that); the last one is all."""

    buckets: tuple[tuple[float, int], ...]
    total: float  # of all values


class Histogram:
    """Not safe to use from several threads: its owner locks."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: ascending; what is above the last one is counted too."""
        self._bounds = (*bounds, float("inf"))
        self._counts = [0] * len(self._bounds)
        self._total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def counted(self) -> Counted:
        found, so_far = [], 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return Counted(tuple(found), self._total)
