"""When an encoder has fallen behind for good, and when there is room again."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from relay.encoder.link import Status
from relay.encoder.load import (
    BAD_SECONDS,
    CALM_SECONDS,
    SETTLE_SECONDS,
    LoadJudge,
    Verdict,
)

GOOD = Status(frames=30, busy_percent=90)
CALM = Status(frames=30, busy_percent=20)
BAD = Status(frames=30, skipped_frames=15, busy_percent=100)


def settled() -> LoadJudge:
    judge = LoadJudge()
    for _ in range(SETTLE_SECONDS):
        assert judge.judge(BAD) is Verdict.KEEP  # codecs open: everything is late
    return judge


def seconds_until(judge: LoadJudge, status: Status, verdict: Verdict) -> int:
    for second in range(1, 5000):
        if (found := judge.judge(status)) is not Verdict.KEEP:
            assert found is verdict
            return second
    raise AssertionError("never")


def test_bad_seconds_in_a_row_are_too_much() -> None:
    assert seconds_until(settled(), BAD, Verdict.LESS) == BAD_SECONDS


def test_a_hiccup_is_forgiven() -> None:
    judge = settled()
    for _ in range(10):
        for _ in range(BAD_SECONDS - 1):
            assert judge.judge(BAD) is Verdict.KEEP
        assert judge.judge(GOOD) is Verdict.KEEP


def test_a_few_late_frames_are_no_bad_second() -> None:
    judge = settled()
    few = Status(frames=30, skipped_frames=3)
    assert {judge.judge(few) for _ in range(200)} == {Verdict.KEEP}


def test_what_is_left_gets_time_before_it_is_judged() -> None:
    judge = settled()
    seconds_until(judge, BAD, Verdict.LESS)
    assert seconds_until(judge, BAD, Verdict.LESS) == SETTLE_SECONDS + BAD_SECONDS


def test_a_stream_that_stands_still_says_nothing() -> None:
    judge = settled()
    assert {judge.judge(Status()) for _ in range(500)} == {Verdict.KEEP}


def test_frames_lost_before_their_turn_are_counted() -> None:
    """A queue that was thrown away: more is skipped than came in that second."""
    thrown = Status(frames=0, skipped_frames=90)
    assert seconds_until(settled(), thrown, Verdict.LESS) == BAD_SECONDS


def test_room_for_a_minute_brings_one_back() -> None:
    assert seconds_until(settled(), CALM, Verdict.MORE) == CALM_SECONDS


def test_a_busy_encoder_takes_up_nothing() -> None:
    judge = settled()
    assert {judge.judge(GOOD) for _ in range(500)} == {Verdict.KEEP}


def test_each_return_that_was_too_much_makes_the_next_one_wait_longer() -> None:
    judge = settled()
    waits = []
    for _ in range(6):
        waits.append(seconds_until(judge, CALM, Verdict.MORE) - SETTLE_SECONDS)
        seconds_until(judge, BAD, Verdict.LESS)
    waits[0] += SETTLE_SECONDS  # it was settled before
    assert waits == [60, 120, 240, 480, 960, 960]


@given(st.lists(st.sampled_from([GOOD, CALM, BAD, Status()]), max_size=300))
def test_between_two_cuts_there_is_time_to_see_their_effect(
    seconds: list[Status],
) -> None:
    judge = LoadJudge()
    verdicts = [judge.judge(status) for status in seconds]
    cuts = [n for n, verdict in enumerate(verdicts) if verdict is Verdict.LESS]
    gaps = [b - a for a, b in itertools.pairwise(cuts)]
    assert all(gap >= SETTLE_SECONDS + BAD_SECONDS for gap in gaps)
