"""Frames of a byte stream, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.tcp_framing import Framer, frame

MAX_BYTES = 40
packets_of = st.lists(st.binary(max_size=MAX_BYTES), max_size=12)


def drain(framer: Framer) -> list[bytes]:
    found = []
    while (packet := framer.next_packet()) is not None:
        found.append(packet)
    return found


@given(packets=packets_of, cuts=st.lists(st.integers(1, 60), max_size=40))
def test_packets_come_out_as_they_were(packets: list[bytes], cuts: list[int]) -> None:
    framer = Framer(MAX_BYTES)
    stream = b"".join(frame(packet) for packet in packets)
    found = []
    for cut in cuts:
        framer.feed(stream[:cut])
        stream = stream[cut:]
        found += drain(framer)
    framer.feed(stream)
    assert found + drain(framer) == packets
    assert not framer.has_packet


@given(data=st.binary(max_size=400), step=st.integers(1, 50))
def test_anything_gives_packets_or_one_error(data: bytes, step: int) -> None:
    framer = Framer(MAX_BYTES)
    for start in range(0, len(data), step):
        framer.feed(data[start : start + step])
        try:
            found = drain(framer)
        except ValueError:
            return
        assert all(len(packet) <= MAX_BYTES for packet in found)
        assert len(framer._unread) - framer._at < MAX_BYTES + 2


def test_the_length_is_of_16_bits_in_network_order() -> None:
    assert frame(memoryview(b"ab")) == b"\x00\x02ab"
    assert frame(bytes(300))[:2] == b"\x01\x2c"


def test_a_packet_may_be_empty() -> None:
    framer = Framer(MAX_BYTES)
    framer.feed(b"\x00\x00\x00\x01x")
    assert drain(framer) == [b"", b"x"]


def test_a_length_beyond_the_bound_is_an_error_at_once() -> None:
    framer = Framer(MAX_BYTES)
    framer.feed(b"\x00\x01x" + (MAX_BYTES + 1).to_bytes(2))
    assert framer.next_packet() == b"x"
    assert framer.has_packet
    with pytest.raises(ValueError, match="too long"):
        framer.next_packet()


def test_half_a_length_is_waited_for() -> None:
    framer = Framer(MAX_BYTES)
    framer.feed(b"\x00")
    assert framer.next_packet() is None
    framer.feed(b"\x01")
    assert framer.next_packet() is None
    framer.feed(b"x")
    assert framer.next_packet() == b"x"
