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
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.fanout import Rewrite
from relay.packet import rewrite_header
from relay.receivers import Sends
from relay.rtcp import build_sender_report

if TYPE_CHECKING:
    from relay.retransmission import Resent
    from relay.stream import Stream
    from relay.subscriber import Subscriber
    from relay.track import Track

KEPT_SPANS = 4  # a packet is asked for again within a second
SHARED = (0, 0)
# Who loses its first packets, and begins to read behind a wrap of the 16 bits, cannot
# know that there was one: it decrypts nothing (RFC 3711 3.3.1). So nobody begins with
# the track's own numbers as close before a wrap as a lossy start may last.
LAST_SHARED_START = 0xFFFF - 2048


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
        "_bytes_at_start",
        "_bytes_before",
        "_first",
        "_highest",
        "_last_time",
        "_last_timestamp",
        "_spans",
        "cname",
        "dropped_packets",
        "kind",
        "next_track",
        "on_start",
        "playable",
        "resent",
        "rtx",
        "rtx_seq",
        "rtx_ssrc",
        "running",
        "sent_packets",
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
        self.playable: frozenset[int] = frozenset()  # payload types that were accepted
        self.rtx: frozenset[int] = frozenset()  # those of them with RTX
        self.rtx_seq = 0
        self.resent: Resent | None = None  # since the first NACK
        self.stream: Stream | None = None
        self.track: Track | None = None
        self.next_track: Track | None = None  # takes over at its next key frame
        self.on_start: Callable[[], object] | None = None  # after each that waited
        self.sent_packets = 0  # the fan-out counts here; once for each burst
        self.dropped_packets = 0
        self.running = False  # with a track, but not running: it waits for its start
        self._first = -1  # of all numbers sent, -1 = none yet
        self._highest = -1
        self._last_timestamp = 0
        self._last_time = 0.0
        self._spans: deque[Span] = deque(maxlen=KEPT_SPANS)
        self._bytes_before = 0  # sent in spans that have ended
        self._bytes_at_start = 0  # that the track had sent when the last one began

    @property
    def is_fresh(self) -> bool:
        return self._first < 0

    def attach(self, stream: Stream, track: Track) -> None:
        """Carry the stream's `track` from its next start on.

        Audio starts with the next packet, video with the next key frame, unless it
        may start with the recent past (relay.fast_start). The caller asks for one.
        """
        if track is self.track:
            return
        self.detach()
        self.stream, self.track = stream, track
        track.receivers.add(self)

    def move(self, track: Track) -> None:
        """Go over to `track`, of the same stream, when its next key frame comes.

        Until then goes on what went on: nobody sees a break. The lane's own track
        takes back what was said before. The caller asks for the key frame.
        """
        if self.stream is None or track is self.next_track:
            return
        if not self.running:
            self.attach(self.stream, track)
            return
        self._stay()
        if track is not self.track:
            self.next_track = track
            track.receivers.expect(self)

    def _stay(self) -> None:
        if self.next_track is not None:
            self.next_track.receivers.forget(self)
            self.next_track = None

    def detach(self) -> None:
        """Carry nothing; the numbering is kept for what comes next."""
        self._stay()
        track, self.track, self.stream = self.track, None, None
        if track is None:
            return
        if self.running:
            self.running = False
            span = self._spans[-1]
            highest = track.flushed + span.seq_offset
            if highest > self._highest:
                self._highest = highest
                self._last_timestamp = track.last_timestamp + span.timestamp_offset
                self._last_time = track.last_time
            self._bytes_before += track.rate.total_bytes - self._bytes_at_start
        track.receivers.remove(self)

    def start(self, seq: int, timestamp: int, now: float) -> None:
        """Packets go out from the track's number `seq` on, which has `timestamp`."""
        if self.next_track is not None:
            self._go_over(self.next_track)
        track = self.track
        if track is None or self.running:
            return
        if self.is_fresh:
            is_own = self.ssrc == track.outgoing.ssrc
            self._highest = (
                seq - 1
                if is_own and seq & 0xFFFF <= LAST_SHARED_START
                else secrets.randbelow(1 << 15)  # as relay.track
            )
            timestamp_offset = 0
        elif self._spans and self._spans[-1].track is track:
            timestamp_offset = self._spans[-1].timestamp_offset
        else:
            elapsed = max(1, int((now - self._last_time) * track.clock_rate))
            timestamp_offset = self._last_timestamp + elapsed - timestamp
        first = self._highest + 1
        self._begin(Span(first, track, first - seq, timestamp_offset))
        track.receivers.add(self)
        if self.stream is not None:
            self.stream.send_report_of(self, now)
        if self.on_start is not None:
            self.on_start()

    def _go_over(self, track: Track) -> None:
        stream = self.stream
        self.detach()
        self.stream, self.track = stream, track

    def _begin(self, span: Span) -> None:
        if self.is_fresh:
            self._first = span.first
        self._spans.append(span)
        self._bytes_at_start = span.track.rate.total_bytes
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
        return Rewrite(span.seq_offset, span.timestamp_offset, self.ssrc)

    @property
    def floor(self) -> int:
        """The track's first number that goes out."""
        span = self._spans[-1]
        return span.first - span.seq_offset

    # -- what was sent --------------------------------------------------------

    @property
    def sends(self) -> Sends:
        """All that was sent, whatever track it was of."""
        return Sends(self.sent_packets, self.dropped_packets, self.sent_bytes)

    def count_bytes(self, size_bytes: int) -> None:
        """It was sent so much that its track did not send just now."""
        self._bytes_before += size_bytes

    @property
    def sent_bytes(self) -> int:
        """Of RTP packets, retransmissions not counted."""
        if not self.running or self.track is None:
            return self._bytes_before
        return self._bytes_before + self.track.rate.total_bytes - self._bytes_at_start

    @property
    def highest(self) -> int:
        """The last number sent, or used up by a packet that the kernel refused."""
        if not self.running:
            return self._highest
        span = self._spans[-1]
        return max(self._highest, span.track.flushed + span.seq_offset)

    def find(self, seq: int, now: float) -> tuple[bytes, Track] | None:
        """The packet sent under `seq` (16 bits) as it was, while it is remembered."""
        found = self._locate(seq)
        if found is None:
            return None
        span, number = found
        packet = span.track.history.get(number, now)
        if packet is None:
            return None
        return self._as_sent(packet, span), span.track

    def is_needed(self, seq: int) -> bool:
        """Whether `seq` was sent, and what follows builds on it."""
        found = self._locate(seq)
        if found is None:
            return False
        span, number = found
        return span is self._spans[-1] and span.track.is_needed(number)

    def _locate(self, seq: int) -> tuple[Span, int] | None:
        """Whose packet it was, and its unwrapped number there."""
        highest = self.highest
        number = highest - ((highest - seq) & 0xFFFF)
        for span in reversed(self._spans):
            if number >= span.first:
                return span, number - span.seq_offset
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
