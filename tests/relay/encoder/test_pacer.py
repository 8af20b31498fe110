"""How fast packets leave the encoder."""

from __future__ import annotations

from relay.encoder.pacer import (
    MAX_QUEUED,
    MIN_GROUP,
    SPREAD_S,
    STEP_S,
    Pacer,
    Waiting,
)


def packets(count: int, start: int = 0) -> list[Waiting]:
    return [Waiting(0, b"x", start + n, False, None) for n in range(count)]


def test_a_small_frame_leaves_at_once() -> None:
    pacer = Pacer()
    assert pacer.add(packets(MIN_GROUP))
    assert len(pacer.take()) == MIN_GROUP
    assert not pacer.take()


def test_a_large_frame_is_spread_and_never_stays_long() -> None:
    pacer = Pacer()
    assert pacer.add(packets(120))
    groups = []
    while group := pacer.take():
        groups.append(len(group))
    assert max(groups) <= 120 / (SPREAD_S / STEP_S)
    assert len(groups) * STEP_S < 0.1
    assert sum(groups) == 120


def test_order_is_kept_across_what_is_put_back() -> None:
    pacer = Pacer()
    pacer.add(packets(10))
    group = pacer.take()
    pacer.put_back(group[2:])
    out = group[:2]
    while group := pacer.take():
        out += group
    assert [waiting.ticks for waiting in out] == list(range(10))


def test_a_full_queue_is_thrown_away_as_a_whole() -> None:
    pacer = Pacer()
    assert pacer.add(packets(MAX_QUEUED))
    assert not pacer.add(packets(1))
    assert len(pacer) == 0
