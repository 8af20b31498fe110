"""One quality of a stream's video that viewers may get.

The publisher's own, a layer of its simulcast, or one that an encoder makes of it. They
have the stream's codec or another that viewers were offered, and a track each: a viewer
moves from one to another at a key frame (relay.lane).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.track import Track

FLOWING_S = 2.0  # without a packet for longer, nobody is moved to it
# What a rendition needs is its recent peak: a picture that stood still moves again.
PEAK_KEPT_PER_S = 0.95


@dataclass(eq=False, slots=True)
class Rendition:
    """`audio`: None for the stream's own."""

    video: Track
    audio: Track | None = None
    name: str = ""  # a simulcast layer's rid, "360p" of an encoder; "" = the original
    is_layer: bool = False  # of simulcast: the original is one of them
    _peak_bps: float = field(default=0.0, init=False)
    _peak_time: float = field(default=0.0, init=False)

    @property
    def size(self) -> tuple[int, int]:
        """Pixels of the last key frame, (0, 0) when unknown."""
        return self.video.size

    @property
    def height(self) -> int:
        return self.size[1]

    def bits_per_s(self, now: float) -> int:
        """Of its video, as it comes in; 0 when nothing comes."""
        return self.video.rate.bits_per_s(now)

    def need_bps(self, now: float) -> int:
        """What a viewer's path must bear for its video; 0 when that is not known."""
        faded = self._peak_bps * PEAK_KEPT_PER_S ** (now - self._peak_time)
        self._peak_bps = max(self.bits_per_s(now), faded)
        self._peak_time = now
        return int(self._peak_bps)

    def is_flowing(self, now: float) -> bool:
        """Whether a viewer may be moved to it: media comes, and its size is known."""
        return self.height > 0 and now - self.video.last_time < FLOWING_S
