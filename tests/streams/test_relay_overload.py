from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.relay_overload import Overload, RelayLimits

LIMITS = RelayLimits(cpu_percent=90.0, lag_ms=100.0, peers=1000)


def told(
    *reports: tuple[float, float, int], overload: Overload | None = None
) -> Overload:
    overload = overload or Overload()
    for cpu, lag, peers in reports:
        overload.add(LIMITS, cpu_percent=cpu, lag_ms=lag, peers=peers)
    return overload


def test_a_relay_with_little_to_do_is_not_busy() -> None:
    assert not told((10, 1, 5), (20, 2, 6), (30, 3, 7)).busy


def test_one_of_which_nothing_is_known_is_not_busy() -> None:
    assert not Overload().busy


def test_its_processor_counts_by_the_mean_of_three_reports() -> None:
    assert not told((100, 0, 1), (100, 0, 1)).busy
    assert not told((69, 0, 1), (100, 0, 1), (100, 0, 1)).busy
    assert told((71, 0, 1), (100, 0, 1), (100, 0, 1)).busy


def test_a_limit_of_a_whole_core_is_none() -> None:
    limits = RelayLimits(cpu_percent=100.0, lag_ms=100.0, peers=1000)
    overload = Overload()
    for _ in range(4):
        overload.add(limits, cpu_percent=137.0, lag_ms=0, peers=1)
    assert not overload.busy


def test_a_single_hiccup_does_not_count() -> None:
    assert not told((10, 0, 1), (10, 900, 1), (10, 0, 1)).busy
    assert told((10, 101, 1), (10, 101, 1)).busy


def test_a_full_one_is_busy_at_once() -> None:
    assert told((1, 0, 1000)).busy
    assert not told((1, 0, 999)).busy


@pytest.mark.parametrize(
    ("busy", "still", "relieved"),
    [
        ((91, 0, 1), (81, 0, 1), (79, 0, 1)),
        ((10, 101, 1), (10, 60, 1), (10, 49, 1)),
        ((10, 0, 1000), (10, 0, 960), (10, 0, 940)),
    ],
)
def test_it_takes_newcomers_again_only_well_below_its_limit(
    busy: tuple[float, float, int],
    still: tuple[float, float, int],
    relieved: tuple[float, float, int],
) -> None:
    overload = told(busy, busy, busy)
    assert overload.busy
    assert told(still, still, still, still, overload=overload).busy
    assert not told(relieved, relieved, relieved, overload=overload).busy
    assert not told(still, still, still, overload=overload).busy


def test_a_limit_as_low_as_its_relief_still_ends() -> None:
    overload = Overload()
    limits = RelayLimits(cpu_percent=10.0, lag_ms=10.0, peers=1)
    for _ in range(3):
        overload.add(limits, cpu_percent=50, lag_ms=0, peers=0)
    assert overload.busy
    for _ in range(3):
        overload.add(limits, cpu_percent=0, lag_ms=0, peers=0)
    assert not overload.busy


@given(
    st.lists(
        st.tuples(st.floats(0, 400), st.floats(0, 10_000), st.integers(0, 4000)),
        max_size=30,
    )
)
def test_calm_reports_always_end_it(
    reports: list[tuple[float, float, int]],
) -> None:
    overload = told(*reports)
    assert not told((0, 0, 0), (0, 0, 0), (0, 0, 0), overload=overload).busy
