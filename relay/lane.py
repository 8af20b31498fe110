"""What one viewer gets under one SSRC: a track's packets, renumbered where needed.

A viewer that gets all of a track shares its bytes, and its lane changes nothing. One
that was paused, or whose slot showed another track before, has numbers of its own:
sequence numbers without a gap, timestamps that move on with time. A lane is touched
when something starts, stops or is asked for again, never for a packet: what was sent
last follows from what the track sent last.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.fanout import Rewrite
from relay.packet import rewrite_header
from relay.rtcp import build_sender_report

if TYPE_CHECKING:
    from relay.stream import Stream
    from relay.subscriber import Subscriber
    from relay.track import Track

KEPT_SPANS = 4  # a packet is asked for again within a second
SHARED = (0, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """From the outgoing number `first` on, numbers are the track's plus offsets."""

    first: int
    track: Track
    seq_offset: int
    timestamp_offset: int


class Lane:
    """One outgoing SSRC of one viewer. Sequence numbers are unwrapped in here."""

    __slots__ = (
        "_first",
        "_highest",
        "_last_time",
        "_last_timestamp",
        "_spans",
        "cname",
        "kind",
        "rtx",
        "rtx_seq",
        "rtx_ssrc",
        "running",
        "ssrc",
        "stream",
        "track",
        "viewer",
    )

    def __init__(
        self, viewer: Subscriber, kind: str, ssrc: int, rtx_ssrc: int, cname: str
    ) -> None:
        self.viewer = viewer
        self.kind = kind
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.cname = cname
        self.rtx: frozenset[int] = frozenset()  # payload types with RTX agreed
        self.rtx_seq = 0
        self.stream: Stream | None = None
        self.track: Track | None = None
        self.running = False  # with a track, but not running: it waits for its start
        self._first = -1  # of all numbers sent, -1 = none yet
        self._highest = -1
        self._last_timestamp = 0
        self._last_time = 0.0
        self._spans: deque[Span] = deque(maxlen=KEPT_SPANS)

    @property
    def is_fresh(self) -> bool:
        return self._first < 0

    def attach(self, stream: Stream, track: Track) -> None:
        """Carry the stream's `track` from its next start on.

        Audio starts with the next packet, and so does video that begins with the
        track's own numbers; other video starts with the next key frame. The caller
        asks for one.
        """
        if track is self.track:
            return
        self.detach()
        self.stream, self.track = stream, track
        if self.is_fresh and self.ssrc == track.outgoing.ssrc:
            self._begin(Span(0, track, *SHARED))
        track.receivers.add(self)

    def detach(self) -> None:
        """Carry nothing; the numbering is kept for what comes next."""
        track, self.track, self.stream = self.track, None, None
        if track is None:
            return
        track.receivers.remove(self)
        if self.running:
            self.running = False
            span = self._spans[-1]
            highest = track.flushed + span.seq_offset
            if highest > self._highest:
                self._highest = highest
                self._last_timestamp = track.last_timestamp + span.timestamp_offset
                self._last_time = track.last_time

    def start(self, seq: int, timestamp: int, now: float) -> None:
        """Packets go out from the track's number `seq` on, which has `timestamp`."""
        track = self.track
        if track is None or self.running:
            return
        if self.is_fresh:
            self._highest = secrets.randbelow(1 << 15)  # as relay.track
            timestamp_offset = 0
        elif self._spans and self._spans[-1].track is track:
            timestamp_offset = self._spans[-1].timestamp_offset
        else:
            elapsed = max(1, int((now - self._last_time) * track.clock_rate))
            timestamp_offset = self._last_timestamp + elapsed - timestamp
        first = self._highest + 1
        self._begin(Span(first, track, first - seq, timestamp_offset))

    def _begin(self, span: Span) -> None:
        if self.is_fresh:
            self._first = span.first
        self._spans.append(span)
        self.running = True

    @property
    def is_shared(self) -> bool:
        """Whether the track's packets go out as they are."""
        span = self._spans[-1]
        return (
            self.ssrc == span.track.outgoing.ssrc
            and (
                span.seq_offset,
                span.timestamp_offset,
            )
            == SHARED
        )

    def rewrite(self) -> Rewrite | None:
        """How its packets differ from the track's; None: not at all."""
        if self.is_shared:
            return None
        span = self._spans[-1]
        return Rewrite(
            span.seq_offset,
            span.timestamp_offset,
            self.ssrc,
            span.first - span.seq_offset,
        )

    # -- what was sent --------------------------------------------------------

    @property
    def highest(self) -> int:
        """The last number sent, or used up by a packet that the kernel refused."""
        if not self.running:
            return self._highest
        span = self._spans[-1]
        return max(self._highest, span.track.flushed + span.seq_offset)

    def find(self, seq: int, now: float) -> tuple[bytes, Track] | None:
        """The packet sent under `seq` (16 bits) as it was, while it is remembered."""
        highest = self.highest
        number = highest - ((highest - seq) & 0xFFFF)
        for span in reversed(self._spans):
            if number < span.first:
                continue
            packet = span.track.history.get((number - span.seq_offset) & 0xFFFF, now)
            if packet is None:
                return None
            return self._as_sent(packet, span), span.track
        return None

    def _as_sent(self, packet: bytes, span: Span) -> bytes:
        return rewrite_header(packet, span.seq_offset, span.timestamp_offset, self.ssrc)

    def sender_report(self, now: float) -> bytes | None:
        """Our SR of this SSRC; nothing while it carries no track.

        The counts follow from the numbers: no viewer acts on them.
        """
        track = self.track
        if track is None or not self.running:
            return None
        if self.is_shared:
            return track.sender_report(now)
        clock_pair = track.clock_pair(now)
        if clock_pair is None:
            return None
        packets = max(self.highest - self._first + 1, 0)
        octets = packets * track.counters.payload_bytes // (track.counters.packets or 1)
        return build_sender_report(
            self.ssrc,
            clock_pair[0],
            (clock_pair[1] + self._spans[-1].timestamp_offset) & 0xFFFFFFFF,
            packets & 0xFFFFFFFF,
            octets & 0xFFFFFFFF,
            self.cname,
        )
