"""Tells where a key frame starts, and its size, from one RTP payload.

Nothing is decoded and nothing is kept between packets. Payloads are hostile: a
truncated or senseless one is simply no key frame, and none of these functions
raises for any bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from relay import payload_av1, payload_h264, payload_vp8, payload_vp9

Payload = bytes | memoryview


@dataclass(frozen=True, slots=True)
class PayloadParser:
    """What the relay asks of one codec's payloads, looked up once per track.

    `is_key_frame_start`: the payload begins a key frame, so a viewer may be
    attached here. H.264 says so twice when parameter sets and picture travel in
    packets of their own: both have one timestamp.

    `key_frame_size`: (width, height) in pixels when this packet tells it.
    """

    is_key_frame_start: Callable[[Payload], bool]
    key_frame_size: Callable[[Payload], tuple[int, int] | None]


_PARSERS = {
    "VP8": PayloadParser(payload_vp8.is_key_frame_start, payload_vp8.key_frame_size),
    "VP9": PayloadParser(payload_vp9.is_key_frame_start, payload_vp9.key_frame_size),
    "H264": PayloadParser(payload_h264.is_key_frame_start, payload_h264.key_frame_size),
    "AV1": PayloadParser(payload_av1.is_key_frame_start, payload_av1.key_frame_size),
}


def parser_for(codec: str) -> PayloadParser:
    """The parser of a codec named as in SDP, in any case.

    Raises:
        ValueError: a codec without key frames, or one we do not know.
    """
    parser = _PARSERS.get(codec.upper())
    if parser is None:
        raise ValueError(f"no payload parser for codec {codec!r}")
    return parser


def is_key_frame_start(codec: str, payload: Payload) -> bool:
    """True when `payload` begins a key frame.

    Raises:
        ValueError: unknown codec, never because of the payload.
    """
    return parser_for(codec).is_key_frame_start(payload)


def key_frame_size(codec: str, payload: Payload) -> tuple[int, int] | None:
    """(width, height) in pixels, None when this packet does not tell it.

    Raises:
        ValueError: unknown codec, never because of the payload.
    """
    return parser_for(codec).key_frame_size(payload)
