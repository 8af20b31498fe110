"""Wrap-around arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.seqno import (
    SeqUnwrapper,
    seq_add,
    seq_diff,
    seq_newer,
    timestamp_add,
    timestamp_diff,
)

seqs = st.integers(0, 0xFFFF)
timestamps = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (5, 3, 2),
        (3, 5, -2),
        (0, 0xFFFF, 1),
        (0xFFFF, 0, -1),
        (0x7FFF, 0, 0x7FFF),
        (0x8000, 0, -0x8000),
        (0, 0x8000, -0x8000),
    ],
)
def test_it_takes_the_shorter_way_round(a: int, b: int, difference: int) -> None:
    assert seq_diff(a, b) == difference


def test_neither_number_is_newer_at_half_the_range_or_when_equal() -> None:
    assert not seq_newer(0x8000, 0)
    assert not seq_newer(0, 0x8000)
    assert not seq_newer(7, 7)


@given(seqs, st.integers(-0x8000, 0x7FFF))
def test_adding_a_difference_leads_back(seq: int, delta: int) -> None:
    assert seq_diff(seq_add(seq, delta), seq) == delta


@given(seqs, seqs)
def test_newer_agrees_with_the_sign_of_the_difference(a: int, b: int) -> None:
    assert seq_newer(a, b) == (seq_diff(a, b) > 0)


@given(timestamps, st.integers(-(2**31), 2**31 - 1))
def test_adding_a_timestamp_difference_leads_back(timestamp: int, delta: int) -> None:
    assert timestamp_diff(timestamp_add(timestamp, delta), timestamp) == delta


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-0x8000 + 1, 0x7FFF), max_size=200))
def test_it_unwraps_every_walk_of_small_steps(start: int, steps: list[int]) -> None:
    unwrapper = SeqUnwrapper()
    assert unwrapper.unwrap(start) == start
    position = start
    for step in steps:
        position += step
        assert unwrapper.unwrap(position & 0xFFFF) == position


def test_it_unwraps_below_zero_when_the_first_packet_was_late() -> None:
    unwrapper = SeqUnwrapper()
    assert [unwrapper.unwrap(seq) for seq in (0, 0xFFFF, 1)] == [0, -1, 1]
