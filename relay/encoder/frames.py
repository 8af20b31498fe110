"""Puts frames together from packets in order: pure."""

from __future__ import annotations

from dataclasses import dataclass

from relay.encoder.link import ORIENTATION_ID
from relay.encoder.payloads import READERS
from relay.encoder.reorder import Ordered
from relay.payload import parser_for
from relay.seqno import timestamp_diff

MAX_FRAME_BYTES = 4 * 1024 * 1024
_VP8_START_MASK, _VP8_START = 0x17, 0x10  # RFC 7741 4.2: S, and partition 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame. `ticks`: its RTP timestamp, unwrapped."""

    data: bytes
    ticks: int
    is_key: bool
    orientation: bytes | None  # value of the extension, where the stream has it
    ready: float  # when it was whole


class FrameAssembler:
    """Whole frames only, and after one that is lost none before a key frame.

    A decoder would show what refers to a lost frame, and encoders would spend bits on
    its ruins.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec.upper()
        self._read = READERS[self._codec]
        self._parser = parser_for(codec)
        self.needs_key_frame = True
        self._parts: list[bytes] = []
        self._size = 0
        self._ticks: int | None = None
        self._broken = True
        self._is_key = False
        self._orientation: bytes | None = None

    def lose(self) -> None:
        """What was made so far is not decoded: a key frame must come."""
        self.needs_key_frame = True

    def add(self, ordered: Ordered, now: float) -> list[Frame]:
        """Take one packet; the frames that are whole by it."""
        packet = ordered.packet
        if ordered.after_gap:
            self._broken = True
            self.needs_key_frame = True
        if not packet.payload:  # padding for probing
            return []
        frames = []
        ticks = self._unwrap(packet.timestamp)
        if ticks != self._ticks:
            # The end of the one before was not marked, but it is whole: numbers say so.
            frames += self._finish(now)
            self._begin(ticks, packet.payload)
        self._append(packet.payload)
        value = packet.extensions.get(ORIENTATION_ID)
        if value is not None and len(value) == 1:
            self._orientation = value
        if packet.marker:
            frames += self._finish(now)
        return frames

    def _unwrap(self, timestamp: int) -> int:
        last = self._ticks
        return timestamp if last is None else last + timestamp_diff(timestamp, last)

    def _begin(self, ticks: int, payload: bytes) -> None:
        self._ticks = ticks
        self._broken = (
            self._codec == "VP8" and payload[0] & _VP8_START_MASK != _VP8_START
        )

    def _append(self, payload: bytes) -> None:
        self._is_key = self._is_key or self._parser.is_key_frame_start(payload)
        try:
            part = self._read(payload)
        except ValueError:
            self._broken = True
            return
        if not part:  # of a layer that is not decoded
            return
        self._size += len(part)
        if self._size > MAX_FRAME_BYTES:
            self._broken = True
            self._parts.clear()
            return
        self._parts.append(part)

    def _finish(self, now: float) -> list[Frame]:
        """The frame that was put together, if it is of use."""
        data = b"".join(self._parts)
        is_key, broken, orientation = self._is_key, self._broken, self._orientation
        self._parts, self._size, self._is_key = [], 0, False
        self._broken, self._orientation = False, None
        if not data or self._ticks is None:
            return []
        if broken or (self.needs_key_frame and not is_key):
            self.needs_key_frame = True
            return []
        self.needs_key_frame = False
        return [Frame(data, self._ticks, is_key, orientation, now)]
