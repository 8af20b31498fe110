"""What a path bears, by REMBs and losses as viewers send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.downstream import FIRST_BPS, HELD_S, MIN_BPS, PathEstimate

SENT = 2_000_000.0


def estimate() -> PathEstimate:
    return PathEstimate(0.0)


def rembs(
    path: PathEstimate, values: list[int], sent_bps: float = SENT, start: float = 1.0
) -> float:
    """One REMB each 200 ms; the time of the last."""
    for index, value in enumerate(values):
        path.on_remb(value, sent_bps, start + index * 0.2)
    return start + (len(values) - 1) * 0.2


# -- REMB ---------------------------------------------------------------------


def test_before_a_viewer_says_anything_a_usual_path_is_assumed() -> None:
    assert estimate().target_bps == FIRST_BPS


def test_a_low_remb_that_rises_tells_nothing() -> None:
    path = estimate()
    rembs(path, [int(400_000 * 1.016**step) for step in range(50)])
    assert path.target_bps == FIRST_BPS
    assert path.remb_bps > 800_000


def test_a_higher_remb_is_believed() -> None:
    path = estimate()
    rembs(path, [3_000_000])
    assert path.target_bps == 3_000_000


def test_a_falling_remb_is_believed_at_once() -> None:
    path = estimate()
    now = rembs(path, [2_000_000, 1_000_000])
    assert path.target_bps == 1_000_000
    assert path.lowered == now


def test_a_remb_that_falls_to_what_arrives_is_no_congestion() -> None:
    """0.85 of it, when one packet was late."""
    path = estimate()
    rembs(path, [2_500_000, int(SENT * 0.85)])
    assert path.target_bps == FIRST_BPS


def test_a_remb_that_wavers_a_little_is_no_fall() -> None:
    path = estimate()
    rembs(path, [2_000_000, 1_960_000, 2_000_000])
    assert path.target_bps == FIRST_BPS


def test_a_remb_held_below_what_arrives_is_congestion() -> None:
    """An estimate that was below what arrives cannot fall to 0.85 of it."""
    path = estimate()
    steps = int(HELD_S / 0.2) + 2
    rembs(path, [700_000] * steps)
    assert path.target_bps == pytest.approx(SENT * 0.8)


def test_a_remb_held_at_its_own_bound_is_none() -> None:
    path = estimate()
    rembs(path, [1_500_000] * 100, sent_bps=1_000_000)
    assert path.target_bps == FIRST_BPS


# -- loss ---------------------------------------------------------------------


def lose(path: PathEstimate, fraction: float, seconds: int, start: float = 1.0) -> None:
    for second in range(seconds):
        path.on_loss(fraction, SENT, start + second)


@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.05, 0.1])
def test_little_loss_lowers_nothing(fraction: float) -> None:
    path = estimate()
    lose(path, fraction, 30)
    assert path.target_bps == FIRST_BPS


def test_more_loss_lowers_step_by_step() -> None:
    path = estimate()
    lose(path, 0.2, 1)
    assert path.target_bps == pytest.approx(SENT * 0.9)
    lose(path, 0.2, 1, start=2)
    assert path.target_bps == pytest.approx(SENT * 0.81)
    assert path.lowered == 2


def test_a_flood_leaves_what_came_through() -> None:
    path = estimate()
    lose(path, 0.75, 1)
    assert path.target_bps == pytest.approx(SENT * 0.25)
    lose(path, 0.75, 3, start=2)  # of what was sent at the same time, in part
    assert path.target_bps == pytest.approx(SENT * 0.25)


def test_without_loss_it_rises_by_eight_percent_a_second() -> None:
    path = estimate()
    rembs(path, [5_000_000])
    lose(path, 0.5, 1)
    low = path.target_bps
    lose(path, 0.0, 10, start=2)
    assert path.target_bps == pytest.approx(low * 1.08**10, rel=0.01)


def test_without_remb_it_rises_no_further_than_what_is_sent_allows() -> None:
    path = estimate()
    lose(path, 0.5, 1)
    for second in range(2, 100):
        path.on_loss(0.0, 800_000, second)
    assert path.target_bps == 1_200_000


def test_a_long_time_without_reports_is_no_reason_to_rise() -> None:
    path = estimate()
    rembs(path, [5_000_000])
    lose(path, 0.5, 1)
    path.on_loss(0.0, SENT, 1000.0)
    assert path.target_bps == pytest.approx(1_000_000 * 1.08**2, rel=0.01)


# -- proofs -------------------------------------------------------------------


def test_what_went_through_counts_more_than_a_slow_remb() -> None:
    path = estimate()
    now = rembs(path, [1_000_000, 500_000])
    path.proven(2_000_000)
    rembs(path, [int(500_000 * 1.016**step) for step in range(30)], start=now)
    assert path.target_bps == 2_000_000


def test_a_proof_ends_when_the_remb_falls_again() -> None:
    path = estimate()
    now = rembs(path, [1_000_000, 500_000])
    path.proven(2_000_000)
    rembs(path, [900_000, 800_000], start=now)
    assert path.target_bps == 800_000


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("remb"), st.integers(0, 1 << 40)),
            st.tuples(st.just("loss"), st.floats(0, 1)),
            st.tuples(st.just("proven"), st.floats(0, 1e10)),
        )
    ),
    st.floats(0, 1e10),
)
def test_whatever_is_said_there_is_a_sane_target(
    said: list[tuple[str, float]], sent_bps: float
) -> None:
    path = estimate()
    for step, (kind, value) in enumerate(said):
        if kind == "remb":
            path.on_remb(int(value), sent_bps, step * 0.2)
        elif kind == "loss":
            path.on_loss(value, sent_bps, step * 0.2)
        else:
            path.proven(value)
        assert path.target_bps >= MIN_BPS
