"""VP8 over RTP. Source: RFC 7741 4.2 (descriptor), RFC 6386 9.1 (frame header)."""

from __future__ import annotations

_EXTENDED = 0x80  # X: a second octet of the descriptor follows
_START_MASK = 0x17  # S and PID; PID is three bits, the fourth is reserved
_START = 0x10  # the first packet of partition 0
_HAS_PICTURE_ID, _HAS_TL0PICIDX, _HAS_TID_OR_KEYIDX = 0x80, 0x40, 0x30
_LONG_PICTURE_ID = 0x80
_INTER_FRAME = 0x01
_START_CODE = b"\x9d\x01\x2a"
_FRAME_HEADER_BYTES = 10
_DIMENSION_MASK = 0x3FFF  # the two bits above are a scaling hint


def is_key_frame_start(payload: bytes | memoryview) -> bool:
    """True for the first packet of a VP8 key frame."""
    if not payload or payload[0] & _START_MASK != _START:
        return False
    offset = descriptor_bytes(payload)
    return offset < len(payload) and not payload[offset] & _INTER_FRAME


def key_frame_size(payload: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) from the first packet of a key frame."""
    if not is_key_frame_start(payload):
        return None
    offset = descriptor_bytes(payload)
    header = bytes(payload[offset : offset + _FRAME_HEADER_BYTES])
    if len(header) < _FRAME_HEADER_BYTES or header[3:6] != _START_CODE:
        return None
    width = int.from_bytes(header[6:8], "little") & _DIMENSION_MASK
    height = int.from_bytes(header[8:10], "little") & _DIMENSION_MASK
    return (width, height) if width and height else None


def descriptor_bytes(payload: bytes | memoryview) -> int:
    """The length of the descriptor; the payload's or more when truncated."""
    if not payload:
        return 1
    if not payload[0] & _EXTENDED:
        return 1
    if len(payload) < 3:
        return len(payload)
    extension = payload[1]
    length = 2
    if extension & _HAS_PICTURE_ID:
        length += 2 if payload[2] & _LONG_PICTURE_ID else 1
    if extension & _HAS_TL0PICIDX:
        length += 1
    if extension & _HAS_TID_OR_KEYIDX:
        length += 1
    return length
