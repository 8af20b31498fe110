"""RTP headers: parse what a publisher sent, build what viewers get.

Source: RFC 3550 section 5.1, RFC 8285 (header extensions), RFC 4588 (RTX).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")
HEADER_BYTES = HEADER.size
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
# In 1500 bytes with IPv6 (40), UDP (8), the SRTP tag (16) and RTX (2).
MAX_PACKET_BYTES = 1434


@dataclass(slots=True)
class RtpPacket:
    """One received packet. `payload` is without padding."""

    payload_type: int
    marker: bool
    seq: int
    timestamp: int
    ssrc: int
    extensions: dict[int, bytes]  # id -> value
    payload: bytes


def parse_packet(data: bytes) -> RtpPacket:
    """The packet in `data` (plain, after SRTP).

    Raises:
        ValueError: a length or the version is wrong.
    """
    size = len(data)
    if size < HEADER_BYTES:
        raise ValueError("RTP packet shorter than its header")
    first, second, seq, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("not RTP version 2")
    start = HEADER_BYTES + 4 * (first & 0x0F)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if start + 4 > size:
            raise ValueError("RTP extension header is cut short")
        profile, words = struct.unpack_from("!HH", data, start)
        start += 4
        end = start + 4 * words
        if end > size:
            raise ValueError("RTP extension is cut short")
        extensions = parse_extensions(profile, data[start:end])
        start = end
    end = size
    if first & 0x20:
        end -= data[-1]
        if not data[-1]:
            raise ValueError("RTP padding of length zero")
    if start > end:
        raise ValueError("RTP padding or CSRC list longer than the packet")
    return RtpPacket(
        second & 0x7F,
        second >> 7 == 1,
        seq,
        timestamp,
        ssrc,
        extensions,
        data[start:end],
    )


def parse_extensions(profile: int, block: bytes) -> dict[int, bytes]:
    """Extension values by id; unknown profiles have none.

    Raises:
        ValueError: a value is longer than the block.
    """
    values: dict[int, bytes] = {}
    one_byte = profile == ONE_BYTE_PROFILE
    if not one_byte and profile & 0xFFF0 != TWO_BYTE_PROFILE:
        return values
    at, size = 0, len(block)
    while at < size:
        head = block[at]
        at += 1
        if head == 0:  # padding
            continue
        if one_byte:
            identifier, length = head >> 4, (head & 0x0F) + 1
            if identifier == 15:  # reserved: stop here
                break
        else:
            if at == size:
                raise ValueError("RTP extension element is cut short")
            identifier, length = head, block[at]
            at += 1
        end = at + length
        if end > size:
            raise ValueError("RTP extension value is cut short")
        values[identifier] = block[at:end]
        at = end
    return values


def build_extensions(values: list[tuple[int, bytes]]) -> bytes:
    """A one-byte-header extension block with its 4-byte head; b"" for no values.

    Ids 1 to 14, values of 1 to 16 bytes.
    """
    if not values:
        return b""
    body = b"".join(
        bytes(((identifier << 4) | (len(value) - 1),)) + value
        for identifier, value in values
    )
    words = (len(body) + 3) // 4
    return struct.pack("!HH", ONE_BYTE_PROFILE, words) + body.ljust(4 * words, b"\0")


def build_packet(
    *,
    payload_type: int,
    marker: bool,
    seq: int,
    timestamp: int,
    ssrc: int,
    extensions: bytes,
    payload: bytes,
) -> bytes:
    """A packet without padding; `extensions` is a block of `build_extensions`."""
    return (
        HEADER.pack(
            0x90 if extensions else 0x80,
            (0x80 if marker else 0) | payload_type,
            seq,
            timestamp,
            ssrc,
        )
        + extensions
        + payload
    )


def pad_packet(packet: bytes, size: int) -> bytes:
    """`packet` filled by RTP padding up to `size` bytes (1 to 255 more)."""
    fill = size - len(packet)
    if fill == 0:
        return packet
    if packet[0] & 0x20:  # a packet of nothing but padding gets more of it
        return b"".join((packet[:-1], bytes(fill), bytes((packet[-1] + fill,))))
    return b"".join(
        (bytes((packet[0] | 0x20,)), packet[1:], bytes(fill - 1), bytes((fill,)))
    )


def fill_packet(packet: bytes, size: int) -> bytes:
    """`packet` with as much RTP padding as it may have, but not above `size` bytes."""
    known = packet[-1] if packet[0] & 0x20 else 0
    return pad_packet(packet, min(max(size, len(packet)), len(packet) + 255 - known))


def stamp_send_time(packet: bytes, identifier: int, now_s: float) -> bytes:
    """`packet`, one of ours, as if it left now; unchanged where it tells no time.

    `identifier`: of the abs-send-time extension, which is the first of the block.
    """
    at = HEADER_BYTES + 4
    if not packet[0] & 0x10 or packet[at] != identifier << 4 | 2:
        return packet
    return packet[: at + 1] + abs_send_time(now_s) + packet[at + 4 :]


def unwrap_rtx(packet: RtpPacket, payload_type: int, ssrc: int) -> RtpPacket | None:
    """The packet an RTX packet carries (RFC 4588 4); nothing for pure padding."""
    if len(packet.payload) < 2:
        return None
    (seq,) = struct.unpack_from("!H", packet.payload)
    return RtpPacket(
        payload_type,
        packet.marker,
        seq,
        packet.timestamp,
        ssrc,
        packet.extensions,
        packet.payload[2:],
    )


def wrap_rtx(packet: bytes, payload_type: int, seq: int, ssrc: int) -> bytes:
    """The RTX packet for a packet we sent: own header, then the original's seq.

    `packet` is one of ours (no CSRC): its extension block and padding stay valid.
    """
    first, second, original_seq, timestamp, _ = HEADER.unpack_from(packet)
    start = HEADER_BYTES
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    return b"".join(
        (
            HEADER.pack(first, (second & 0x80) | payload_type, seq, timestamp, ssrc),
            packet[HEADER_BYTES:start],
            struct.pack("!H", original_seq),
            packet[start:],
        )
    )


def rewrite_header(
    packet: bytes, seq_offset: int, timestamp_offset: int, ssrc: int
) -> bytes:
    """`packet` with other numbers and SSRC; the rest is the same."""
    first, second, seq, timestamp, _ = HEADER.unpack_from(packet)
    return (
        HEADER.pack(
            first,
            second,
            (seq + seq_offset) & 0xFFFF,
            (timestamp + timestamp_offset) & 0xFFFFFFFF,
            ssrc,
        )
        + packet[HEADER_BYTES:]
    )


def abs_send_time(now_s: float) -> bytes:
    """24 bits of 6.18 fixed-point seconds."""
    return (int(now_s * 262144) & 0xFFFFFF).to_bytes(3)


def is_rtcp(data: bytes) -> bool:
    """Whether a packet whose first byte is 128-191 is RTCP (RFC 5761 4)."""
    return len(data) >= 2 and 192 <= data[1] <= 223
