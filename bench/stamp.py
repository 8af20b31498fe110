"""The send time at the end of each frame, and the few RTP fields that are read."""

from __future__ import annotations

import struct

MAGIC = b"\xfeBENCH1\xfe"
_TAIL = struct.Struct("!8sQ")
STAMP_BYTES = _TAIL.size
RTP_HEADER_BYTES = 12


def make_stamp(now_ns: int) -> bytes:
    """What a frame ends with; `now_ns` of CLOCK_REALTIME, as the kernel stamps."""
    return _TAIL.pack(MAGIC, now_ns)


def read_stamp(packet: bytes) -> int | None:
    """The send time in a decrypted packet that ends a frame, else nothing."""
    end = len(packet)
    if packet[0] & 0x20:  # RTP padding, RFC 3550 5.1
        end -= packet[-1]
    if end < _TAIL.size:
        return None
    magic, sent_ns = _TAIL.unpack_from(packet, end - _TAIL.size)
    return sent_ns if magic == MAGIC else None


def is_vp8_key_frame_start(packet: bytes) -> bool:
    """Whether a decrypted packet begins a VP8 key frame (RFC 7741 4.2, 4.3)."""
    at = RTP_HEADER_BYTES + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
    if len(packet) < at + 7:
        return False
    first = packet[at]
    if not first & 0x10 or first & 0x07:  # not the start of partition 0
        return False
    at += 1
    if first & 0x80:
        extended = packet[at]
        at += 1
        if extended & 0x80:
            at += 2 if packet[at] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    return not packet[at] & 0x01
