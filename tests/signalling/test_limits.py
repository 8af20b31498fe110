from __future__ import annotations

import logging

import pytest

from signalling.limits import LimitedLog, TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_taken_and_no_more(clock: Clock) -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, clock=clock)

    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_back_with_time(clock: Clock) -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, clock=clock)
    for _ in range(3):
        bucket.take()
    clock.now += 0.4
    assert not bucket.take()

    clock.now += 0.1

    assert bucket.take()
    assert not bucket.take()


def test_a_long_silence_gives_one_burst(clock: Clock) -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, clock=clock)
    clock.now += 1000

    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_what_is_given_back_can_be_taken(clock: Clock) -> None:
    bucket = TokenBucket(rate_per_s=2, burst=1, clock=clock)
    assert bucket.take()
    assert not bucket.take()

    bucket.give_back(1.0)

    assert bucket.take()


def test_the_same_reason_is_logged_once_a_second(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = LimitedLog(logging.getLogger("limited"), interval_s=1, clock=clock)
    for _ in range(5):
        log.warning("too big")
    log.warning("binary")

    assert caplog.messages == ["too big (0 more like it)", "binary (0 more like it)"]
    clock.now += 1.0
    log.warning("too big")
    assert caplog.messages[-1] == "too big (4 more like it)"


def test_details_do_not_make_another_reason(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = LimitedLog(logging.getLogger("limited"), interval_s=1, clock=clock)
    for name in ("a", "b"):
        log.warning("relay %s", name)

    assert caplog.messages == ["relay a (0 more like it)"]


def test_a_charge_leaves_a_debt(clock: Clock) -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, clock=clock)
    bucket.charge(4)
    clock.now += 0.9
    assert not bucket.take()
    clock.now += 0.2
    assert bucket.take()
