"""Whether a viewer's path bears more than it is sent: padding tells.

A receiver's estimate stops at 1.5 times of what arrives, and rises by 8 % a second at
most: without more to arrive, a viewer that fell to a low rendition would stay there. So
padding goes out beside it, step by step up to what better renditions take, and ends at
the first sign that it is too much. The clock is passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

STEP_S = 0.4
STEP = 1.4  # times as much as in the step before
FIRST_STEP = 1.2
HOLD_S, MAX_HOLD_S = 1.2, 3.0  # at a goal
SETTLED_S = 0.6  # then a queue has begun to grow, if one does: REMBs from then on count
MARGIN = 1.05  # above a goal, which is a little different a moment later
REPORT_S = 0.2  # between our sender reports, whose round trips tell of a queue
MAX_GOALS = 4  # renditions tried for by one probe
MAX_PADDING_BPS = 4_000_000  # for one viewer
FELL = 0.97
RISES = 1.003
ENOUGH_SHARE = 0.8  # of the goal: a REMB so high need not rise any more
MORE_LOSS = 0.05  # than before the probe
SLOW_SAMPLES = 2  # in a row; a single one may be anybody's hiccup
SLOWER_S = 0.08  # a round trip longer by this, and by half of what it was
CALM_S = 3.0  # without a sign of congestion before a probe
FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 10.0  # after a probe that failed, doubling
# A trial without padding shows the viewer what does not fit.
FIRST_TRIAL_S, MAX_TRIAL_S = 8.0, 64.0
FAILED_TRIAL_S = 10.0


class Probe:
    """One attempt: padding up to each of the goals in turn, and for a while at it.

    Bit/s; times are seconds of one clock that never goes back. `ended`: None while it
    goes on, then whether the last goal was borne. `borne_bps`: the last that was.
    """

    __slots__ = (
        "_goals",
        "_last_remb",
        "_loss",
        "_next_report",
        "_remb_settled",
        "_rtt_s",
        "_sent_bps",
        "_since",
        "_slow_samples",
        "began",
        "borne_bps",
        "ended",
        "level_bps",
    )

    def __init__(
        self,
        goals_bps: Sequence[float],
        *,
        sent_bps: float,
        target_bps: float,
        remb_bps: int,
        fraction_lost: float,
        rtt_s: float | None,
        now: float,
    ) -> None:
        """A probe of a viewer that is sent `sent_bps`, of an estimate of `target_bps`.

        Raises:
            ValueError: there are no goals.
        """
        most = sent_bps + MAX_PADDING_BPS
        goals = {min(goal * MARGIN, most) for goal in goals_bps}
        self._goals = sorted(goals)[:MAX_GOALS]
        if not self._goals:
            raise ValueError("a probe needs a goal")
        self.began = now
        self.borne_bps = 0.0
        self.ended: bool | None = None
        self.level_bps = min(max(sent_bps, target_bps) * FIRST_STEP, self._goals[0])
        self._sent_bps = sent_bps
        self._since = now  # of this step
        self._last_remb = remb_bps
        self._remb_settled: int | None = None  # the first one at a goal that counts
        self._next_report = now
        self._loss = fraction_lost
        self._rtt_s = rtt_s
        self._slow_samples = 0

    @property
    def padding_bps(self) -> float:
        return (
            0.0 if self.ended is not None else max(0, self.level_bps - self._sent_bps)
        )

    def step(self, now: float) -> None:
        """Go on to the next step, or end, when it is time."""
        if self.ended is not None:
            return
        stayed, goal = now - self._since, self._goals[0]
        if self.level_bps < goal:
            if stayed >= STEP_S:
                self._go_to(min(self.level_bps * STEP, goal), now)
            return
        if self._remb_settled is None and stayed >= SETTLED_S:
            self._remb_settled = self._last_remb
        if stayed >= HOLD_S and self._is_borne(goal):
            self._reached(now)
        elif stayed >= MAX_HOLD_S:
            if self._last_remb:
                self.ended = False
            else:  # whoever sends none lost nothing more
                self._reached(now)

    def _go_to(self, level_bps: float, now: float) -> None:
        self.level_bps = level_bps
        self._since = now
        self._remb_settled = None

    def _reached(self, now: float) -> None:
        self.borne_bps = self._goals.pop(0)
        if self._goals:
            self._go_to(min(self.level_bps * STEP, self._goals[0]), now)
        else:
            self.ended = True

    def _is_borne(self, goal: float) -> bool:
        remb, settled = self._last_remb, self._remb_settled
        if not remb or settled is None:
            return False
        return remb >= goal * ENOUGH_SHARE or remb > settled * RISES

    def wants_report(self, now: float) -> bool:
        """Whether a sender report is due."""
        if self.ended is not None or now < self._next_report:
            return False
        self._next_report = now + REPORT_S
        return True

    def fail(self) -> None:
        if self.ended is None:
            self.ended = False

    def on_remb(self, bitrate_bps: int) -> None:
        if self._last_remb and bitrate_bps < self._last_remb * FELL:
            self.fail()
        elif self.ended is None and bitrate_bps >= self._goals[-1]:
            self.borne_bps, self.ended = self._goals[-1], True  # it says so itself
        self._last_remb = bitrate_bps

    def on_loss(self, fraction_lost: float) -> None:
        if fraction_lost > self._loss + MORE_LOSS:
            self.fail()

    def on_round_trip(self, sample_s: float) -> None:
        known = self._rtt_s
        if known is None or sample_s <= known + max(SLOWER_S, known / 2):
            self._slow_samples = 0
            return
        self._slow_samples += 1
        if self._slow_samples >= SLOW_SAMPLES:
            self.fail()


class ProbePlan:
    """When one viewer's next probe may begin: later after each one that failed."""

    __slots__ = ("_first_s", "_most_s", "_next", "_pause_s", "_tried")

    def __init__(self, now: float, *, trials: bool = False) -> None:
        self._first_s = FIRST_TRIAL_S if trials else FIRST_PAUSE_S
        self._most_s = MAX_TRIAL_S if trials else MAX_PAUSE_S
        self._pause_s = self._first_s
        self._next = now + (self._first_s if trials else CALM_S)
        self._tried = -math.inf

    def is_due(self, lowered: float, now: float) -> bool:
        """`lowered`: when congestion was seen last."""
        return now >= self._next and now >= lowered + CALM_S

    def ended(self, now: float, *, well: bool) -> None:
        if well:
            self._pause_s = self._first_s
            self._next = now
        else:
            self._next = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, self._most_s)

    def tried(self, lowered: float, now: float) -> None:
        """A rendition is sent on trial; the last one failed if `lowered` tells so."""
        failed = 0 <= lowered - self._tried < FAILED_TRIAL_S
        self._tried = now
        self._pause_s = (
            min(2 * self._pause_s, self._most_s) if failed else self._first_s
        )
        self._next = now + self._pause_s
