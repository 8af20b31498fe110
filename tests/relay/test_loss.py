"""Loss towards the server: what is asked for again, and what is reported."""

import pytest
from hypothesis import given, settings
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


def test_it_repeats_each_half_of_a_known_round_trip() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0, 0.2) == [2]
    assert detector.due(0.09, 0.2) == []
    assert detector.due(0.1, 0.2) == [2]


def test_it_repeats_each_whole_of_a_guessed_one() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0) == [2]
    assert detector.due(loss.FIRST_RTT_S - 0.01) == []
    assert detector.due(loss.FIRST_RTT_S) == [2]


def test_it_repeats_no_sooner_than_the_least_pause() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.0, 0.001) == [2]
    assert detector.due(0.019, 0.001) == []
    assert detector.due(0.024, 0.001) == [2]


def test_it_gives_up_after_the_last_try_and_tells_so_once() -> None:
    detector = make_detector(1, 3, 4, 5)
    tries = sum(len(detector.due(step / 40, 0.001)) for step in range(30))
    assert tries == loss.MAX_TRIES
    assert detector.packets_lost == 1
    assert not detector.recovered(2, 1.0)
    assert detector.take_given_up() == 2
    assert detector.take_given_up() is None


def test_it_gives_up_after_the_window() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(loss.WINDOW_S + 0.01, 0.0) == []
    assert detector.take_given_up() == 2


def test_on_a_long_path_it_has_as_many_tries() -> None:
    detector = make_detector(1, 3, 4, 5)
    asked = [t for t in range(200) if detector.due(t / 100, 0.3)]
    assert asked[:10] == list(range(0, 150, 15))
    assert detector.take_given_up() == 2


def test_the_newest_of_those_given_up_is_told() -> None:
    detector = make_detector(0xFFFD, 0, 2, 3, 4, 5)
    assert detector.due(5.0, 0.0) == []
    assert detector.take_given_up() == 1


# -- what it learns of the path -----------------------------------------------


def test_the_round_trip_is_measured_from_the_nack_to_its_answer() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.rtt_s == loss.FIRST_RTT_S
    assert detector.due(1.0) == [2]
    assert detector.recovered(2, 1.04)
    assert detector.rtt_s == pytest.approx(0.04)
    detector.received(7, 0, 1.04)
    assert detector.due(1.06) == [6]
    assert detector.due(1.09) == []  # 40 ms have not passed
    assert detector.recovered(6, 1.18)
    assert detector.rtt_s == pytest.approx(0.04 + 0.08 / 8)


def test_an_answer_to_one_of_two_nacks_measures_nothing() -> None:
    detector = make_detector(1, 3, 4, 5)
    for now in (0.5, 0.7):
        assert detector.due(now) == [2]
    assert detector.recovered(2, 0.71)
    assert detector.rtt_s == loss.FIRST_RTT_S
    assert detector.recovered_packets == 1


def test_without_rtx_the_packet_itself_is_the_answer() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.5) == [2]
    assert detector.received(2, 0, 0.56)
    assert detector.rtt_s == pytest.approx(0.06)
    assert detector.recovered_packets == 1


def test_packets_that_come_late_teach_patience() -> None:
    """Jitter that swaps packets must not become a storm of NACKs."""
    detector = make_detector(3, 4)
    asked = 0
    for step in range(1, 100):
        now = step / 100
        first = 5 * step
        for seq in (first + 4, first, first + 1, first + 2):
            detector.received(seq, 0, now)
        asked += len(detector.due(now + 0.02))
        detector.received(first + 3, 0, now + 0.025)
        asked += len(detector.due(now + 0.026))
    assert asked == 1  # the first
    assert (detector.packets_lost, detector.recovered_packets) == (0, 0)


def test_patience_ends_when_no_packet_comes_late_any_more() -> None:
    detector = make_detector(1, 3)
    assert detector.received(2, 0, 0.06)
    detector.received(5, 0, 1.0)
    assert detector.due(1.05) == []
    assert detector.due(1.08) == [4]
    assert detector.recovered(4, 1.1)
    for _ in range(20):
        detector.report(2.0)
    for seq in (7, 8, 9):
        detector.received(seq, 0, 3.0)
    assert detector.due(3.0) == [6]


def test_a_late_original_where_rtx_is_used_is_no_answer() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.due(0.5) == [2]
    assert detector.recovered(2, 0.6)
    detector.received(7, 0, 1.0)
    assert detector.due(1.02) == [6]
    assert detector.received(6, 0, 1.025)
    assert detector.rtt_s == pytest.approx(0.1)
    assert detector.recovered_packets == 1


def test_an_outage_is_not_asked_for() -> None:
    """What comes back with the path is new pictures: a key frame starts them."""
    detector = make_detector(1, 2)
    detector.received(300, 0, 2.0)
    assert detector.due(2.1) == []
    assert detector.take_given_up() == 299
    assert detector.packets_lost == 297


