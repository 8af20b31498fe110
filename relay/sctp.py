"""SCTP packets looked at before aiortc reads them: pure functions over bytes.

aiortc takes lengths inside a packet at their word: a parameter of length 0 keeps
its parser in a loop for ever, a gap block may name 65536 numbers, a stream number
makes a record that stays, and a packet full of small control chunks has each of them
answered. What no browser sends is refused here.
Sources: RFC 9260 3, RFC 3758 3.2, RFC 6525 4, RFC 8832 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

COMMON_HEADER = 12
CHUNK_HEADER = 4
DATA_HEADER = 16
INIT_HEADER = 20
MAX_STREAMS = 64  # ids in each direction; a browser takes every other one
MAX_LABEL_BYTES = 1024  # a stream id of 512 characters fits

MAX_RESETS = 2  # parameters of one RECONFIG, RFC 6525 3.1

DATA = 0
INIT = 1
INIT_ACK = 2
SACK = 3
HEARTBEAT = 4
HEARTBEAT_ACK = 5
ABORT = 6
SHUTDOWN = 7
ERROR = 9
COOKIE_ECHO = 10
RECONFIG = 130
FORWARD_TSN = 192
RESET_OUTGOING = 13  # parameters of RECONFIG
RESET_RESPONSE = 16
ADD_OUTGOING = 17

DCEP_ACK = 2
DCEP_OPEN = 3
# Each is answered, or walks through all that waits: one is what a packet needs.
ONCE = frozenset((SACK, HEARTBEAT, SHUTDOWN, COOKIE_ECHO, RECONFIG, FORWARD_TSN))
_OPEN = struct.Struct("!BBHLHH")
_HEADER = struct.Struct("!BBH")
_PAIR = struct.Struct("!HH")


def is_sane(packet: bytes) -> bool:
    """Whether every length and number in the packet is one to act on."""
    if len(packet) < COMMON_HEADER + CHUNK_HEADER:
        return False
    try:
        return all(
            check is None or check(packet[start:end])
            for check, start, end in _chunks(packet)
        )
    except (ValueError, struct.error):
        return False


Check = Callable[[bytes], bool]


def _chunks(packet: bytes) -> Iterator[tuple[Check | None, int, int]]:
    """The check of each chunk and where its bytes are, header included.

    Raises:
        ValueError: a chunk does not fit, or may not stand beside others.
    """
    position, end = COMMON_HEADER, len(packet)
    seen = set()
    while position <= end - CHUNK_HEADER:
        kind, _, length = _HEADER.unpack_from(packet, position)
        if length < CHUNK_HEADER or position + length > end:
            raise ValueError("a chunk does not fit")
        after = position + (length + 3) // 4 * 4
        if kind in (INIT, INIT_ACK) and (position != COMMON_HEADER or after < end):
            raise ValueError("an INIT stands alone")  # RFC 9260 6.10
        if kind in ONCE and kind in seen:
            raise ValueError("a chunk that comes once")
        seen.add(kind)
        yield _CHECKS.get(kind), position, position + length
        position = after


def _data(chunk: bytes) -> bool:
    if len(chunk) <= DATA_HEADER:
        return False  # RFC 9260 3.3.1: at least one byte
    (stream,) = struct.unpack_from("!H", chunk, 8)
    return bool(stream < MAX_STREAMS)


def _init(chunk: bytes) -> bool:
    if len(chunk) < INIT_HEADER:
        return False
    tag, _, outbound, inbound = struct.unpack_from("!LLHH", chunk, CHUNK_HEADER)
    return bool(tag and outbound and inbound) and _has_parameters(chunk, INIT_HEADER)


def _sack(chunk: bytes) -> bool:
    """Gap blocks rise and do not overlap, so they cost what they cover at most."""
    gaps, duplicates = _PAIR.unpack_from(chunk, 12)
    if len(chunk) != 16 + 4 * (gaps + duplicates):
        return False
    highest = 0
    for first, last in _PAIR.iter_unpack(chunk[16 : 16 + 4 * gaps]):
        if not highest < first <= last:
            return False
        highest = last
    return True


def _parameters(chunk: bytes) -> bool:
    return _has_parameters(chunk, CHUNK_HEADER)


def _has_parameters(chunk: bytes, position: int) -> bool:
    return all(True for _ in _walk_parameters(chunk, position))


def _walk_parameters(chunk: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """Type and value of each parameter from `position` on.

    Raises:
        ValueError: one does not fit.
    """
    end = len(chunk)
    while position <= end - CHUNK_HEADER:
        kind, length = _PAIR.unpack_from(chunk, position)
        if length < CHUNK_HEADER or position + length > end:
            raise ValueError("a parameter does not fit")
        yield kind, chunk[position + CHUNK_HEADER : position + length]
        position += (length + 3) // 4 * 4


def _shutdown(chunk: bytes) -> bool:
    return len(chunk) == 8


def _reconfig(chunk: bytes) -> bool:
    found = list(_walk_parameters(chunk, CHUNK_HEADER))
    return len(found) <= MAX_RESETS and all(_is_sane_reset(*each) for each in found)


def _is_sane_reset(kind: int, value: bytes) -> bool:
    if kind == RESET_OUTGOING:
        return len(value) >= 12 and _streams_are_known(value[12:], "!H")
    if kind in (RESET_RESPONSE, ADD_OUTGOING):
        return len(value) >= 8
    return True


def _forward_tsn(chunk: bytes) -> bool:
    return len(chunk) >= 8 and _streams_are_known(chunk[8:], "!HH")


def _streams_are_known(data: bytes, layout: str) -> bool:
    return all(entry[0] < MAX_STREAMS for entry in struct.iter_unpack(layout, data))


_CHECKS: dict[int, Check] = {
    DATA: _data,
    INIT: _init,
    INIT_ACK: _init,
    SACK: _sack,
    HEARTBEAT: _parameters,
    HEARTBEAT_ACK: _parameters,
    ABORT: _parameters,
    SHUTDOWN: _shutdown,
    ERROR: _parameters,
    RECONFIG: _reconfig,
    FORWARD_TSN: _forward_tsn,
}


def gap_blocks(places: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers, in their order (RFC 9260 3.3.4)."""
    blocks: list[tuple[int, int]] = []
    for place in sorted(places):
        if blocks and blocks[-1][1] == place - 1:
            blocks[-1] = blocks[-1][0], place
        else:
            blocks.append((place, place))
    return blocks


def is_channel_open(message: bytes) -> bool:
    """Whether a control message opens a channel, with readable names."""
    if len(message) < _OPEN.size or message[0] != DCEP_OPEN:
        return False
    *_, label_bytes, protocol_bytes = _OPEN.unpack_from(message)
    names = message[_OPEN.size :]
    return (
        label_bytes <= MAX_LABEL_BYTES
        and protocol_bytes <= MAX_LABEL_BYTES
        and len(names) == label_bytes + protocol_bytes
        and is_text(names[:label_bytes])
        and is_text(names[label_bytes:])
    )


def is_channel_ack(message: bytes) -> bool:
    return message[:1] == bytes([DCEP_ACK])


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
