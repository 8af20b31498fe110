"""Bitrates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.stats import RATE_WINDOW_S, RateMeter


def test_a_steady_flow_reads_as_its_rate() -> None:
    meter = RateMeter()
    for step in range(100):
        meter.add(1250, 50 + step * 0.1)
    assert meter.bits_per_s(60) == 100_000


def test_nothing_yet_is_zero() -> None:
    assert RateMeter().bits_per_s(1000) == 0


def test_a_flow_that_stopped_reads_as_zero() -> None:
    meter = RateMeter()
    for step in range(40):
        meter.add(1000, 50 + step * 0.1)
    assert meter.bits_per_s(54) > 0
    assert meter.bits_per_s(54 + 2 * RATE_WINDOW_S) == 0


@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 3)), max_size=50))
def test_the_rate_is_never_negative_nor_above_what_came(
    packets: list[tuple[int, float]],
) -> None:
    meter, now, total = RateMeter(), 100.0, 0
    for size, pause in packets:
        now += pause
        meter.add(size, now)
        total += size
        assert 0 <= meter.bits_per_s(now) <= total * 8 / RATE_WINDOW_S
        assert meter.total_bytes == total