def test_a_short_gap_after_a_pause_is_asked_for() -> None:
    detector = make_detector(1)
    detector.received(3, 0, 2.0)
    assert detector.due(2.1) == [2]
    assert detector.take_given_up() is None


def test_a_recovered_packet_is_no_longer_asked_for_nor_lost() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert detector.recovered(2, 0.0)
    assert detector.due(0.1, 0.0) == []
    assert detector.packets_lost == 0


def test_a_recovery_of_what_is_not_missing_is_of_no_use() -> None:
    detector = make_detector(1, 3, 4, 5)
    assert not detector.recovered(4, 0.0)
    assert not detector.recovered(9, 0.0)
    assert not LossDetector(1, 90000).recovered(0, 0.0)
    assert detector.packets_lost == 1


def test_a_duplicate_is_told_and_not_counted() -> None:
    detector = make_detector(1, 2, 3)
    assert not detector.received(3, 0, 0.0)
    assert not detector.received(2, 0, 0.0)
    assert detector.packets_lost == 0


def test_an_original_after_its_recovery_is_a_duplicate() -> None:
    detector = make_detector(1, 3)
    assert detector.recovered(2, 0.0)
    assert not detector.received(2, 0, 0.0)


def test_a_gap_too_large_to_repair_needs_a_key_frame_and_is_counted() -> None:
    detector = make_detector(1, 2 + loss.MAX_MISSING + 1)
    assert detector.take_given_up() == loss.MAX_MISSING + 2
    assert detector.due(0.1, 0.0) == []
    assert detector.packets_lost == loss.MAX_MISSING + 1


def test_the_largest_repairable_gap_is_asked_for_in_two_calls() -> None:
    detector = make_detector(0, loss.MAX_MISSING + 1)
    assert detector.take_given_up() is None
    first = detector.due(0.02, 0.0)
    second = detector.due(0.026, 0.0)
    assert first + second == list(range(1, loss.MAX_MISSING + 1))
    assert len(first) == loss.MAX_NACKS_PER_CALL


def test_many_small_gaps_stay_bounded_and_need_a_key_frame() -> None:
    detector = LossDetector(1, 90000)
    for seq in range(0, 4 * loss.MAX_MISSING, 2):
        detector.received(seq, 0, 0.0)
    assert detector.take_given_up() is not None
    asked = [len(detector.due(0.02 + step / 100, 9.0)) for step in range(9)]
    assert sum(asked) <= loss.MAX_MISSING


def test_a_jump_forward_restarts_without_counting_loss() -> None:
    detector = make_detector(1, 20000, 20001)
    assert detector.take_given_up() == 19999
    assert detector.packets_lost == 0
    assert detector.report(0.0).highest_sequence == 20001


def test_a_single_straggler_is_ignored() -> None:
    detector = make_detector(5000, 5001)
    assert not detector.received(100, 0, 0.0)
    assert detector.received(5002, 0, 0.0)
    assert detector.take_given_up() is None


def test_two_packets_in_a_row_far_behind_are_a_restart() -> None:
    detector = make_detector(5000, 5001)
    assert not detector.received(100, 0, 0.0)
    assert detector.received(101, 0, 0.0)
    assert detector.received(102, 0, 0.0)
    assert detector.take_given_up() is not None
    assert detector.packets_lost == 0
    assert detector.report(0.0).highest_sequence == 0x10000 + 102


def test_the_report_tells_loss_since_the_last_one_and_since_the_start() -> None:
    detector = make_detector(0, 1, 2, 4)
    block = detector.report(0.0)
    assert (block.fraction_lost, block.packets_lost) == (256 // 5, 1)
    assert detector.fraction_lost == pytest.approx(0.2, abs=0.01)
    detector.received(5, 0, 0.0)
    block = detector.report(0.0)
    assert (block.fraction_lost, block.packets_lost) == (0, 1)


def test_a_recovery_in_a_later_interval_does_not_make_the_fraction_negative() -> None:
    detector = make_detector(0, 2, 3)
    detector.report(0.0)
    detector.recovered(1, 0.0)
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


@settings(deadline=None)
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
            detector.recovered(seq, now)
        else:
            detector.received(seq, timestamp, now)
        due = detector.due(now, 0.05)
        assert len(due) == len(set(due)) <= loss.MAX_NACKS_PER_CALL
        assert all(0 <= seq <= 0xFFFF for seq in due)
        assert detector.rtt_s > 0
        block = detector.report(now)
        assert 0 <= block.fraction_lost <= 255
        assert block.packets_lost >= 0


@settings(deadline=None)
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
        assert detector.recovered(seq, 0.0)
    assert detector.packets_lost == 0
