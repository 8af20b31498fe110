"""Frames from RTP payloads and back.

Source: RFC 7741 4 (VP8), RFC 6184 5 (H.264), RFC 9628 4.2 (VP9, of one layer).
Small enough not to load aiortc for it, which would bring OpenSSL and 30 MB of memory
into the one process that reads hostile pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from relay import payload_vp8, payload_vp9

MAX_PAYLOAD_BYTES = 1200
_START_CODE = b"\0\0\0\1"
_TYPE_MASK, _HEADER_MASK = 0x1F, 0xE0
_STAP_A, _FU_A = 24, 28
_FU_START, _FU_END = 0x80, 0x40
_VP8_START = 0x10
_PICTURE_ID_MASK = 0x7FFF


def read_vp8(payload: bytes) -> bytes:
    """What a packet holds of a VP8 frame.

    Raises:
        ValueError: the descriptor is cut short.
    """
    return _behind(payload, payload_vp8.descriptor_bytes(payload))


def read_vp9(payload: bytes) -> bytes:
    """What a packet holds of a VP9 frame's lowest spatial layer.

    Raises:
        ValueError: the descriptor is cut short.
    """
    if payload_vp9.is_upper_layer(payload):
        return b""
    return _behind(payload, payload_vp9.descriptor_bytes(payload))


def _behind(payload: bytes, size: int) -> bytes:
    if size >= len(payload):
        raise ValueError("a packet without a piece of a frame")
    return payload[size:]


def read_h264(payload: bytes) -> bytes:
    """What a packet holds of an H.264 frame, as an Annex B byte stream.

    Raises:
        ValueError: cut short, or of a kind that browsers do not send.
    """
    if len(payload) < 2:
        raise ValueError("an H.264 packet without a NAL unit")
    kind = payload[0] & _TYPE_MASK
    if 1 <= kind < _STAP_A:
        return _START_CODE + payload
    if kind == _FU_A:
        if not payload[1] & _FU_START:
            return payload[2:]
        head = (payload[0] & _HEADER_MASK) | (payload[1] & _TYPE_MASK)
        return b"".join((_START_CODE, bytes((head,)), payload[2:]))
    if kind == _STAP_A:
        return b"".join(_START_CODE + unit for unit in _units_of_stap(payload))
    raise ValueError("an H.264 packet of an unknown kind")


def _units_of_stap(payload: bytes) -> Iterator[bytes]:
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2])
        at += 2
        if not size or at + size > len(payload):
            raise ValueError("an H.264 aggregation packet is cut short")
        yield payload[at : at + size]
        at += size


READERS: dict[str, Callable[[bytes], bytes]] = {
    "VP8": read_vp8,
    "VP9": read_vp9,
    "H264": read_h264,
}


def write_vp8(frame: bytes, picture_id: int) -> list[bytes]:
    """The payloads of a VP8 frame; `picture_id` counts its frames."""
    tail = b"\x80" + (0x8000 | picture_id & _PICTURE_ID_MASK).to_bytes(2)
    size = MAX_PAYLOAD_BYTES - 4
    return [
        bytes((0x80 | (0 if start else _VP8_START),))
        + tail
        + frame[start : start + size]
        for start in range(0, len(frame), size)
    ]


def write_h264(frame: bytes, *, single_nal: bool = False) -> list[bytes]:
    """The payloads of an H.264 frame in Annex B: single NAL units and FU-A.

    Raises:
        ValueError: `single_nal`, and a unit is longer than a packet.
    """
    payloads: list[bytes] = []
    for unit in split_units(frame):
        if len(unit) <= MAX_PAYLOAD_BYTES:
            payloads.append(unit)
        elif single_nal:
            raise ValueError("a NAL unit longer than a packet")
        else:
            payloads += _fragment(unit)
    return payloads


def _fragment(unit: bytes) -> Iterator[bytes]:
    """FU-A packets of nearly one size (RFC 6184 5.8)."""
    body = unit[1:]
    most = MAX_PAYLOAD_BYTES - 2
    size = -(-len(body) // -(-len(body) // most))
    indicator = (unit[0] & _HEADER_MASK) | _FU_A
    for start in range(0, len(body), size):
        flags = _FU_START if start == 0 else 0
        if start + size >= len(body):
            flags |= _FU_END
        head = bytes((indicator, flags | unit[0] & _TYPE_MASK))
        yield head + body[start : start + size]


def split_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units, none empty, of an Annex B byte stream."""
    for piece in stream.split(b"\0\0\1")[1:]:
        # A unit never ends in zeros (ITU-T H.264 7.4.1): those belong to what follows.
        unit = piece.rstrip(b"\0")
        if unit:
            yield unit
