"""RTP headers: round trips, aiortc's reading of them, and hostile bytes."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from aiortc.rtp import HeaderExtensionsMap
from aiortc.rtp import RtpPacket as AiortcPacket
from aiortc.rtp import unwrap_rtx as aiortc_unwrap_rtx
from aiortc.rtp import wrap_rtx as aiortc_wrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from relay.packet import (
    MAX_PACKET_BYTES,
    abs_send_time,
    build_extensions,
    build_packet,
    fill_packet,
    is_rtcp,
    pad_packet,
    parse_extensions,
    parse_packet,
    rewrite_header,
    stamp_send_time,
    unwrap_rtx,
    wrap_rtx,
)

NUMBERS_16 = st.integers(0, 0xFFFF)
NUMBERS_32 = st.integers(0, 0xFFFFFFFF)
EXTENSIONS = st.dictionaries(
    st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4
)
FIELDS = st.fixed_dictionaries(
    {
        "payload_type": st.integers(0, 127),
        "marker": st.booleans(),
        "seq": NUMBERS_16,
        "timestamp": NUMBERS_32,
        "ssrc": NUMBERS_32,
        "payload": st.binary(max_size=64),
    }
)


def make_packet(payload: bytes = b"payload", **changes: object) -> bytes:
    fields: dict = {
        "payload_type": 96,
        "marker": False,
        "seq": 7,
        "timestamp": 90,
        "ssrc": 5,
        "extensions": b"",
        "payload": payload,
    }
    return build_packet(**{**fields, **changes})


@given(FIELDS, EXTENSIONS)
def test_what_is_built_reads_the_same(fields: dict, values: dict) -> None:
    block = build_extensions(list(values.items()))
    packet = parse_packet(build_packet(**fields, extensions=block))
    assert {name: getattr(packet, name) for name in fields} == fields
    assert packet.extensions == values


@given(FIELDS, st.binary(min_size=1, max_size=16))
def test_aiortc_reads_what_is_built(fields: dict, value: bytes) -> None:
    block = build_extensions([(3, value)])
    packet = AiortcPacket.parse(
        build_packet(**fields, extensions=block), HeaderExtensionsMap()
    )
    assert packet.payload_type == fields["payload_type"]
    assert packet.marker == fields["marker"]
    assert packet.sequence_number == fields["seq"]
    assert packet.timestamp == fields["timestamp"]
    assert packet.ssrc == fields["ssrc"]
    assert packet.payload == fields["payload"]


@given(st.binary(max_size=80))
def test_arbitrary_bytes_raise_nothing_but_value_error(data: bytes) -> None:
    with suppress(ValueError):
        parse_packet(data)


@given(FIELDS, EXTENSIONS, st.data())
def test_a_damaged_packet_raises_nothing_but_value_error(
    fields: dict, values: dict, data: st.DataObject
) -> None:
    block = build_extensions(list(values.items()))
    packet = bytearray(build_packet(**fields, extensions=block))
    for _ in range(data.draw(st.integers(1, 3))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        parsed = parse_packet(bytes(packet[: data.draw(st.integers(0, len(packet)))]))
    except ValueError:
        return
    assert len(parsed.payload) <= len(packet)


@given(
    st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x1234]) | NUMBERS_16,
    st.binary(max_size=40),
)
def test_arbitrary_extensions_raise_nothing_but_value_error(
    profile: int, block: bytes
) -> None:
    try:
        values = parse_extensions(profile, block)
    except ValueError:
        return
    assert sum(map(len, values.values())) <= len(block)


def test_two_byte_extensions_are_read() -> None:
    block = bytes((5, 0, 0, 6, 3)) + b"abc"
    assert parse_extensions(0x1000, block) == {5: b"", 6: b"abc"}


def test_the_reserved_one_byte_id_ends_the_extensions() -> None:
    assert parse_extensions(0xBEDE, b"\x10A\xf0B\x20C") == {1: b"A"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        b"\x40" + make_packet()[1:],  # version 1
        b"\x8f" + make_packet()[1:],  # 15 CSRCs that are not there
        b"\x90" + make_packet(b"")[1:],  # an extension that is not there
        b"\x90" + make_packet(struct.pack("!HH", 0xBEDE, 2))[1:],
        b"\xa0" + make_packet(b"\x00")[1:],  # padding of length zero
        b"\xa0" + make_packet(b"\x02")[1:],  # padding longer than the payload
    ],
)
def test_it_rejects_wrong_lengths_and_versions(data: bytes) -> None:
    with pytest.raises(ValueError, match="RTP"):
        parse_packet(data)


def test_contributing_sources_and_padding_are_taken_off() -> None:
    packet = b"\xa2" + make_packet(bytes(8) + b"media" + b"\0\0\x03")[1:]
    assert parse_packet(packet).payload == b"media"


# -- padding ------------------------------------------------------------------


@given(st.binary(max_size=64), st.integers(0, 255))
def test_a_padded_packet_has_the_size_and_the_same_payload(
    payload: bytes, fill: int
) -> None:
    packet = make_packet(payload)
    padded = pad_packet(packet, len(packet) + fill)
    assert len(padded) == len(packet) + fill
    assert parse_packet(padded) == parse_packet(packet)
    assert AiortcPacket.parse(padded).payload == payload


@given(st.integers(1, 100))
def test_a_packet_of_padding_gets_more_of_it(fill: int) -> None:
    packet = b"\xa0" + make_packet(b"\x01")[1:]
    padded = pad_packet(packet, len(packet) + fill)
    assert len(padded) == len(packet) + fill
    assert parse_packet(padded).payload == b""


@given(st.integers(0, 1500), st.integers(0, 1434), st.booleans())
def test_a_filled_packet_has_as_much_padding_as_may_be(
    payload: int, size: int, padded: bool
) -> None:
    packet = make_packet(bytes(payload))
    if padded:
        packet = pad_packet(packet, len(packet) + 100)
    filled = fill_packet(packet, size)
    limit = len(packet) + (155 if padded else 255)
    assert len(filled) == max(len(packet), min(size, limit))
    assert parse_packet(filled).payload == parse_packet(packet).payload


def test_a_packet_can_say_that_it_left_later() -> None:
    values = [(3, abs_send_time(5.0)), (4, b"\x01")]
    packet = make_packet(b"media", extensions=build_extensions(values))
    later = stamp_send_time(packet, 3, 6.5)
    assert parse_packet(later).extensions == {3: abs_send_time(6.5), 4: b"\x01"}
    assert len(later) == len(packet)
    assert parse_packet(later).payload == b"media"


def test_a_packet_that_tells_no_time_stays_as_it_is() -> None:
    for values in ([], [(4, b"\x01")]):
        packet = make_packet(b"media", extensions=build_extensions(values))
        assert stamp_send_time(packet, 3, 6.5) == packet


# -- retransmission -----------------------------------------------------------


@given(FIELDS, EXTENSIONS, NUMBERS_16, NUMBERS_32)
def test_aiortc_unwraps_our_retransmissions(
    fields: dict, values: dict, seq: int, ssrc: int
) -> None:
    original = build_packet(**fields, extensions=build_extensions(list(values.items())))
    rtx = AiortcPacket.parse(wrap_rtx(original, 97, seq, ssrc))
    assert (rtx.payload_type, rtx.sequence_number, rtx.ssrc) == (97, seq, ssrc)
    found = aiortc_unwrap_rtx(rtx, fields["payload_type"], fields["ssrc"])
    expected = AiortcPacket.parse(original)
    assert found.serialize() == expected.serialize()


@given(FIELDS, NUMBERS_16, NUMBERS_32)
def test_it_unwraps_retransmissions_of_aiortc(
    fields: dict, seq: int, ssrc: int
) -> None:
    packet = build_packet(**fields, extensions=b"")
    rtx = aiortc_wrap_rtx(AiortcPacket.parse(packet), 101, seq, ssrc)
    found = unwrap_rtx(
        parse_packet(rtx.serialize()), fields["payload_type"], fields["ssrc"]
    )
    assert found == parse_packet(packet)


def test_a_padded_packet_is_wrapped_with_its_padding() -> None:
    packet = make_packet()
    rtx = parse_packet(wrap_rtx(pad_packet(packet, 60), 97, 1, 2))
    assert unwrap_rtx(rtx, 96, 5) == parse_packet(packet)


@pytest.mark.parametrize("payload", [b"", b"\x01"])
def test_a_probe_carries_no_original(payload: bytes) -> None:
    assert unwrap_rtx(parse_packet(make_packet(payload)), 96, 5) is None


# -- small ones ---------------------------------------------------------------


@given(st.floats(0, 1e9))
def test_the_send_time_always_has_three_bytes(now_s: float) -> None:
    assert len(abs_send_time(now_s)) == 3


def test_the_send_time_counts_in_fractions_of_a_second() -> None:
    assert abs_send_time(1.5) == (3 << 17).to_bytes(3)
    assert abs_send_time(64.0) == bytes(3)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x80", False),
        (b"\x80\xbf", False),
        (b"\x80\xc0", True),
        (b"\x80\xdf", True),
        (b"\x80\xe0", False),
    ],
)
def test_rtcp_is_told_from_rtp(data: bytes, expected: bool) -> None:
    assert is_rtcp(data) is expected


def test_the_largest_packet_fits_an_ethernet_frame_with_all_that_is_added() -> None:
    ipv6, udp, tag, original_seq = 40, 8, 16, 2
    assert MAX_PACKET_BYTES + original_seq + tag + udp + ipv6 <= 1500


def test_a_rewritten_header_changes_numbers_and_ssrc_alone() -> None:
    packet = make_packet(b"payload", seq=65530)
    before, after = (
        parse_packet(packet),
        parse_packet(rewrite_header(packet, 10, -1, 0xFFFFFFFF)),
    )
    assert (after.seq, after.ssrc) == (4, 0xFFFFFFFF)
    assert after.timestamp == (before.timestamp - 1) & 0xFFFFFFFF
    assert (after.payload, after.marker, after.extensions, after.payload_type) == (
        before.payload,
        before.marker,
        before.extensions,
        before.payload_type,
    )
