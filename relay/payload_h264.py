"""H.264 over RTP. Source: RFC 6184 5.4-5.8, ITU-T H.264 7.3.2.1.1 and 7.4.2.1.1.

A key frame is an IDR picture with the parameter sets before it. Senders put
those in front of every IDR picture, some only at the start of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator

from relay.bits import BitReader

_TYPE_MASK = 0x1F
_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28
_FU_START = 0x80
_FIRST_SLICE = 0x80  # first_mb_in_slice = 0, as ue(v), is a single 1 bit
_MAX_SPS_BYTES = 256
_MAX_DIMENSION = 16384
_MAX_ORDER_COUNT_CYCLE = 255
# profile_idc of the profiles whose SPS names a chroma format
_HIGH_PROFILES = frozenset(
    {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
)


def is_key_frame_start(payload: bytes | memoryview) -> bool:
    """True for a packet with an SPS or the first slice of an IDR picture."""
    if len(payload) < 2:
        return False
    kind = payload[0] & _TYPE_MASK
    if kind == _FU_A:
        return (
            payload[1] & (_FU_START | _TYPE_MASK) == _FU_START | _IDR
            and len(payload) > 2
            and payload[2] & _FIRST_SLICE != 0
        )
    if kind == _STAP_A:
        return any(_starts_key_frame(unit) for unit in _split_stap_a(payload))
    return _starts_key_frame(payload)


def key_frame_size(payload: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) after cropping, from the first SPS of the packet."""
    if not payload:
        return None
    single = payload[0] & _TYPE_MASK != _STAP_A
    for unit in (payload,) if single else _split_stap_a(payload):
        if unit[0] & _TYPE_MASK == _SPS:
            try:
                return _read_sps(bytes(unit[1:_MAX_SPS_BYTES]))
            except ValueError:  # truncated or senseless
                return None
    return None


def _starts_key_frame(unit: bytes | memoryview) -> bool:
    kind = unit[0] & _TYPE_MASK
    if kind == _IDR:
        return len(unit) > 1 and unit[1] & _FIRST_SLICE != 0
    return kind == _SPS


def _split_stap_a(payload: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """The NAL units (none empty) of an aggregation packet, to its first fault."""
    offset = 1
    while offset + 2 < len(payload):
        size = payload[offset] << 8 | payload[offset + 1]
        offset += 2
        if not size or offset + size > len(payload):
            return
        yield payload[offset : offset + size]
        offset += size


def _read_sps(data: bytes) -> tuple[int, int] | None:
    """The picture's size from an SPS without its NAL header.

    Raises:
        ValueError: truncated or out of the specification's ranges.
    """
    # Emulation prevention: 00 00 03 stands for 00 00.
    reader = BitReader(data.replace(b"\x00\x00\x03", b"\x00\x00"))
    profile = reader.read(8)
    reader.skip(16)  # constraint flags, level
    reader.read_unsigned_golomb()  # seq_parameter_set_id
    chroma = _read_chroma(reader) if profile in _HIGH_PROFILES else 1
    reader.read_unsigned_golomb()  # log2_max_frame_num_minus4
    _skip_order_count(reader)
    reader.read_unsigned_golomb()  # max_num_ref_frames
    reader.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width = (reader.read_unsigned_golomb() + 1) * 16
    height = (reader.read_unsigned_golomb() + 1) * 16
    # Without this flag, a macroblock row of the map is a pair of field rows.
    field_factor = 2 - reader.read(1)
    if field_factor == 2:
        reader.skip(1)  # mb_adaptive_frame_field_flag
    reader.skip(1)  # direct_8x8_inference_flag
    cut_x, cut_y = _read_cropping(reader)
    width -= cut_x * (2 if chroma in (1, 2) else 1)
    height = height * field_factor - cut_y * (2 if chroma == 1 else 1) * field_factor
    if not (0 < width <= _MAX_DIMENSION and 0 < height <= _MAX_DIMENSION):
        return None
    return width, height


def _read_chroma(reader: BitReader) -> int:
    """ChromaArrayType; everything up to the scaling lists is behind."""
    chroma = reader.read_unsigned_golomb()
    lists = 12 if chroma == 3 else 8
    # Planes coded apart count as monochrome (7.4.2.1.1, ChromaArrayType).
    separate = chroma == 3 and reader.read(1)
    reader.read_unsigned_golomb()  # bit_depth_luma_minus8
    reader.read_unsigned_golomb()  # bit_depth_chroma_minus8
    reader.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if reader.read(1):  # seq_scaling_matrix_present_flag
        for index in range(lists):
            if reader.read(1):
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return 0 if separate else chroma


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    scale = 8
    for _ in range(size):
        scale = (scale + reader.read_signed_golomb()) % 256
        if not scale:  # the rest of the list repeats the value before
            return


def _skip_order_count(reader: BitReader) -> None:
    kind = reader.read_unsigned_golomb()
    if kind == 0:
        reader.read_unsigned_golomb()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        reader.skip(1)  # delta_pic_order_always_zero_flag
        reader.read_signed_golomb()  # offset_for_non_ref_pic
        reader.read_signed_golomb()  # offset_for_top_to_bottom_field
        cycle = reader.read_unsigned_golomb()
        if cycle > _MAX_ORDER_COUNT_CYCLE:
            raise ValueError("the picture order count cycle is too long")
        for _ in range(cycle):
            reader.read_signed_golomb()  # offset_for_ref_frame


def _read_cropping(reader: BitReader) -> tuple[int, int]:
    """What is cut off the width and the height, in cropping units."""
    if not reader.read(1):
        return 0, 0
    left, right, top, bottom = (reader.read_unsigned_golomb() for _ in range(4))
    return left + right, top + bottom
