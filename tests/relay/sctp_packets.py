"""SCTP packets made by hand, with a valid checksum."""

from __future__ import annotations

import struct
from typing import TypeVar

from aiortc.rtcsctptransport import Chunk, parse_packet
from google_crc32c import value as crc32c

C = TypeVar("C", bound=Chunk)
FIRST, LAST, UNORDERED = 2, 1, 4


def packet(*chunks: bytes, tag: int = 1) -> bytes:
    header = struct.pack("!HHL", 5000, 5000, tag)
    body = b"".join(chunks)
    return header + struct.pack("<L", crc32c(header + bytes(4) + body)) + body


def chunk(kind: int, body: bytes = b"", *, flags: int = 0) -> bytes:
    padding = bytes(-len(body) % 4)
    return struct.pack("!BBH", kind, flags, 4 + len(body)) + body + padding


def parameter(kind: int, value: bytes = b"") -> bytes:
    padding = bytes(-len(value) % 4)
    return struct.pack("!HH", kind, 4 + len(value)) + value + padding


def data(
    tsn: int,
    payload: bytes,
    *,
    stream: int = 0,
    seq: int = 0,
    protocol: int = 51,
    flags: int = FIRST | LAST,
) -> bytes:
    header = struct.pack("!LHHL", tsn % 2**32, stream, seq, protocol)
    return chunk(0, header + payload, flags=flags)


def init(
    tag: int = 1, tsn: int = 1, *, streams: int = 64, parameters: bytes = b""
) -> bytes:
    head = struct.pack("!LLHHL", tag, 1 << 20, streams, streams, tsn)
    return chunk(1, head + parameters)


def sack(cumulative: int, *gaps: tuple[int, int], window: int = 1 << 20) -> bytes:
    head = struct.pack("!LLHH", cumulative % 2**32, window, len(gaps), 0)
    return chunk(3, head + b"".join(struct.pack("!HH", *gap) for gap in gaps))


def open_message(label: bytes, *, kind: int = 0) -> bytes:
    """DATA_CHANNEL_OPEN of RFC 8832 5.1."""
    return struct.pack("!BBHLHH", 3, kind, 0, 0, len(label), 0) + label


def chunks(sent: bytes, kind: type[C]) -> list[C]:
    """The chunks of one kind in a packet."""
    return [found for found in parse_packet(sent)[3] if isinstance(found, kind)]
