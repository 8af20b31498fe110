"""AV1 over RTP.

Source: RTP Payload Format For AV1 4.4 (aggregation header), AV1 bitstream
specification 5.3 (OBU header) and 5.5.1 (sequence header).
"""

from __future__ import annotations

from collections.abc import Iterator

from relay.bits import BitReader

_CONTINUES, _COUNT_SHIFT, _NEW_SEQUENCE = 0x80, 4, 0x08
_SEQUENCE_HEADER = 1
_HAS_EXTENSION, _HAS_SIZE = 0x04, 0x02
_MAX_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 512  # 32 operating points with decoder models stay below


def is_key_frame_start(payload: bytes | memoryview) -> bool:
    """True for the first packet of a coded video sequence (N set, Z not).

    A sequence begins with a key frame and its sequence header, and senders for
    real-time use begin one at each key frame.
    """
    return (
        len(payload) > 1 and payload[0] & (_CONTINUES | _NEW_SEQUENCE) == _NEW_SEQUENCE
    )


def key_frame_size(payload: bytes | memoryview) -> tuple[int, int] | None:
    """(max_frame_width, max_frame_height) from the packet's sequence header."""
    try:
        for obu in _split_obus(payload):
            if (obu[0] >> 3) & 0x0F == _SEQUENCE_HEADER:
                return _read_sequence_header(obu)
    except (ValueError, IndexError):  # truncated: this packet does not tell
        return None
    return None


def _split_obus(payload: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """The OBUs (none empty) that begin in this packet; the last may go on.

    Raises:
        ValueError, IndexError: an element's length is senseless.
    """
    head = payload[0]
    count = (head >> _COUNT_SHIFT) & 3  # 0: every element has a length
    offset, index = 1, 0
    while offset < len(payload):
        index += 1
        if index == count:  # the last element goes to the end of the packet
            end = len(payload)
        else:
            size, offset = _read_length(payload, offset)
            end = offset + size
        continuation = index == 1 and head & _CONTINUES
        if end > offset and not continuation:
            yield payload[offset:end]
        offset = end


def _read_length(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """A leb128 number and the offset behind it."""
    value = 0
    for index in range(_MAX_LENGTH_BYTES):
        octet = data[offset + index]
        value |= (octet & 0x7F) << (index * 7)
        if not octet & 0x80:
            return value, offset + index + 1
    raise ValueError("a leb128 number is too long")


def _read_sequence_header(obu: bytes | memoryview) -> tuple[int, int]:
    offset = 2 if obu[0] & _HAS_EXTENSION else 1
    if obu[0] & _HAS_SIZE:
        _, offset = _read_length(obu, offset)
    reader = BitReader(obu[offset : offset + _MAX_HEADER_BYTES])
    reader.skip(4)  # seq_profile, still_picture
    if reader.read(1):  # reduced_still_picture_header
        reader.skip(5)  # seq_level_idx
    else:
        _skip_operating_points(reader)
    width_bits = reader.read(4) + 1
    height_bits = reader.read(4) + 1
    return reader.read(width_bits) + 1, reader.read(height_bits) + 1


def _skip_operating_points(reader: BitReader) -> None:
    delay_bits = _read_timing(reader)
    has_initial_delay = reader.read(1)
    for _ in range(reader.read(5) + 1):
        reader.skip(12)  # operating_point_idc
        if reader.read(5) > 7:  # seq_level_idx
            reader.skip(1)  # seq_tier
        if delay_bits and reader.read(1):  # decoder_model_present_for_this_op
            reader.skip(2 * delay_bits + 1)
        if has_initial_delay and reader.read(1):
            reader.skip(4)  # initial_display_delay_minus_1


def _read_timing(reader: BitReader) -> int:
    """The length in bits of a decoder model's delays; 0 without such a model."""
    if not reader.read(1):  # timing_info_present_flag
        return 0
    reader.skip(64)  # num_units_in_display_tick, time_scale
    if reader.read(1):  # equal_picture_interval
        reader.read_unsigned_golomb()  # num_ticks_per_picture_minus_1
    if not reader.read(1):  # decoder_model_info_present_flag
        return 0
    delay_bits = reader.read(5) + 1
    reader.skip(42)  # num_units_in_decoding_tick and two lengths
    return delay_bits
