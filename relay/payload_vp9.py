"""VP9 over RTP.

Source: RFC 9628 4.2 (descriptor and scalability structure), VP9 bitstream
specification 6.2 (uncompressed header).
"""

from __future__ import annotations

from relay.bits import BitReader

_HAS_PICTURE_ID, _INTER_PREDICTED, _HAS_LAYERS = 0x80, 0x40, 0x20
_FLEXIBLE, _FRAME_START, _HAS_STRUCTURE = 0x10, 0x08, 0x02
_START_MASK = _INTER_PREDICTED | _FRAME_START
_LONG_PICTURE_ID = 0x80
_SPATIAL_LAYER = 0x0E
_MORE_REFERENCES = 0x01  # N: another P_DIFF follows
_SYNC_CODE = 0x498342
_COLOR_SPACE_RGB = 7
_FRAME_HEADER_BYTES = 12  # more than the fields up to the frame's size need


def is_key_frame_start(payload: bytes | memoryview) -> bool:
    """True for the first packet of a key picture's lowest spatial layer."""
    if not payload or payload[0] & _START_MASK != _FRAME_START:
        return False
    if not payload[0] & _HAS_LAYERS:
        return len(payload) > 1
    offset = _layers_offset(payload)
    return offset < len(payload) and not payload[offset] & _SPATIAL_LAYER


def key_frame_size(payload: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) of the largest spatial layer of the key frame begun here."""
    if not is_key_frame_start(payload):
        return None
    try:
        return _read_size(payload)
    except (ValueError, IndexError):  # truncated: this packet does not tell
        return None


def descriptor_bytes(payload: bytes | memoryview) -> int:
    """The length of the descriptor; the payload's or more when truncated."""
    try:
        return _descriptor_bytes(payload)
    except IndexError:
        return len(payload)


def _descriptor_bytes(payload: bytes | memoryview) -> int:
    flags = payload[0]
    offset = _layers_offset(payload)
    if flags & _HAS_LAYERS:
        offset += 1 if flags & _FLEXIBLE else 2
    if flags & _FLEXIBLE and flags & _INTER_PREDICTED:
        while payload[offset] & _MORE_REFERENCES:
            offset += 1
        offset += 1
    if flags & _HAS_STRUCTURE:
        offset = _read_structure(payload, offset)[1]
    return offset


def is_upper_layer(payload: bytes | memoryview) -> bool:
    """True for a packet of a spatial layer above the lowest."""
    if not payload or not payload[0] & _HAS_LAYERS:
        return False
    offset = _layers_offset(payload)
    return offset < len(payload) and payload[offset] & _SPATIAL_LAYER != 0


def _layers_offset(payload: bytes | memoryview) -> int:
    """Where the layer indices are; past the payload's end when truncated."""
    if not payload[0] & _HAS_PICTURE_ID:
        return 1
    if len(payload) < 2:
        return 2
    return 3 if payload[1] & _LONG_PICTURE_ID else 2


def _read_size(payload: bytes | memoryview) -> tuple[int, int] | None:
    flags = payload[0]
    offset = _layers_offset(payload)
    if flags & _HAS_LAYERS:
        # Without flexible mode, TL0PICIDX follows the layer indices. Reference
        # indices (P_DIFF) do not occur: this is no inter-predicted picture.
        offset += 1 if flags & _FLEXIBLE else 2
    if flags & _HAS_STRUCTURE:
        sizes, offset = _read_structure(payload, offset)
        if sizes:
            return max(sizes)
    return _read_frame_header(payload[offset : offset + _FRAME_HEADER_BYTES])


def _read_structure(
    payload: bytes | memoryview, offset: int
) -> tuple[list[tuple[int, int]], int]:
    """The sizes of the spatial layers (if told) and the offset behind them."""
    head = payload[offset]
    offset += 1
    sizes = []
    if head & 0x10:  # Y: sizes are present
        for _ in range((head >> 5) + 1):
            reader = BitReader(payload[offset : offset + 4])
            size = reader.read(16), reader.read(16)
            if all(size):
                sizes.append(size)
            offset += 4
    if head & 0x08:  # G: a picture group is described
        pictures = payload[offset]
        offset += 1
        for _ in range(pictures):
            offset += 1 + ((payload[offset] >> 2) & 3)  # its P_DIFF octets
    return sizes, offset


def _read_frame_header(header: bytes | memoryview) -> tuple[int, int] | None:
    reader = BitReader(header)
    if reader.read(2) != 2:  # frame_marker
        return None
    profile = reader.read(1) | reader.read(1) << 1
    if profile == 3:
        reader.skip(1)
    if reader.read(1) or reader.read(1):  # show_existing_frame, not a key frame
        return None
    reader.skip(2)  # show_frame, error_resilient_mode
    if reader.read(24) != _SYNC_CODE:
        return None
    _skip_color_config(reader, profile)
    return reader.read(16) + 1, reader.read(16) + 1


def _skip_color_config(reader: BitReader, profile: int) -> None:
    if profile >= 2:
        reader.skip(1)  # ten_or_twelve_bit
    rgb = reader.read(3) == _COLOR_SPACE_RGB
    if not rgb:
        reader.skip(1)  # color_range
    if profile & 1:
        reader.skip(1 if rgb else 3)  # subsampling, reserved
