"""What a viewer's receiver reports sum up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.reception import (
    MAX_JUMP,
    Loss,
    Reception,
    ReportPace,
    SentRate,
    smoothed_round_trip,
)
from relay.rtcp import ReportBlock


def block(highest: int, lost: int, ssrc: int = 5, jitter: int = 0) -> ReportBlock:
    return ReportBlock(ssrc, 7, lost, highest & 0xFFFFFFFF, jitter, 0, 0)


def take(reception: Reception, report: ReportBlock, *, is_repair: bool = False) -> Loss:
    return reception.take(report, 90000, is_repair=is_repair)


def test_loss_is_what_the_counters_rose_by() -> None:
    reception = Reception()
    assert take(reception, block(1000, 3)) == Loss(0, 0)
    # Two reports in between were not read: nothing of theirs is missed.
    assert take(reception, block(1300, 33)) == Loss(300, 30)
    assert take(reception, block(1300, 33)) == Loss(0, 0)
    assert reception.packets_lost == 33


def test_numbers_wrap() -> None:
    reception = Reception()
    take(reception, block(0xFFFFFFF0, 0))
    assert take(reception, block(0x10, 1)) == Loss(32, 1)


def test_duplicates_are_no_negative_loss() -> None:
    reception = Reception()
    take(reception, block(100, 0))
    assert take(reception, block(200, -5)) == Loss(100, 0)
    assert reception.packets_lost == 0


def test_losses_of_the_repair_stream_are_nobodys_packets() -> None:
    reception = Reception()
    take(reception, block(1, 0, ssrc=6), is_repair=True)
    assert take(reception, block(11, 4, ssrc=6), is_repair=True) == Loss(10, 4)
    assert reception.packets_lost == 0


def test_a_stream_that_ended_still_counts() -> None:
    reception = Reception()
    take(reception, block(100, 9, ssrc=5, jitter=90))
    take(reception, block(100, 2, ssrc=6, jitter=900))
    assert reception.jitter_s == 0.01
    reception.forget(6)
    reception.forget(77)
    assert (reception.packets_lost, reception.jitter_s) == (11, 0.001)


@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(-(1 << 23), (1 << 23) - 1))
    )
)
def test_nonsense_stays_within_bounds(reports: list[tuple[int, int]]) -> None:
    reception = Reception()
    for highest, lost in reports:
        loss = take(reception, block(highest, lost))
        assert 0 <= loss.lost <= loss.expected < MAX_JUMP
    assert reception.packets_lost >= 0


def test_lone_reports_are_read_twice_a_second_on_average() -> None:
    pace = ReportPace()
    read = sum(pace.admits(1000 + tick / 100) for tick in range(1000))
    assert 13 <= read <= 16
    # After a silence audio's and video's may come together.
    assert [pace.admits(1020.0) for _ in range(4)] == [True, True, True, False]


def test_a_round_trip_is_smoothed() -> None:
    assert smoothed_round_trip(None, 0.2) == 0.2
    assert smoothed_round_trip(0.5, 0.75) == 0.5625


def test_the_rate_is_of_the_last_second_or_so() -> None:
    rate = SentRate(100.0)
    assert rate.bits_per_s == 0
    for tick in range(50):
        rate.update(tick * 1000, 100 + tick / 5)
    assert rate.bits_per_s == pytest.approx(40_000)
    rate.update(49_000, 110.6)
    rate.update(49_000, 111.2)
    rate.update(49_000, 111.8)
    assert rate.bits_per_s == 0
    assert rate.peak_bps == pytest.approx(40_000, rel=0.1)
    for tick in range(5):
        rate.update(49_000, 113 + tick)
    assert rate.peak_bps == 0
