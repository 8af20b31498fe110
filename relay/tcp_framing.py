"""Packets in a byte stream: 16 bits of length before each (RFC 4571 2)."""

from __future__ import annotations

LENGTH_BYTES = 2


def frame(packet: bytes | memoryview) -> bytes:
    """One packet as it travels."""
    return b"".join((len(packet).to_bytes(LENGTH_BYTES), packet))


class Framer:
    """Takes one direction of a stream apart.

    It holds no more than what was fed since the last `next_packet` that gave nothing,
    and one packet.
    """

    def __init__(self, max_packet_bytes: int) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._unread = bytearray()
        self._at = 0  # of the next length

    @property
    def has_packet(self) -> bool:
        """Whether `next_packet` gives one, or raises."""
        start = self._at + LENGTH_BYTES
        if len(self._unread) < start:
            return False
        length = self._next_length()
        return length > self._max_packet_bytes or len(self._unread) >= start + length

    def feed(self, data: bytes) -> None:
        del self._unread[: self._at]
        self._at = 0
        self._unread += data

    def next_packet(self) -> bytes | None:
        """The next whole packet, which may be empty.

        Raises:
            ValueError: it is longer than any that is meant for us.
        """
        if not self.has_packet:
            return None
        length = self._next_length()
        if length > self._max_packet_bytes:
            raise ValueError("a frame is too long")
        start = self._at + LENGTH_BYTES
        self._at = start + length
        return bytes(self._unread[start : self._at])

    def _next_length(self) -> int:
        at = self._at
        return self._unread[at] << 8 | self._unread[at + 1]
