"""The rate that a publisher without transport-wide feedback is told."""

from __future__ import annotations

from relay.packet import abs_send_time
from relay.upstream_rate import (
    FIRST_ESTIMATE_BPS,
    FIRST_ESTIMATE_S,
    MAX_ARRIVALS,
    ArrivalRate,
)


def send(
    rate: ArrivalRate, *, since: float, until: float, slower: float = 1.0
) -> float:
    """1 Mbit/s from `since` on; each packet takes `slower` as long as the one before.

    Returns:
        When the last one came.
    """
    sent = arrived = since
    while sent < until:
        sent += 0.01
        arrived += 0.01 * slower
        rate.received(abs_send_time(sent), 1250, arrived)
        rate.step()
    return arrived


def test_nothing_is_known_before_anything_came() -> None:
    assert ArrivalRate().bearable_bps(5.0) == 0


def test_the_first_word_is_a_cameras_rate_for_a_while() -> None:
    rate = ArrivalRate()
    rate.started(10.0)
    assert rate.bearable_bps(10.0) == FIRST_ESTIMATE_BPS
    assert rate.bearable_bps(10.0 + FIRST_ESTIMATE_S / 2) == FIRST_ESTIMATE_BPS
    assert rate.bearable_bps(10.0 + FIRST_ESTIMATE_S) == 0


def test_then_it_is_the_estimators() -> None:
    rate = ArrivalRate()
    rate.started(10.0)
    now = send(rate, since=10.0, until=20.0)
    assert 1_000_000 < rate.bearable_bps(now) < 1_700_000


def test_congestion_ends_the_first_word() -> None:
    rate = ArrivalRate()
    rate.started(10.0)
    send(rate, since=10.0, until=12.5, slower=1.2)
    assert 0 < rate.bearable_bps(12.5) < 1_000_000
    assert rate.bearable_bps(12.6) < 1_000_000  # and it does not come back


def test_a_long_silence_is_not_walked_through() -> None:
    """By milliseconds it would take many minutes."""
    rate = ArrivalRate()
    send(rate, since=10.0, until=20.0)
    now = send(rate, since=1e6, until=1e6 + 10)
    assert 1_000_000 < rate.bearable_bps(now) < 1_700_000


def test_odd_send_times_are_ignored() -> None:
    rate = ArrivalRate()
    rate.received(b"\0\0", 1250, 1.0)
    rate.received(b"", 1250, 1.0)
    rate.step()
    assert rate.bearable_bps(1.0) == 0


def test_arrivals_between_two_steps_are_bounded() -> None:
    rate = ArrivalRate()
    for index in range(MAX_ARRIVALS + 100):
        rate.received(b"\0\0\1", 100, index * 0.01)
    assert len(rate._arrivals) == MAX_ARRIVALS
