"""Probes: how far they go, what ends them, and when the next one may begin."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.probing import (
    CALM_S,
    FIRST_PAUSE_S,
    FIRST_TRIAL_S,
    MARGIN,
    MAX_GOALS,
    MAX_PADDING_BPS,
    MAX_PAUSE_S,
    MAX_TRIAL_S,
    Probe,
    ProbePlan,
)

SENT, TARGET = 300_000.0, 450_000.0
GOALS = (1_100_000.0, 2_640_000.0)
BORNE = [goal * MARGIN for goal in GOALS]
TICK_S = 0.025


def probe(
    goals: tuple[float, ...] = GOALS, remb_bps: int = 450_000, rtt_s: float = 0.05
) -> Probe:
    return Probe(
        goals,
        sent_bps=SENT,
        target_bps=TARGET,
        remb_bps=remb_bps,
        fraction_lost=0.0,
        rtt_s=rtt_s,
        now=0.0,
    )


def run(going: Probe, capacity_bps: float = 1e9, seconds: float = 30.0) -> float:
    """As a browser on a path of `capacity_bps` would see it; when it ended."""
    remb, now = 450_000.0, 0.0
    while going.ended is None and now < seconds:
        now += TICK_S
        going.step(now)
        if round(now / TICK_S) % 8 == 0:  # a REMB each 200 ms
            if going.level_bps < capacity_bps:
                remb *= 1.016
            going.on_remb(int(remb))
    return now


def test_on_a_free_path_all_goals_are_borne_within_seconds() -> None:
    going = probe()
    assert run(going) < 6
    assert (going.ended, going.borne_bps) == (True, BORNE[-1])


def test_a_probe_that_fails_halfway_has_shown_the_first_half() -> None:
    going = probe()
    run(going, capacity_bps=1_500_000)
    assert (going.ended, going.borne_bps) == (False, BORNE[0])


def test_on_a_full_path_nothing_is_borne() -> None:
    going = probe()
    assert run(going, capacity_bps=500_000) < 6
    assert (going.ended, going.borne_bps) == (False, 0)


def test_it_rises_in_steps() -> None:
    going = probe()
    levels = [going.level_bps]
    for tick in range(200):
        going.step(tick * TICK_S)
        if going.level_bps != levels[-1]:
            levels.append(going.level_bps)
    assert levels[0] == TARGET * 1.2
    assert all(b <= a * 1.4 for a, b in pairwise(levels))
    assert levels[-1] == BORNE[0]
    assert going.ended is False  # no REMB rose


@pytest.mark.parametrize("sign", ["remb", "loss", "round trip", "blocked"])
def test_each_sign_of_congestion_ends_it(sign: str) -> None:
    going = probe()
    going.step(0.1)
    assert going.padding_bps > 0
    match sign:
        case "remb":
            going.on_remb(430_000)
        case "loss":
            going.on_loss(0.06)
        case "round trip":
            going.on_round_trip(0.2)
            assert going.ended is None
            going.on_round_trip(0.2)
        case "blocked":
            going.fail()
    assert (going.ended, going.padding_bps) == (False, 0)


def test_what_was_so_before_is_no_sign() -> None:
    going = Probe(
        GOALS,
        sent_bps=SENT,
        target_bps=TARGET,
        remb_bps=450_000,
        fraction_lost=0.08,
        rtt_s=0.3,
        now=0.0,
    )
    going.on_remb(445_000)
    going.on_loss(0.12)
    for _ in range(5):
        going.on_round_trip(0.44)
    assert going.ended is None


def test_a_viewer_that_says_it_has_room_needs_no_more_padding() -> None:
    going = probe()
    going.on_remb(5_000_000)
    assert (going.ended, going.borne_bps) == (True, BORNE[-1])


def test_without_rembs_loss_alone_decides() -> None:
    going = probe(remb_bps=0)
    now = 0.0
    while going.ended is None:
        now += TICK_S
        going.step(now)
    assert (going.ended, going.borne_bps) == (True, BORNE[-1])


def test_a_rise_that_ended_with_the_goal_is_no_proof() -> None:
    """A receiver that sees a queue grow holds its estimate: the rise was before."""
    going = probe((600_000.0,))
    now = 0.0
    while going.ended is None:
        now += 0.2
        going.on_remb(450_000 + min(int(now * 60_000), 30_000))
        going.step(now)
    assert going.ended is False


def test_reports_to_measure_by_go_out_a_few_times_a_second() -> None:
    going = probe()
    due = sum(going.wants_report(tick * TICK_S) for tick in range(80))
    assert 8 <= due <= 10
    going.fail()
    assert not going.wants_report(100)


def test_a_probe_needs_a_goal() -> None:
    with pytest.raises(ValueError, match="goal"):
        probe(())


@given(
    st.lists(st.floats(1, 1e9), min_size=1, max_size=20),
    st.lists(st.integers(0, 1 << 40), max_size=400),
)
def test_padding_and_duration_are_bounded(goals: list[float], rembs: list[int]) -> None:
    going = probe(tuple(goals))
    rest = iter(rembs)
    now = 0.0
    while going.ended is None:
        now += 0.2
        assert now < 60
        assert 0 <= going.padding_bps <= MAX_PADDING_BPS
        going.on_remb(next(rest, 450_000))
        going.step(now)
    assert going.borne_bps <= SENT + MAX_PADDING_BPS


def test_goals_are_few() -> None:
    going = probe(tuple(range(1_000_000, 3_000_000, 10_000)))
    assert run(going) < 10
    most = 1_000_000 + (MAX_GOALS - 1) * 10_000
    assert going.borne_bps == most * MARGIN


# -- when ---------------------------------------------------------------------


def test_the_first_probe_waits_for_calm() -> None:
    plan = ProbePlan(0.0)
    assert not plan.is_due(-1e9, CALM_S - 0.1)
    assert plan.is_due(-1e9, CALM_S)
    assert not plan.is_due(lowered=5.0, now=5.0 + CALM_S - 0.1)
    assert plan.is_due(lowered=5.0, now=5.0 + CALM_S)


def test_failed_probes_double_the_pause_up_to_a_bound() -> None:
    plan = ProbePlan(0.0)
    pauses = []
    now = 100.0
    for _ in range(8):
        plan.ended(now, well=False)
        waited = 0.0
        while not plan.is_due(-1e9, now + waited):
            waited += 0.5
        pauses.append(waited)
        now += waited
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-2:] == [MAX_PAUSE_S, MAX_PAUSE_S]
    plan.ended(now, well=True)
    assert plan.is_due(-1e9, now)


def test_trials_wait_longer_after_each_one_that_failed() -> None:
    plan = ProbePlan(0.0, trials=True)
    now, pauses = 0.0, []
    lowered = -1e9
    for _ in range(6):
        started = now
        while not plan.is_due(lowered, now):
            now += 0.5
        pauses.append(now - started)
        plan.tried(lowered, now)
        lowered = now + 1.5  # it did not fit
    assert pauses == sorted(pauses)
    assert pauses[0] == FIRST_TRIAL_S
    assert pauses[-1] <= MAX_TRIAL_S
    assert pauses[-1] >= 4 * FIRST_TRIAL_S
