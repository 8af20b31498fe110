"""Order out of disorder, within a bounded wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.encoder.reorder import MAX_HELD, MAX_WAIT_S, Reorder
from relay.packet import RtpPacket


def packet(seq: int) -> RtpPacket:
    return RtpPacket(96, False, seq & 0xFFFF, 0, 1, {}, b"x")


def take(reorder: Reorder, now: float = 0.0) -> list[tuple[int, bool]]:
    return [(o.packet.seq, o.after_gap) for o in reorder.take(now)]


def feed(reorder: Reorder, *seqs: int, now: float = 0.0) -> None:
    for seq in seqs:
        reorder.add(packet(seq), now)


def test_packets_in_order_pass_at_once_across_the_wrap() -> None:
    reorder = Reorder()
    feed(reorder, 65534, 65535, 0, 1)
    assert take(reorder) == [(65534, False), (65535, False), (0, False), (1, False)]


def test_a_late_packet_is_waited_for() -> None:
    reorder = Reorder()
    feed(reorder, 1, 3, 4)
    assert take(reorder) == [(1, False)]
    feed(reorder, 2, now=0.3)
    assert take(reorder, 0.3) == [(2, False), (3, False), (4, False)]


def test_a_packet_that_does_not_come_is_given_up_and_said() -> None:
    reorder = Reorder()
    feed(reorder, 1, 3, 4)
    assert take(reorder) == [(1, False)]
    assert reorder.next_due() == MAX_WAIT_S
    assert take(reorder, MAX_WAIT_S) == [(3, True), (4, False)]
    feed(reorder, 2, now=0.6)
    assert take(reorder, 0.6) == []


def test_duplicates_come_out_once() -> None:
    reorder = Reorder()
    feed(reorder, 1, 1, 2, 2, 1)
    assert take(reorder) == [(1, False), (2, False)]


def test_what_waits_behind_a_gap_is_bounded() -> None:
    reorder = Reorder()
    feed(reorder, 0)
    take(reorder)
    feed(reorder, *range(2, MAX_HELD + 3))
    out = take(reorder)
    assert out[0] == (2, True)
    assert len(out) == MAX_HELD + 1


@given(
    st.permutations(range(40)),
    st.sets(st.integers(1, 39), max_size=10),
    st.integers(0, 0xFFFF),
)
def test_whatever_comes_goes_out_once_and_in_order(
    order: list[int], lost: set[int], first: int
) -> None:
    reorder = Reorder()
    feed(reorder, first)
    out = take(reorder)
    for place in order:
        if place and place not in lost:
            feed(reorder, first + place)
            out += take(reorder)
    out += take(reorder, MAX_WAIT_S)
    kept = [place for place in range(40) if place not in lost]
    assert [seq for seq, _ in out] == [(first + place) & 0xFFFF for place in kept]
    gaps = [after_gap for _, after_gap in out]
    assert gaps == [place - 1 in lost for place in kept]
