from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.impairment.path import TOKEN_BURST_BYTES, Burst, Conditions, Path

PACKET = 1000  # bytes
PACKETS = 4000

probability = st.floats(0, 1)
conditions = st.builds(
    Conditions,
    loss=probability,
    burst=st.none() | st.builds(Burst, probability, probability, probability),
    delay_ms=st.floats(0, 500),
    jitter_ms=st.floats(0, 500),
    reorders=st.booleans(),
    duplicate=probability,
    rate_bps=st.none() | st.floats(1e4, 1e8),
    queue_ms=st.floats(0, 1000),
    outage=st.booleans(),
)
steps = st.lists(st.tuples(st.integers(1, 1500), st.floats(0, 0.05)), max_size=60)


def sent(
    path: Path, count: int, interval_s: float, size: int = PACKET
) -> list[tuple[float, ...]]:
    """When each of `count` packets arrives, the first one sent at 0."""
    return [path.offer(size, n * interval_s) for n in range(count)]


def lost(path: Path) -> list[bool]:
    return [not arrivals for arrivals in sent(path, PACKETS, 0.001)]


def runs(of: list[bool]) -> list[int]:
    """The lengths of the runs of True."""
    edges = [n for n, (a, b) in enumerate(pairwise([False, *of, False])) if a != b]
    return [end - start for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_a_perfect_path_delivers_at_once() -> None:
    assert sent(Path("s"), 3, 0.5) == [(0.0,), (0.5,), (1.0,)]


def test_delay_is_added_to_each_packet() -> None:
    path = Path("s", Conditions(delay_ms=50))
    assert sent(path, 2, 1.0) == [(0.05,), (1.05,)]


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3, 1.0])
def test_loss_is_as_frequent_as_it_was_told(loss: float) -> None:
    assert sum(lost(Path("s", Conditions(loss=loss)))) / PACKETS == pytest.approx(
        loss, abs=0.02
    )


def test_bursts_are_as_long_and_as_frequent_as_they_were_told() -> None:
    fates = lost(Path("s", Conditions(burst=Burst(start=0.01, stop=0.2))))
    lengths = runs(fates)
    assert sum(lengths) / len(lengths) == pytest.approx(5, rel=0.3)
    assert sum(fates) / PACKETS == pytest.approx(0.01 / 0.21, rel=0.4)


def test_loss_by_chance_has_no_long_runs() -> None:
    lengths = runs(lost(Path("s", Conditions(loss=0.05))))
    assert sum(lengths) / len(lengths) < 1.2


def test_an_outage_lets_nothing_through_and_leaves_no_trace() -> None:
    path = Path("s", Conditions(outage=True))
    assert sent(path, 3, 0.1) == [(), (), ()]
    path.conditions = Conditions()
    assert path.offer(PACKET, 1.0) == (1.0,)


def test_which_packets_are_lost_depends_on_nothing_but_seed_and_loss() -> None:
    plain = Conditions(loss=0.1)
    delayed = replace(plain, delay_ms=40, jitter_ms=30, duplicate=0.5)
    assert lost(Path("s", plain)) == lost(Path("s", delayed))
    assert lost(Path("s", plain)) != lost(Path("another", plain))


def test_jitter_spreads_and_keeps_the_order_unless_told_otherwise() -> None:
    ordered = Path("s", Conditions(delay_ms=10, jitter_ms=20))
    times = [t for (t,) in sent(ordered, 500, 0.001)]
    assert times == sorted(times)
    overtaking = Path("s", Conditions(delay_ms=10, jitter_ms=20, reorders=True))
    arrivals = [t for (t,) in sent(overtaking, 500, 0.001)]
    assert arrivals != sorted(arrivals)
    delays = [arrival - n * 0.001 for n, arrival in enumerate(arrivals)]
    assert min(delays) >= 0.01 - 1e-9
    assert 0.028 < max(delays) <= 0.03 + 1e-9


def test_duplicates_come_as_often_as_they_were_told() -> None:
    path = Path("s", Conditions(duplicate=0.2))
    arrivals = sent(path, PACKETS, 0.001)
    assert sum(len(times) == 2 for times in arrivals) / PACKETS == pytest.approx(
        0.2, abs=0.03
    )
    assert path.counters.duplicated == sum(len(times) == 2 for times in arrivals)


def test_a_rate_limit_lets_through_its_rate() -> None:
    rate_bps = 400_000
    path = Path("s", Conditions(rate_bps=rate_bps, queue_ms=200))
    interval_s, seconds = 0.01, 20  # twice of what fits
    arrivals = sent(path, int(seconds / interval_s), interval_s)
    passed = sum(len(times) for times in arrivals)
    assert passed * PACKET * 8 / seconds == pytest.approx(rate_bps, rel=0.03)


def test_a_full_queue_delays_by_its_length_and_drops_the_rest() -> None:
    path = Path("s", Conditions(rate_bps=400_000, queue_ms=200))
    arrivals = sent(path, 1000, 0.01)
    delays = [t[0] - n * 0.01 for n, t in enumerate(arrivals) if t]
    packet_s = PACKET * 8 / 400_000
    assert 0.2 < max(delays) <= 0.2 + packet_s + 1e-9
    assert path.counters.queue_full == sum(not times for times in arrivals) > 0
    assert path.counters.lost == 0


def test_a_rate_limit_lets_a_small_burst_through_at_once() -> None:
    path = Path("s", Conditions(rate_bps=400_000))
    arrivals = [path.offer(PACKET, 10.0) for _ in range(5)]
    at_once = TOKEN_BURST_BYTES // PACKET
    assert arrivals[:at_once] == [(10.0,)] * at_once
    assert arrivals[at_once][0] > 10.0


def test_conditions_can_change_on_the_way() -> None:
    path = Path("s", Conditions(delay_ms=100))
    assert path.offer(PACKET, 0.0) == (0.1,)
    path.conditions = Conditions()
    # It may not overtake what went before it.
    assert path.offer(PACKET, 0.01) == (0.1,)
    assert path.offer(PACKET, 0.2) == (0.2,)


@given(conditions=conditions, steps=steps)
def test_every_packet_is_counted_and_none_arrives_before_it_was_sent(
    conditions: Conditions, steps: list[tuple[int, float]]
) -> None:
    path, again = Path("s", conditions), Path("s", conditions)
    now, arrived, last = 0.0, 0, 0.0
    for size, pause_s in steps:
        now += pause_s
        arrivals = path.offer(size, now)
        assert arrivals == again.offer(size, now)
        arrived += len(arrivals)
        for arrival in arrivals:
            assert arrival >= now + conditions.delay_ms / 1000 - 1e-9
            if not conditions.reorders:
                assert arrival >= last
            last = arrival
        if conditions.outage or conditions.loss == 1:
            assert not arrivals
    counted = path.counters
    assert counted.offered == len(steps)
    assert counted.offered == arrived - counted.duplicated + (
        counted.lost + counted.queue_full
    )
    assert counted.passed == arrived


@given(conditions=conditions)
def test_conditions_survive_their_way_to_the_relay(conditions: Conditions) -> None:
    assert Conditions.from_json(conditions.to_json()) == conditions
