from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.histogram import Histogram


def test_it_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    counted = histogram.counted()
    assert counted.buckets == ((1.0, 2), (2.0, 3), (float("inf"), 4))
    assert counted.total == 12.0


def test_nothing_observed_is_nothing_counted() -> None:
    assert Histogram((1.0,)).counted().buckets == ((1.0, 0), (float("inf"), 0))


@given(st.lists(st.floats(-10, 10)))
def test_the_last_bucket_has_all_and_none_has_fewer_than_the_one_before(
    values: list[float],
) -> None:
    histogram = Histogram((-1.0, 0.0, 3.5))
    for value in values:
        histogram.observe(value)
    counts = [count for _, count in histogram.counted().buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(values)
