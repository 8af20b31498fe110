"""Groups for segmentation offload: order, one size, bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.aiortc_adapter import TAG_BYTES, BurstBuffer
from relay.burst import MAX_FILL_BYTES, MAX_GROUP_PACKETS, group_packets
from relay.packet import MAX_PACKET_BYTES, parse_packet
from tests.relay.test_packet import make_packet

MAX_UDP_BYTES = 65507
PAYLOADS = st.lists(
    st.integers(0, 400).map(lambda size: bytes(range(256)) * 2 + bytes(size)),
    max_size=120,
)


def sizes_of(*payload_sizes: int) -> list[list[int]]:
    packets = [make_packet(bytes(size)) for size in payload_sizes]
    return [[len(p) - 12 for p in group] for group in group_packets(packets)]


@given(PAYLOADS)
def test_every_packet_comes_out_once_and_in_order(payloads: list[bytes]) -> None:
    packets = [make_packet(p, seq=i) for i, p in enumerate(payloads)]
    grouped = [p for group in group_packets(packets) for p in group]
    assert list(map(parse_packet, grouped)) == list(map(parse_packet, packets))


@given(PAYLOADS)
def test_all_of_a_group_but_the_last_have_one_size(payloads: list[bytes]) -> None:
    for group in group_packets([make_packet(p) for p in payloads]):
        assert len(group) <= MAX_GROUP_PACKETS
        assert len({len(packet) for packet in group[:-1]}) <= 1
        assert len(group[-1]) <= len(group[0])


def test_packets_a_little_short_are_filled() -> None:
    assert sizes_of(1100, 1100 - MAX_FILL_BYTES, 1100) == [[1100, 1100, 1100]]


def test_the_last_packet_stays_short() -> None:
    assert sizes_of(1100, 1100, 3) == [[1100, 1100, 3]]


def test_a_packet_after_a_short_one_starts_a_new_group() -> None:
    assert sizes_of(1100, 3, 1100) == [[1100, 3], [1100]]


def test_a_much_larger_packet_starts_a_new_group() -> None:
    assert sizes_of(1000, 1000 + MAX_FILL_BYTES + 1) == [
        [1000],
        [1000 + MAX_FILL_BYTES + 1],
    ]


def test_a_slightly_larger_packet_makes_the_others_larger() -> None:
    assert sizes_of(1000, 1010, 1000) == [[1010, 1010, 1000]]


def test_a_packet_alone_is_not_changed() -> None:
    packet = make_packet()
    assert list(group_packets([packet])) == [[packet]]


def test_nothing_makes_no_group() -> None:
    assert list(group_packets([])) == []


def test_the_largest_group_fits_a_datagram_and_the_buffer() -> None:
    largest = MAX_GROUP_PACKETS * (MAX_PACKET_BYTES + TAG_BYTES)
    assert largest <= MAX_UDP_BYTES
    assert largest <= BurstBuffer.SLOT_BYTES
    assert MAX_GROUP_PACKETS <= BurstBuffer.MAX_PACKETS
