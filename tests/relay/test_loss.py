"""Loss towards the server: what is asked for again, and what is reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import loss
from relay.loss import LossDetector


def make_detector(*seqs: int) -> LossDetector:
    detector = LossDetector(ssrc=1, clock_rate=90000)
    for seq in seqs:
        detector.received(seq, 0, 0.0)
    return detector


def test_nothing_is_due_without_loss() -> None:
    assert make_detector(0xFFFE, 0xFFFF, 0, 1).due(0.1, 0.0) == []


def test_a_loss_is_due_at_once_when_enough_packets_followed() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0, 0.0) == [2]


def test_a_short_reordering_is_not_asked_for() -> None:
    detector = make_detector(1, 3)
    assert detector.due(0.0, 0.0) == []
    assert detector.received(2, 0, 0.001)
    assert detector.due(0.1, 0.0) == []
    assert detector.packets_lost == 0


def test_a_loss_is_due_after_a_moment_without_further_packets() -> None:
    detector = make_detector(1, 3)
    assert detector.due(0.0, 0.0) == []
    assert detector.due(loss.REORDER_S, 0.0) == [2]


def test_losses_across_the_wrap_are_asked_for_in_order() -> None:
    detector = make_detector(0xFFFD, 2, 3, 4)
    assert detector.due(0.0, 0.0) == [0xFFFE, 0xFFFF, 0, 1]


def test_it_repeats_no_sooner_than_the_round_trip() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0, 0.1) == [2]
    assert detector.due(0.09, 0.1) == []
    assert detector.due(0.1, 0.1) == [2]


def test_it_repeats_no_sooner_than_the_least_pause() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0, 0.0) == [2]
    assert detector.due(0.019, 0.0) == []
    assert detector.due(0.024, 0.0) == [2]


def test_it_gives_up_after_the_last_try() -> None:
    detector = make_detector(1, 3, 4, 5)
    tries = sum(len(detector.due(step / 40, 0.0)) for step in range(30))
    assert tries == loss.MAX_TRIES
    assert detector.missing_packets == 0
    assert detector.packets_lost == 1


def test_it_gives_up_after_the_window() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(loss.WINDOW_S + 0.01, 0.0) == []
    assert detector.missing_packets == 0


def test_a_recovered_packet_is_no_longer_asked_for_nor_lost() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.recovered(2)
    assert detector.due(0.1, 0.0) == []
    assert detector.packets_lost == 0


def test_a_recovery_of_what_is_not_missing_is_of_no_use() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert not detector.recovered(4)
    assert not detector.recovered(9)
    assert not LossDetector(1, 90000).recovered(0)
    assert detector.packets_lost == 1


def test_a_duplicate_is_told_and_not_counted() -> None:
    detector = make_detector(1, 2, 3)
    assert not detector.received(3, 0, 0.0)
    assert not detector.received(2, 0, 0.0)
    assert detector.packets_lost == 0


def test_an_original_after_its_recovery_is_a_duplicate() -> None:
    detector = make_detector(1, 3)
    assert detector.recovered(2)
    assert not detector.received(2, 0, 0.0)


def test_a_gap_too_large_to_repair_needs_a_key_frame_and_is_counted() -> None:
    detector = make_detector(1, 2 + loss.MAX_MISSING + 1)
    assert detector.needs_key_frame
    assert detector.due(0.1, 0.0) == []
    assert detector.packets_lost == loss.MAX_MISSING + 1


def test_the_largest_repairable_gap_is_asked_for_in_two_calls() -> None:
    detector = make_detector(0, loss.MAX_MISSING + 1)
    assert not detector.needs_key_frame
    first = detector.due(0.02, 0.0)
    second = detector.due(0.026, 0.0)
    assert first + second == list(range(1, loss.MAX_MISSING + 1))
    assert len(first) == loss.MAX_NACKS_PER_CALL


def test_many_small_gaps_stay_bounded_and_need_a_key_frame() -> None:
    detector = LossDetector(1, 90000)
    for seq in range(0, 4 * loss.MAX_MISSING, 2):
        detector.received(seq, 0, 0.0)
        assert detector.missing_packets <= loss.MAX_MISSING
    assert detector.needs_key_frame


def test_a_jump_forward_restarts_without_counting_loss() -> None:
    detector = make_detector(1, 20000, 20001)
    assert detector.needs_key_frame
    assert detector.packets_lost == 0
    assert detector.report(0.0).highest_sequence == 20001


def test_a_single_straggler_is_ignored() -> None:
    detector = make_detector(5000, 5001)
    assert not detector.received(100, 0, 0.0)
    assert detector.received(5002, 0, 0.0)
    assert not detector.needs_key_frame


def test_two_packets_in_a_row_far_behind_are_a_restart() -> None:
    detector = make_detector(5000, 5001)
    assert not detector.received(100, 0, 0.0)
    assert detector.received(101, 0, 0.0)
    assert detector.received(102, 0, 0.0)
    assert detector.needs_key_frame
    assert detector.packets_lost == 0
    assert detector.report(0.0).highest_sequence == 0x10000 + 102


def test_the_report_tells_loss_since_the_last_one_and_since_the_start() -> None:
    detector = make_detector(0, 1, 2, 4)
    block = detector.report(0.0)
    assert (block.fraction_lost, block.packets_lost) == (256 // 5, 1)
    detector.received(5, 0, 0.0)
    block = detector.report(0.0)
    assert (block.fraction_lost, block.packets_lost) == (0, 1)


def test_a_recovery_in_a_later_interval_does_not_make_the_fraction_negative() -> None:
    detector = make_detector(0, 2, 3)
    detector.report(0.0)
    detector.recovered(1)
    block = detector.report(0.0)
    assert (block.fraction_lost, block.packets_lost) == (0, 0)


def test_the_extended_sequence_number_counts_the_wraps() -> None:
    assert make_detector(0xFFFF, 0, 1).report(0.0).highest_sequence == 0x10001


def test_a_report_before_the_first_packet_is_zero() -> None:
    block = LossDetector(9, 90000).report(0.0)
    assert (block.ssrc, block.highest_sequence, block.packets_lost) == (9, 0, 0)
    assert (block.fraction_lost, block.jitter, block.lsr, block.dlsr) == (0, 0, 0, 0)


def test_the_report_refers_to_the_last_sender_report() -> None:
    detector = make_detector(1)
    detector.sender_report(0x1111222233334444, 2.0)
    block = detector.report(2.5)
    assert (block.lsr, block.dlsr) == (0x22223333, 32768)


def test_even_arrival_has_no_jitter_even_over_the_timestamp_wrap() -> None:
    detector = LossDetector(1, 90000)
    for index in range(50):
        timestamp = (0xFFFFFFFF - 90000 + index * 3000) & 0xFFFFFFFF
        detector.received(index, timestamp, index / 30)
    assert detector.report(2.0).jitter == 0


def test_jitter_follows_rfc_3550() -> None:
    detector = LossDetector(1, 8000)
    detector.received(0, 0, 0.0)
    detector.received(1, 160, 0.030)  # 10 ms = 80 ticks late
    assert detector.jitter_s == pytest.approx(80 / 16 / 8000)
    detector.received(2, 320, 0.040)  # on time again
    assert detector.report(0.1).jitter == int(5 + (80 - 5) / 16)


def test_a_new_clock_is_not_taken_for_jitter() -> None:
    detector = LossDetector(1, 90000)
    detector.received(0, 0, 0.0)
    detector.received(1, 0x70000000, 0.02)
    assert detector.jitter_s == 0


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF) | st.integers(0, 40),
            st.integers(0, 0xFFFFFFFF),
            st.floats(0, 0.3),
            st.booleans(),
        ),
        max_size=80,
    ),
)
def test_any_sequence_of_packets_stays_bounded_and_reportable(
    start: int, steps: list[tuple[int, int, float, bool]]
) -> None:
    detector = LossDetector(1, 90000)
    now = 0.0
    for offset, timestamp, pause, is_recovery in steps:
        now += pause
        seq = (start + offset) & 0xFFFF
        if is_recovery:
            detector.recovered(seq)
        else:
            detector.received(seq, timestamp, now)
        due = detector.due(now, 0.05)
        assert len(due) == len(set(due)) <= loss.MAX_NACKS_PER_CALL
        assert all(0 <= seq <= 0xFFFF for seq in due)
        assert detector.missing_packets <= loss.MAX_MISSING
        block = detector.report(now)
        assert 0 <= block.fraction_lost <= 255
        assert block.packets_lost >= 0


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.booleans(), min_size=1, max_size=150).filter(lambda kept: kept[-1]),
)
def test_it_asks_for_exactly_what_is_lost(start: int, kept: list[bool]) -> None:
    detector = make_detector(start)
    lost = []
    for index, is_kept in enumerate(kept, 1):
        seq = (start + index) & 0xFFFF
        if is_kept:
            detector.received(seq, 0, 0.0)
        else:
            lost.append(seq)
    assert detector.due(0.5, 0.0) == lost
    assert detector.packets_lost == len(lost)
    for seq in lost:
        assert detector.recovered(seq)
    assert detector.packets_lost == 0
