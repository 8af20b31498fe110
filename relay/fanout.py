"""Protect and send one burst to every viewer: the innermost loop of the relay.

A viewer costs one memory copy, one libsrtp call a packet and one system call a
burst. A send that would block is dropped for that viewer and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from relay.aiortc_adapter import BurstBuffer
from relay.ice import Address
from relay.udp import MediaSocket, segment_ancillary


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


class FanOut:
    """The targets of one track, grouped by what SRTP adds to a packet."""

    def __init__(self) -> None:
        self._by_tag: dict[int, list[Target]] = {}

    def set_targets(self, targets: Sequence[Target]) -> None:
        by_tag: dict[int, list[Target]] = {}
        for target in targets:
            by_tag.setdefault(target.tag_bytes, []).append(target)
        self._by_tag = by_tag

    def send(self, group: Sequence[bytes]) -> None:
        """Send `group`, as `burst.group_packets` made it, to every target."""
        for tag_bytes, targets in self._by_tag.items():
            _burst.load(group, tag_bytes)
            if len(group) == 1:
                _send_single(targets)
            else:
                _send_burst(targets, len(group))


def _send_single(targets: list[Target]) -> None:
    protect, wire = _burst.protect, _burst.wire
    for viewer, handle, socket, address, _ in targets:
        if protect(handle) and socket.send(wire, address):
            viewer.sent_packets += 1
        else:
            viewer.dropped_packets += 1


def _send_burst(targets: list[Target], count: int) -> None:
    protect, wire = _burst.protect, _burst.wire
    segment = _burst.segment_bytes
    ancillary = segment_ancillary(segment)
    for viewer, handle, socket, address, _ in targets:
        if not protect(handle):
            viewer.dropped_packets += count
        elif not socket.gso:
            _send_one_by_one(viewer, socket, address, wire, segment)
        elif taken := socket.send_segments(wire, ancillary, address):
            viewer.sent_packets += count
        elif taken is None:
            _send_one_by_one(viewer, socket, address, wire, segment)
        else:
            viewer.dropped_packets += count


def _send_one_by_one(
    viewer: SendCounter,
    socket: MediaSocket,
    address: Address,
    wire: memoryview,
    segment: int,
) -> None:
    for start in range(0, len(wire), segment):
        if socket.send(wire[start : start + segment], address):
            viewer.sent_packets += 1
        else:
            viewer.dropped_packets += 1
