"""A viewer's first picture out of the recent past, instead of a key frame for it.

Who joins while a group of pictures is young gets what was sent of it at once, under
the numbers it was sent with, so its lane is shared from then on. Decoders catch up:
they show the newest picture that they have (docs/decisions/0010). While nobody joins,
this costs a note a key frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from relay.fanout import send_again

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.track import Track

# Older or larger ones are not worth their burst: a key frame is asked for, which is
# then the start of all who come within the next second.
MAX_AGE_S = 1.0
MAX_BYTES = 256 * 1024


class PictureGroup:
    """The pictures since a track's last key frame: where and when they began."""

    __slots__ = ("_began", "_bytes_before", "first")

    def __init__(self) -> None:
        self.first = -1  # the key frame's first packet, -1 = none yet
        self._began = -math.inf
        self._bytes_before = 0

    def begin(self, number: int, payload_bytes: int, now: float) -> None:
        """A key frame begins with the packet `number`, after so many bytes."""
        self.first = number
        self._began = now
        self._bytes_before = payload_bytes

    def end(self) -> None:
        """Nobody starts with it any more: what comes next does not build on it."""
        self._began = -math.inf

    def is_fit(self, payload_bytes: int, now: float) -> bool:
        """Whether a start with it is worth its burst. `payload_bytes`: up to now."""
        is_young = now - self._began <= MAX_AGE_S
        return is_young and payload_bytes - self._bytes_before <= MAX_BYTES


def start_from_recent(lane: Lane, track: Track, now: float) -> bool:
    """Start a lane that waits with what was sent since the key frame, if that is fit.

    False: it goes on waiting, and the caller asks for a key frame.
    """
    target = lane.viewer.target(lane)
    packets = track.recent_pictures(now)
    if target is None or not packets:
        return False
    timestamp = int.from_bytes(packets[0][4:8])
    track.receivers.forget(lane)
    lane.start(track.pictures.first, timestamp, now)
    send_again(packets, target._replace(rewrite=lane.rewrite()))
    lane.count_bytes(sum(map(len, packets)))
    return True
