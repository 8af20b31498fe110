"""Protect and send one burst to every viewer: the innermost loop of the relay.

A viewer costs one memory copy, one libsrtp call a packet and its share of a system
call for up to sixteen viewers, and ten bytes a packet where its numbers are its own.
A send that would block is dropped for that viewer and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from relay.aiortc_adapter import BurstBuffer
from relay.batch import Batch, Vectors
from relay.burst import group_packets
from relay.ice import Address
from relay.udp import MediaSocket

MAX_LATE_PACKETS = 512  # well inside libsrtp's replay window of 1024
MAX_PENDING = 512  # of a track; a wake-up brings at most RECEIVE_BATCH
# How far a track's numbers may go on in one wake-up, beside those of its packets. A
# wider gap is no loss that anybody repairs; and where numbers leap by half of the
# 16 bits, SRTP takes them for old ones: it would use a nonce twice.
MAX_AHEAD = 2048


class SendCounter(Protocol):
    sent_packets: int
    dropped_packets: int


class Rewrite(NamedTuple):
    """What differs from the track's own packets for one viewer (relay.lane)."""

    seq_offset: int
    timestamp_offset: int
    ssrc: int


class Target(NamedTuple):
    """Where a viewer's packets go."""

    counter: SendCounter
    handle: Any  # libsrtp session
    socket: MediaSocket
    address: Address
    tag_bytes: int
    rewrite: Rewrite | None = None  # None: the track's bytes as they are
    floor: int = 0  # the track's first number that goes to it, unwrapped


_burst = BurstBuffer()  # one thread, one burst at a time
_vectors = Vectors(_burst.slots)


class _Chunk:
    """Up to sixteen targets behind one socket."""

    __slots__ = ("batch", "counters", "handles", "rewrites", "targets")

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.counters = [target.counter for target in targets]
        self.handles = [target.handle for target in targets]
        self.batch = Batch([target.address for target in targets], _vectors)
        rewrites = [target.rewrite for target in targets if target.rewrite]
        self.rewrites = rewrites or None  # of all or of none

    def protect(self) -> list[int]:
        if self.rewrites is None:
            return _burst.protect(self.handles)
        return _burst.protect_rewritten(self.handles, self.rewrites)


_Groups = list[tuple[MediaSocket, int, list[_Chunk]]]


class FanOut:
    """The targets of one track, grouped by socket and by what SRTP adds."""

    def __init__(self) -> None:
        self._groups: _Groups = []
        self._rewritten: _Groups = []
        self._floor = 0  # the highest of all

    def set_targets(self, targets: Sequence[Target]) -> None:
        self._groups = _group([t for t in targets if t.rewrite is None])
        rewritten = [target for target in targets if target.rewrite is not None]
        self._rewritten = _group(rewritten)
        self._floor = max((target.floor for target in targets), default=0)

    def send(self, group: Sequence[bytes], highest: int) -> None:
        """Send `group`, as `burst.group_packets` made it, to every target.

        `highest`: the track's highest number so far, unwrapped; none in the group
        is more than 65535 below it.
        """
        if self._has_below_floor(group, highest):
            self._send_above_floors(group, highest)
            return
        for socket, tag_bytes, chunks in self._groups:
            _send_group(group, socket, tag_bytes, chunks)
        for socket, tag_bytes, chunks in self._rewritten:
            _send_group(group, socket, tag_bytes, chunks)

    def _has_below_floor(self, group: Sequence[bytes], highest: int) -> bool:
        """Whether a late packet is among them, from before some viewer's start.

        A while after the last start no packet can be so late any more.
        """
        if highest - MAX_LATE_PACKETS - MAX_PENDING - MAX_AHEAD >= self._floor:
            return False
        return min(number_of(packet, highest) for packet in group) < self._floor

    def _send_above_floors(self, group: Sequence[bytes], highest: int) -> None:
        for socket, tag_bytes, chunks in self._groups + self._rewritten:
            for target in [target for chunk in chunks for target in chunk.targets]:
                wanted = [p for p in group if number_of(p, highest) >= target.floor]
                if wanted:
                    _send_group(wanted, socket, tag_bytes, [_Chunk([target])])


def send_again(packets: Sequence[bytes], target: Target) -> None:
    """Send to one viewer what others were sent before.

    Not a byte is filled up: the same numbers may go to it once more, by a NACK.
    """
    for group in group_packets(packets, max_fill_bytes=0):
        _send_group(group, target.socket, target.tag_bytes, [_Chunk([target])])


def number_of(packet: bytes, highest: int) -> int:
    """The unwrapped number of one of the track's packets."""
    return highest - ((highest - (packet[2] << 8 | packet[3])) & 0xFFFF)


def _group(targets: Sequence[Target]) -> _Groups:
    groups: dict[tuple[MediaSocket, int], list[Target]] = {}
    for target in targets:
        groups.setdefault((target.socket, target.tag_bytes), []).append(target)
    return [
        (socket, tag_bytes, [_Chunk(part) for part in _split(members)])
        for (socket, tag_bytes), members in groups.items()
    ]


def _send_group(
    group: Sequence[bytes], socket: MediaSocket, tag_bytes: int, chunks: list[_Chunk]
) -> None:
    _burst.load(group, tag_bytes)
    if len(group) == 1:
        _send_chunks(socket, chunks)
    elif socket.gso:
        socket.set_segment(_burst.segment_bytes)
        try:
            _send_chunks(socket, chunks)
        finally:  # or STUN and RTCP would be cut, too
            socket.set_segment(0)
    else:
        for chunk in chunks:
            for slot, status in enumerate(chunk.protect()):
                _send_one_by_one(socket, chunk.targets[slot], slot, status)


def _split(targets: list[Target]) -> list[list[Target]]:
    size = BurstBuffer.SLOTS
    return [targets[start : start + size] for start in range(0, len(targets), size)]


def _send_chunks(socket: MediaSocket, chunks: list[_Chunk]) -> None:
    # All chunks but the last have the size of the first.
    _vectors.set_lengths(len(chunks[0].targets), _burst.wire_bytes)
    count = _burst.count
    for chunk in chunks:
        statuses = chunk.protect()
        sent: int | None = 0
        if not any(statuses):
            sent = socket.send_batch(chunk.batch, 0, len(statuses))
            for counter in chunk.counters[:sent] if sent else ():
                counter.sent_packets += count
        for slot in range(sent or 0, len(statuses)):
            _send_slot(socket, chunk, slot, statuses[slot])


def _send_slot(socket: MediaSocket, chunk: _Chunk, slot: int, status: int) -> None:
    """What stopped a batch, or comes after it: each on its own."""
    target = chunk.targets[slot]
    sent = 0 if status else socket.send_batch(chunk.batch, slot, 1)
    if sent is None:
        socket.set_segment(0)
        _send_one_by_one(socket, target, slot, status)
        socket.set_segment(_burst.segment_bytes if _burst.count > 1 else 0)
    elif sent:
        target.counter.sent_packets += _burst.count
    else:
        target.counter.dropped_packets += _burst.count


def _send_one_by_one(
    socket: MediaSocket, target: Target, slot: int, status: int
) -> None:
    wire, segment = _burst.wire(slot), _burst.segment_bytes
    for start in range(0, len(wire), segment):
        if not status and socket.send(wire[start : start + segment], target.address):
            target.counter.sent_packets += 1
        else:
            target.counter.dropped_packets += 1
