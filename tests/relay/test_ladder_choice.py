"""Which rendition: down at once, up with patience, never for nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.ladder_choice import (
    FIRST_HOLD_S,
    KEEP_SHARE,
    MAX_HOLD_S,
    MIN_STAY_S,
    ROOM_SHARE,
    SHORT_S,
    Rung,
    Standing,
    choose,
    first,
    forced,
    room_wanted,
)

RUNGS = [Rung(720, 2_400_000), Rung(480, 1_000_000), Rung(240, 300_000)]
STEP_S = 0.2

some_rungs = st.lists(
    st.builds(Rung, st.integers(1, 2160), st.integers(1, 10_000_000)),
    min_size=1,
    max_size=6,
)


class Viewer:
    """Chooses each 200 ms, and counts."""

    def __init__(self, current: int | None = 0) -> None:
        self.now = 100.0
        self.current = current
        self.standing = Standing()
        self.moves: list[tuple[float, int]] = []

    def see(self, target_bps: float, seconds: float, rungs: list[Rung] = RUNGS) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            chosen, self.standing = choose(
                rungs, self.current, target_bps, self.standing, self.now
            )
            if chosen != self.current:
                self.moves.append((self.now, chosen))
            self.current = chosen


# -- where it begins ----------------------------------------------------------


@pytest.mark.parametrize(
    ("target_bps", "index"),
    [(2_500_000, 0), (2_399_999, 1), (1_000_000, 1), (300_000, 2), (30_000, 2)],
)
def test_a_viewer_begins_with_the_best_that_fits(target_bps: int, index: int) -> None:
    assert first(RUNGS, target_bps) == index


def test_among_equal_heights_the_richer_is_better() -> None:
    assert first([Rung(480, 500), Rung(480, 900)], 1000) == 1


@given(some_rungs, st.integers(0, 12_000_000))
def test_what_it_begins_with_fits_or_is_the_least(
    rungs: list[Rung], target_bps: int
) -> None:
    need = rungs[first(rungs, target_bps)].need_bps
    assert need <= target_bps or need == min(rung.need_bps for rung in rungs)


# -- down ---------------------------------------------------------------------


def test_it_goes_down_within_a_second() -> None:
    viewer = Viewer()
    viewer.see(1_100_000, SHORT_S + 2 * STEP_S)
    assert viewer.current == 1


def test_it_goes_down_at_once_when_much_is_missing() -> None:
    viewer = Viewer()
    viewer.see(400_000, STEP_S)
    assert viewer.current == 2


def test_a_short_dip_changes_nothing() -> None:
    viewer = Viewer()
    viewer.see(1_800_000, SHORT_S - STEP_S)
    viewer.see(2_400_000, 5)
    assert not viewer.moves


def test_what_a_browser_says_at_any_sign_of_congestion_is_no_reason() -> None:
    """0.85 of what arrives, whatever the path bears."""
    viewer = Viewer()
    viewer.see(2_400_000 * 0.85, 60)
    assert not viewer.moves


def test_the_lowest_is_sent_whatever_the_path_bears() -> None:
    viewer = Viewer(2)
    viewer.see(30_000, 60)
    assert not viewer.moves


# -- up -----------------------------------------------------------------------


def test_it_goes_up_when_there_is_room_for_a_while() -> None:
    viewer = Viewer(2)
    viewer.see(1_100_000, FIRST_HOLD_S + 2 * STEP_S)
    assert viewer.current == 1


def test_it_goes_up_to_the_best_at_once() -> None:
    viewer = Viewer(2)
    viewer.see(5_000_000, FIRST_HOLD_S + 2 * STEP_S)
    assert [index for _, index in viewer.moves] == [0]


def test_without_a_margin_it_stays() -> None:
    viewer = Viewer(1)
    viewer.see(2_500_000, 60)
    assert not viewer.moves


def test_it_stays_a_while_after_a_change() -> None:
    viewer = Viewer()
    viewer.see(400_000, STEP_S)
    viewer.see(5_000_000, MIN_STAY_S - 2 * STEP_S)
    assert viewer.current == 2
    viewer.see(5_000_000, 1)
    assert viewer.current == 0


def test_each_failed_rise_makes_the_next_one_wait_longer() -> None:
    viewer = Viewer(2)
    for _ in range(12):
        while viewer.current == 2:
            viewer.see(1_200_000, STEP_S)
        viewer.see(400_000, 2)
    falls = [at for at, index in viewer.moves if index == 2]
    rises = [at for at, index in viewer.moves if index == 1]
    waits = [
        round(rise - fall, 3) for fall, rise in zip(falls, rises[1:], strict=False)
    ]
    assert all(b >= a - STEP_S for a, b in pairwise(waits))
    assert MAX_HOLD_S <= waits[-1] <= MAX_HOLD_S + 3


def test_a_rise_that_lasts_makes_up_for_those_that_failed() -> None:
    viewer = Viewer(2)
    viewer.standing = Standing(hold_s=MAX_HOLD_S)
    viewer.see(1_200_000, MAX_HOLD_S + 1)
    assert viewer.current == 1
    viewer.see(1_200_000, 15)
    assert viewer.standing.hold_s == FIRST_HOLD_S


# -- what is there ------------------------------------------------------------


def test_one_that_ended_is_left_at_once() -> None:
    viewer = Viewer(None)
    viewer.see(1_100_000, STEP_S)
    assert viewer.current == 1


@given(some_rungs, st.integers(0, 12_000_000), st.integers(0, 5))
def test_a_constant_path_brings_rest(
    rungs: list[Rung], target_bps: int, index: int
) -> None:
    viewer = Viewer(index % len(rungs))
    viewer.see(target_bps, 60, rungs)
    viewer.moves.clear()
    viewer.see(target_bps, 60, rungs)
    assert not viewer.moves


@given(some_rungs, st.integers(0, 12_000_000), st.integers(0, 5))
def test_it_rests_on_what_fits_while_nothing_better_does(
    rungs: list[Rung], target_bps: int, index: int
) -> None:
    viewer = Viewer(index % len(rungs))
    viewer.see(target_bps, 120, rungs)
    assert viewer.current is not None
    now = rungs[viewer.current]
    least = min(rung.need_bps for rung in rungs)
    assert now.need_bps * KEEP_SHARE <= target_bps or now.need_bps == least
    if now.need_bps * KEEP_SHARE <= target_bps:
        better = [r for r in rungs if r.rank > now.rank]
        assert all(rung.need_bps * ROOM_SHARE > target_bps for rung in better)


@given(
    some_rungs,
    st.lists(st.tuples(st.integers(0, 12_000_000), st.booleans()), max_size=40),
)
def test_it_never_rises_without_room(
    rungs: list[Rung], path: list[tuple[int, bool]]
) -> None:
    viewer = Viewer(None)
    for target_bps, gone in path:
        before = None if gone else viewer.current
        viewer.current = before
        viewer.see(target_bps, STEP_S, rungs)
        assert viewer.current is not None
        after = rungs[viewer.current]
        if before is not None and after.need_bps > rungs[before].need_bps:
            assert after.need_bps * ROOM_SHARE <= target_bps


# -- by force -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "index"), [(1080, 0), (720, 0), (719, 1), (480, 1), (300, 2), (100, 2)]
)
def test_a_forced_height_is_that_or_the_next_lower_or_the_lowest(
    height: int, index: int
) -> None:
    assert forced(RUNGS, height) == index


@given(some_rungs, st.integers(1, 2160))
def test_a_forced_height_that_exists_is_had(rungs: list[Rung], index: int) -> None:
    height = rungs[index % len(rungs)].height
    assert rungs[forced(rungs, height)].height == height


# -- what to probe for --------------------------------------------------------


def test_a_probe_seeks_room_for_the_better_ones() -> None:
    assert room_wanted(RUNGS, 2) == [2_640_000, 1_100_000]
    assert room_wanted(RUNGS, 0) == []


@given(
    st.lists(st.integers(1, 5_000_000), min_size=2, max_size=6, unique=True),
    st.integers(0, 5),
)
def test_what_a_probe_has_shown_is_room(needs: list[int], which: int) -> None:
    rungs = [Rung(100 + i, need) for i, need in enumerate(sorted(needs))]
    wanted = room_wanted(rungs, 0)
    viewer = Viewer(0)
    shown = wanted[which % len(wanted)]
    viewer.see(shown, FIRST_HOLD_S + MIN_STAY_S + 1, rungs)
    assert viewer.current is not None
    assert rungs[viewer.current].need_bps * ROOM_SHARE <= shown
    assert viewer.current >= 1
