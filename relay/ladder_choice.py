"""Which rendition a viewer gets: pure, the clock is passed.

Down at once, up with patience: a rendition that does not fit costs a frozen picture,
one that would have fitted costs sharpness for some seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

# A receiver that sees congestion says 0.85 of what arrives, whatever the path bears:
# only less than this share of what a rendition needs says that it does not fit.
KEEP_SHARE = 0.8
SEVERE_SHARE = 0.5
SHORT_S = 0.7  # not enough for so long: down
ROOM_SHARE = 1.1  # of what a better one needs
MIN_STAY_S = 2.0
FAILED_RISE_S = 10.0  # a fall so soon after a rise: that was one too many
FIRST_HOLD_S, MAX_HOLD_S = 1.0, 8.0  # room for a better one for so long: up


@dataclass(frozen=True, slots=True)
class Rung:
    """A rendition that may be sent. `need_bps`: what it takes, at its recent peak."""

    height: int  # pixels
    need_bps: int

    @property
    def rank(self) -> tuple[int, int]:
        return self.height, self.need_bps


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered from one choice to the next. Seconds."""

    since: float = -math.inf  # of the present rendition
    rose: float = -math.inf  # when the last one better than before came
    short_since: float | None = None
    room_since: float | None = None
    hold_s: float = FIRST_HOLD_S  # longer after each rise that failed


def first(rungs: Sequence[Rung], target_bps: float) -> int:
    """Where a viewer begins: the best that fits, else the one that needs least.

    Raises:
        ValueError: there are none.
    """
    fitting = [i for i, rung in enumerate(rungs) if rung.need_bps <= target_bps]
    if fitting:
        return max(fitting, key=lambda i: rungs[i].rank)
    return min(range(len(rungs)), key=lambda i: (rungs[i].need_bps, rungs[i].height))


def forced(rungs: Sequence[Rung], height: int) -> int:
    """The best of `height` pixels, else the next lower, else the lowest.

    Raises:
        ValueError: there are none.
    """
    allowed = [i for i, rung in enumerate(rungs) if rung.height <= height]
    if allowed:
        return max(allowed, key=lambda i: rungs[i].rank)
    return min(range(len(rungs)), key=lambda i: rungs[i].rank)


def choose(
    rungs: Sequence[Rung],
    current: int | None,
    target_bps: float,
    standing: Standing,
    now: float,
) -> tuple[int, Standing]:
    """The rendition from now on, as an index of `rungs`, and what to remember.

    `current`: the one that is sent, None when it is none of `rungs` (any more).

    Raises:
        ValueError: `rungs` is empty.
    """
    if current is None:
        return first(rungs, target_bps), Standing(since=now, hold_s=standing.hold_s)
    share = target_bps / max(rungs[current].need_bps, 1)
    if share < KEEP_SHARE:
        return _fall(rungs, current, target_bps, standing, now, share < SEVERE_SHARE)
    standing = replace(standing, short_since=None)
    if -math.inf < standing.rose <= now - FAILED_RISE_S:
        standing = replace(standing, rose=-math.inf, hold_s=FIRST_HOLD_S)
    return _rise(rungs, current, target_bps, standing, now)


def _fall(
    rungs: Sequence[Rung],
    current: int,
    target_bps: float,
    standing: Standing,
    now: float,
    is_severe: bool,
) -> tuple[int, Standing]:
    since = now if standing.short_since is None else standing.short_since
    standing = replace(standing, short_since=since, room_since=None)
    need = rungs[current].need_bps
    lower = [i for i, rung in enumerate(rungs) if rung.need_bps < need]
    if not lower or not (is_severe or now - since >= SHORT_S):
        return current, standing
    found = lower[first([rungs[i] for i in lower], target_bps)]
    hold_s = standing.hold_s
    if now - standing.rose < FAILED_RISE_S:
        hold_s = min(2 * hold_s, MAX_HOLD_S)
    return found, Standing(since=now, hold_s=hold_s)


def _rise(
    rungs: Sequence[Rung],
    current: int,
    target_bps: float,
    standing: Standing,
    now: float,
) -> tuple[int, Standing]:
    better = [
        i
        for i, rung in enumerate(rungs)
        if rung.rank > rungs[current].rank and rung.need_bps * ROOM_SHARE <= target_bps
    ]
    if not better:
        return current, replace(standing, room_since=None)
    since = now if standing.room_since is None else standing.room_since
    if now - since < standing.hold_s or now - standing.since < MIN_STAY_S:
        return current, replace(standing, room_since=since)
    best = max(better, key=lambda i: rungs[i].rank)
    return best, Standing(since=now, rose=now, hold_s=standing.hold_s)


def room_wanted(rungs: Sequence[Rung], current: int) -> list[int]:
    """What would have to go through for each of the better renditions, bit/s."""
    rank = rungs[current].rank
    return [math.ceil(r.need_bps * ROOM_SHARE) for r in rungs if r.rank > rank]
