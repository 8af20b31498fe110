"""The ring of recent packets."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.history import PacketHistory


def test_it_finds_a_packet_by_its_sequence_number() -> None:
    history = PacketHistory()
    history.put(7, b"seven", 0.0)
    assert history.get(7, 0.0) == b"seven"
    assert history.get(8, 0.0) is None


def test_it_does_not_mistake_a_packet_one_round_later_for_the_asked_one() -> None:
    history = PacketHistory(4)
    history.put(1, b"old", 0.0)
    history.put(5, b"new", 0.0)
    assert history.get(1, 0.0) is None
    assert history.get(5, 0.0) == b"new"


def test_it_answers_across_the_wrap() -> None:
    history = PacketHistory(16)
    for seq in (0xFFFE, 0xFFFF, 0, 1):
        history.put(seq, b"%d" % seq, 0.0)
    assert [history.get(seq, 0.0) for seq in (0xFFFF, 0)] == [b"65535", b"0"]


def test_it_hides_what_is_too_old_before_it_is_forgotten() -> None:
    history = PacketHistory(max_age_s=1.0)
    history.put(1, b"x", 10.0)
    assert history.get(1, 11.0) == b"x"
    assert history.get(1, 11.1) is None
    assert len(history) == 1


def test_it_forgets_old_packets_when_the_next_one_comes() -> None:
    history = PacketHistory(max_age_s=1.0)
    history.put(1, b"x", 10.0)
    history.put(2, b"yy", 11.5)
    assert len(history) == 1


def test_it_forgets_the_oldest_when_the_bytes_are_used_up() -> None:
    history = PacketHistory(max_bytes=10)
    for seq in range(3):
        history.put(seq, bytes(4), 0.0)
    assert [history.get(seq, 0.0) for seq in range(3)] == [None, bytes(4), bytes(4)]


def test_it_does_not_keep_a_packet_larger_than_the_whole_bound() -> None:
    history = PacketHistory(max_bytes=10)
    history.put(1, bytes(10), 0.0)
    history.put(2, bytes(11), 0.0)
    assert history.get(1, 0.0) == bytes(10)
    assert history.get(2, 0.0) is None


def test_a_repeated_number_gives_the_newest_packet_even_after_the_old_one_left() -> (
    None
):
    history = PacketHistory(4, max_age_s=1.0)
    history.put(1, b"first", 0.0)
    history.put(1, b"second", 0.9)
    history.put(2, b"other", 1.5)
    assert history.get(1, 1.5) == b"second"
    assert len(history) == 2


def test_it_is_empty_after_clearing() -> None:
    history = PacketHistory()
    history.put(1, b"x", 0.0)
    history.clear()
    assert history.get(1, 0.0) is None
    assert len(history) == 0


@pytest.mark.parametrize("capacity", [0, -4, 3, 1000, 131072])
def test_it_rejects_a_capacity_that_is_no_power_of_two(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        PacketHistory(capacity)


@pytest.mark.parametrize("bounds", [{"max_age_s": 0}, {"max_bytes": 0}])
def test_it_rejects_an_empty_bound(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="positive"):
        PacketHistory(**bounds)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFF), st.integers(0, 40), st.floats(0, 0.4)),
        max_size=100,
    )
)
def test_it_stays_within_all_bounds_and_never_answers_wrongly(
    steps: list[tuple[int, int, float]],
) -> None:
    history = PacketHistory(8, max_age_s=1.0, max_bytes=100)
    now = 0.0
    newest: dict[int, bytes] = {}
    for seq, size, pause in steps:
        now += pause
        packet = seq.to_bytes(2, "big") * (size // 2) + bytes(size % 2)
        history.put(seq, packet, now)
        newest[seq] = packet
        assert len(history) <= 8
        assert history.get(seq, now) == packet
        found = {other: history.get(other, now) for other in newest}
        assert sum(len(known) for known in found.values() if known) <= 100
        for other, expected in newest.items():
            assert found[other] in (None, expected)
