"""Protect and send one burst to every viewer: the innermost loop of the relay.

A viewer costs one memory copy, one libsrtp call a packet and its share of a system
call for up to sixteen viewers. A send that would block is dropped for that viewer
and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from relay.aiortc_adapter import BurstBuffer
from relay.batch import Batch, Vectors
from relay.ice import Address
from relay.udp import MediaSocket


class SendCounter(Protocol):
    sent_packets: int
    dropped_packets: int


class Target(NamedTuple):
    """Where a viewer's packets go."""

    viewer: SendCounter
    handle: Any  # libsrtp session
    socket: MediaSocket
    address: Address
    tag_bytes: int


_burst = BurstBuffer()  # one thread, one burst at a time
_vectors = Vectors(_burst.slots)


class _Chunk:
    """Up to sixteen targets behind one socket."""

    __slots__ = ("batch", "handles", "targets", "viewers")

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.viewers = [target.viewer for target in targets]
        self.handles = [target.handle for target in targets]
        self.batch = Batch([target.address for target in targets], _vectors)


class FanOut:
    """The targets of one track, grouped by socket and by what SRTP adds."""

    def __init__(self) -> None:
        self._groups: list[tuple[MediaSocket, int, list[_Chunk]]] = []

    def set_targets(self, targets: Sequence[Target]) -> None:
        groups: dict[tuple[MediaSocket, int], list[Target]] = {}
        for target in targets:
            groups.setdefault((target.socket, target.tag_bytes), []).append(target)
        self._groups = [
            (socket, tag_bytes, [_Chunk(part) for part in _split(members)])
            for (socket, tag_bytes), members in groups.items()
        ]

    def send(self, group: Sequence[bytes]) -> None:
        """Send `group`, as `burst.group_packets` made it, to every target."""
        for socket, tag_bytes, chunks in self._groups:
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
                    for slot, status in enumerate(_burst.protect(chunk.handles)):
                        _send_one_by_one(socket, chunk.targets[slot], slot, status)


def _split(targets: list[Target]) -> list[list[Target]]:
    size = BurstBuffer.SLOTS
    return [targets[start : start + size] for start in range(0, len(targets), size)]


def _send_chunks(socket: MediaSocket, chunks: list[_Chunk]) -> None:
    # All chunks but the last have the size of the first.
    _vectors.set_lengths(len(chunks[0].targets), _burst.wire_bytes)
    count = _burst.count
    for chunk in chunks:
        statuses = _burst.protect(chunk.handles)
        sent: int | None = 0
        if not any(statuses):
            sent = socket.send_batch(chunk.batch, 0, len(statuses))
            for viewer in chunk.viewers[:sent] if sent else ():
                viewer.sent_packets += count
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
        target.viewer.sent_packets += _burst.count
    else:
        target.viewer.dropped_packets += _burst.count


def _send_one_by_one(
    socket: MediaSocket, target: Target, slot: int, status: int
) -> None:
    wire, segment = _burst.wire(slot), _burst.segment_bytes
    for start in range(0, len(wire), segment):
        if not status and socket.send(wire[start : start + segment], target.address):
            target.viewer.sent_packets += 1
        else:
            target.viewer.dropped_packets += 1
