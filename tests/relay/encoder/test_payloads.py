"""Frames into payloads and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.encoder import payloads
from relay.encoder.payloads import MAX_PAYLOAD_BYTES
from relay.payload_vp8 import is_key_frame_start

UNITS = st.lists(
    # No start code inside, and no zero at the end, as in any NAL unit.
    st.integers(1, 5000).map(lambda size: b"\x65" + b"\xab" * size),
    min_size=1,
    max_size=5,
)


@given(st.binary(min_size=1, max_size=6000), st.integers(0, 1 << 20))
def test_a_vp8_frame_comes_back(frame: bytes, picture_id: int) -> None:
    packets = payloads.write_vp8(frame, picture_id)
    assert all(len(packet) <= MAX_PAYLOAD_BYTES for packet in packets)
    assert b"".join(payloads.read_vp8(packet) for packet in packets) == frame


def test_only_the_first_packet_of_a_vp8_key_frame_starts_it() -> None:
    packets = payloads.write_vp8(b"\x10" + bytes(3000), 1)
    assert [is_key_frame_start(p) for p in packets] == [True, False, False]


@given(UNITS)
def test_an_h264_frame_comes_back(units: list[bytes]) -> None:
    frame = b"".join(b"\0\0\0\1" + unit for unit in units)
    packets = payloads.write_h264(frame)
    assert all(len(packet) <= MAX_PAYLOAD_BYTES for packet in packets)
    assert b"".join(payloads.read_h264(packet) for packet in packets) == frame


def test_both_lengths_of_start_codes_are_understood() -> None:
    stream = b"\0\0\0\1ab\0\0\1cd\0\0\0\1ef"
    assert list(payloads.split_units(stream)) == [b"ab", b"cd", b"ef"]


def test_a_unit_too_long_for_a_packet_is_refused_in_mode_0() -> None:
    with pytest.raises(ValueError, match="longer"):
        payloads.write_h264(b"\0\0\1" + b"\x65" * 2000, single_nal=True)


def test_an_aggregation_packet_is_taken_apart() -> None:
    packet = b"\x78\0\2\x67\x42\0\3\x68\x01\x02"
    assert payloads.read_h264(packet) == b"\0\0\0\1\x67\x42\0\0\0\1\x68\x01\x02"


@pytest.mark.parametrize(
    "packet", [b"", b"\x65", b"\x78\0\5ab", b"\x78\0\0", b"\x79\0\0", b"\x1f\0\0"]
)
def test_a_senseless_h264_packet_is_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match="H\\.264"):
        payloads.read_h264(packet)


def test_a_vp9_packet_with_everything_in_its_descriptor_is_read() -> None:
    # I P L F V, 15-bit picture id, layers, two references, a structure with a size
    # and one picture of the group.
    head = bytes((0xFA, 0x80, 0x01, 0x00, 0x03, 0x04, 0x18))
    structure = bytes((0x01, 0x40, 0x00, 0xF0, 0x01, 0x04, 0x02))
    assert payloads.read_vp9(head + structure + b"frame") == b"frame"


def test_upper_layers_of_vp9_are_left_out() -> None:
    assert payloads.read_vp9(bytes((0xA0, 0x01, 0x02, 0x00)) + b"frame") == b""


@given(st.sampled_from(sorted(payloads.READERS)), st.binary(max_size=60))
def test_no_packet_does_more_than_be_refused(codec: str, packet: bytes) -> None:
    try:
        part = payloads.READERS[codec](packet)
    except ValueError:
        return
    assert len(part) <= 5 * len(packet) + 4
