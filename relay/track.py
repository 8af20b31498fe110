"""One forwarded track: its source may change, its numbering to viewers goes on.

Payload type, SSRC, sequence numbers and timestamps belong to the stream. Each
packet is made once; viewers share its bytes (design 5), or get them with numbers of
their own (relay.lane). No sequence number is ever sent twice with other bytes: under
AES-GCM that would reuse a nonce.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from relay.audio_level import LevelMeter
from relay.burst import group_packets
from relay.fanout import (
    MAX_AHEAD,
    MAX_LATE_PACKETS,
    MAX_PENDING,
    FanOut,
    number_of,
)
from relay.fast_start import PictureGroup, start_from_recent
from relay.history import DEFAULT_CAPACITY, PacketHistory
from relay.keyframes import KeyFrameRequests
from relay.negotiation import (
    SEND_ABS_SEND_TIME_ID,
    SEND_AUDIO_LEVEL_ID,
    SEND_ORIENTATION_ID,
    SEND_PLAYOUT_DELAY_ID,
    IncomingTrack,
    OutgoingTrack,
    send_codec,
)
from relay.packet import (
    MAX_PACKET_BYTES,
    RtpPacket,
    abs_send_time,
    build_extensions,
    build_packet,
)
from relay.payload import parser_for
from relay.playout import SourceHold
from relay.receivers import Receivers
from relay.rtcp import SenderReport, build_sender_report
from relay.seqno import SeqUnwrapper, timestamp_diff
from relay.source_clock import SourceClock, ticks_between
from relay.stats import RateMeter

# Much longer ago is the far half of the timestamps, after hours without one.
LATE_KEY_FRAME_S = 60
# Reports that are further from what arrived tell of no clock one can go by.
MAX_CLOCK_ERROR_S = 0.5
_SENT_SLOTS = 1024


@dataclass(slots=True)
class TrackCounters:
    packets: int = 0
    payload_bytes: int = 0
    late: int = 0
    duplicates: int = 0
    oversized: int = 0


class Track:
    """Forwards one track of a stream to its targets."""

    def __init__(self, incoming: IncomingTrack, cname: str) -> None:
        self.kind = incoming.kind
        self.source_codec = incoming.codec
        self.outgoing = OutgoingTrack(
            kind=incoming.kind,
            codec=send_codec(incoming.codec),
            ssrc=_random_ssrc(),
            rtx_ssrc=_random_ssrc(),
            cname=cname,
        )
        self.clock_rate = incoming.codec.clock_rate
        self.is_video = incoming.kind == "video"
        self.parser = parser_for(incoming.codec.name) if self.is_video else None
        self.history = PacketHistory()
        self.key_frames = KeyFrameRequests()
        self.size = (0, 0)  # of the last key frame, pixels
        self.counters = TrackCounters()
        self.fan_out = FanOut()
        self.receivers = Receivers()
        self.pictures = PictureGroup()
        self.levels: LevelMeter | None = None  # while somebody wants to know
        self.rate = RateMeter()
        # Gets what viewers get, packet by packet: an encoder's, while there is one.
        self.tap: Callable[[bytes], object] | None = None
        # Whose clock this track's timestamps follow: an encoder keeps its source's.
        self.clock_of: Track | None = None
        self.hold = SourceHold()
        self.clock = SourceClock()  # a stream's tracks share theirs
        self.last_report: tuple[SenderReport, float] | None = None
        # The same of the source before: the stream's NTP time, our timestamp.
        self._last_clock_pair: tuple[int, int] | None = None
        self._pending: list[bytes] = []
        self._unwrapper = SeqUnwrapper()
        self._sent = [-1] * _SENT_SLOTS
        # Below 2**15: SRTP's rollover counter is then sure to agree (RFC 3711 3.3.1).
        self._highest = secrets.randbelow(1 << 15)
        self.flushed = self._highest  # the highest number of the last flush
        self.last_timestamp = 0  # of the highest number
        self.last_time = 0.0
        self._seq_offset = 0
        self._timestamp_offset = 0
        self._floor = 0  # first unwrapped number of this source
        self._fresh_source = True
        self._await_key_frame = False
        self._key_frame_timestamp: int | None = None  # the source's ticks
        self._key_frame_seq = -1  # its first packet's, -1 = not in this wake-up
        self._key_frame_index = 0  # of that packet, among the pending

    @property
    def timestamp_offset(self) -> int:
        return self._timestamp_offset

    def change_source(self, now: float) -> None:
        """What comes next is of another sender or SSRC: continue the numbering.

        Video waits for a key frame, which is asked for: nothing else of the new
        source can be decoded.
        """
        self._last_clock_pair = self.clock_pair(now) or self._last_clock_pair
        self.clock.change_source()
        self._fresh_source = True
        self.pictures.end()
        self._await_key_frame = self.is_video and self.counters.packets > 0
        self._key_frame_timestamp = None
        self.last_report = None
        if self.is_video:
            self.key_frames.wanted(now)

    def forward(self, packet: RtpPacket, incoming: IncomingTrack, now: float) -> bool:
        """Queue a packet of the source for the next `flush`; whether it was new."""
        starts_key_frame = False
        if self.parser is not None:
            starts_key_frame = self._note_key_frame(packet, now)
            if self._await_key_frame:
                return False
        if self._fresh_source:
            self._rebase(packet, now)
        seq = self._outgoing_number(packet.seq)
        if seq is None:
            self.counters.late += 1
            return False
        if self._sent[seq % _SENT_SLOTS] == seq:
            self.counters.duplicates += 1
            return False
        timestamp = (packet.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        wire = build_packet(
            payload_type=self.outgoing.codec.payload_type,
            marker=packet.marker,
            seq=seq & 0xFFFF,
            timestamp=timestamp,
            ssrc=self.outgoing.ssrc,
            extensions=self._extensions(
                packet, incoming, now, starts_key_frame=starts_key_frame
            ),
            payload=packet.payload,
        )
        if len(wire) > MAX_PACKET_BYTES or len(self._pending) >= MAX_PENDING:
            self.counters.oversized += 1
            return False
        if not packet.payload:
            # Padding for probing: keeps its number, carries one byte of padding.
            wire = bytes((wire[0] | 0x20,)) + wire[1:] + b"\x01"
        self._sent[seq % _SENT_SLOTS] = seq
        if seq > self._highest:
            self._highest, self.last_timestamp = seq, timestamp
        self.last_time = now
        if starts_key_frame:
            self._key_frame_seq, self._key_frame_index = seq, len(self._pending)
            self.pictures.begin(seq, self.counters.payload_bytes, now)
        self.counters.packets += 1
        self.counters.payload_bytes += len(packet.payload)
        self._queue(wire, now)
        return True

    def _queue(self, wire: bytes, now: float) -> None:
        self._pending.append(wire)
        self.rate.add(len(wire), now)
        if self.tap is not None:
            self.tap(wire)

    def flush(self, now: float) -> None:
        """Send what `forward` queued to all targets."""
        pending, self._pending = self._pending, []
        if pending and self.receivers.has_waiting:
            pending = self._start_waiting(pending, now)
        is_late_start = 0 <= self._key_frame_seq <= self.flushed
        self._key_frame_seq = -1
        if self.receivers.changed:
            self.fan_out.set_targets(self.receivers.take_targets())
        self._send(pending, now)
        self.flushed = self._highest
        if is_late_start:
            # A retransmission brought it: what follows it has gone out already.
            for lane in self.receivers.expected():
                start_from_recent(lane, self, now)
        if self.receivers.has_waiting:
            # A key frame whose start came too late has ended the wish, not the wait.
            self.request_key_frame(now)

    def _start_waiting(self, pending: list[bytes], now: float) -> list[bytes]:
        """What is left to send when those who wait get their start."""
        seq, start = self.flushed + 1, 0
        if self.is_video:
            if self._key_frame_seq <= self.flushed:
                return pending
            seq, start = self._key_frame_seq, self._key_frame_index
            if start:
                if self.receivers.changed:
                    self.fan_out.set_targets(self.receivers.take_targets())
                self._send(pending[:start], now)
        timestamp = int.from_bytes(pending[start][4:8])
        self.receivers.start_waiting(seq, timestamp, now)
        return pending[start:]

    def _send(self, packets: list[bytes], now: float) -> None:
        for group in group_packets(packets):
            for packet in group:
                self.history.put(number_of(packet, self._highest), packet, now)
            self.fan_out.send(group, self._highest)

    def request_key_frame(self, now: float) -> None:
        """A viewer cannot decode without one; audio needs none."""
        if self.is_video:
            self.key_frames.wanted(now)

    def is_needed(self, number: int) -> bool:
        """Whether the packet `number` was sent, and what follows builds on it.

        Nothing does after a key frame has followed. One that never came in may still
        come: the publisher's side asks for a key frame when it gives it up.
        """
        if not self.is_video or number < self.pictures.first:
            return False
        known = number > self._highest - _SENT_SLOTS
        return not known or self._sent[number % _SENT_SLOTS] == number

    def give_up(self, source_seq: int, now: float) -> None:
        """The source's packet `source_seq` (16 bits) will not come any more."""
        newest = self._highest - self._seq_offset
        number = newest - ((newest - source_seq) & 0xFFFF) + self._seq_offset
        if number > self.pictures.first:
            self.request_key_frame(now)

    def recent_pictures(self, now: float) -> list[bytes]:
        """What was sent since the last key frame; nothing when that is not recent."""
        first = self.pictures.first
        if not self.pictures.is_fit(self.counters.payload_bytes, now):
            return []
        numbers = range(first, self.flushed + 1)
        if len(numbers) > DEFAULT_CAPACITY:  # what is between was never there
            return []
        packets = [self.history.get(number, now) for number in numbers]
        if not packets or packets[0] is None:
            return []
        return [packet for packet in packets if packet is not None]

    def remember_report(self, report: SenderReport, now: float) -> None:
        ntp = self.clock.stream_time(report.ntp, now)
        self.last_report = (replace(report, ntp=ntp), now)

    def clock_pair(self, now: float) -> tuple[int, int] | None:
        """NTP time and RTP timestamp at `now`, by the source's last report."""
        if self.clock_of is not None:
            return self.clock_of.clock_pair(now)
        if self.last_report is None or self._fresh_source:
            return None
        report, taken = self.last_report
        elapsed = now - taken
        timestamp = report.rtp_timestamp + self._timestamp_offset
        return (
            (report.ntp + int(elapsed * 4294967296)) & 0xFFFFFFFFFFFFFFFF,
            (timestamp + int(elapsed * self.clock_rate)) & 0xFFFFFFFF,
        )

    def sender_report(self, now: float) -> bytes | None:
        """Our SR: the source's clock pair, moved on to `now`, our numbering."""
        clock_pair = self.clock_pair(now)
        if clock_pair is None:
            return None
        return build_sender_report(
            self.outgoing.ssrc,
            *clock_pair,
            self.counters.packets & 0xFFFFFFFF,
            self.counters.payload_bytes & 0xFFFFFFFF,
            self.outgoing.cname,
        )

    # -- inside ---------------------------------------------------------------

    def _note_key_frame(self, packet: RtpPacket, now: float) -> bool:
        """Whether a key frame that was not seen before starts here."""
        parser = self.parser
        if parser is None or not parser.is_key_frame_start(packet.payload):
            return False
        is_new = self._is_new_key_frame(packet.timestamp)
        if is_new:
            self._key_frame_timestamp = packet.timestamp
            self.key_frames.key_frame_arrived(now)
        self._await_key_frame = False
        size = parser.key_frame_size(packet.payload)
        if size is not None:
            self.size = size
        return is_new

    def _is_new_key_frame(self, timestamp: int) -> bool:
        """False for one seen before: H.264 starts it twice (parameter sets, then
        the picture), and a retransmission may bring its start late."""
        last = self._key_frame_timestamp
        if last is None:
            return True
        behind = timestamp_diff(last, timestamp)
        return not 0 <= behind < LATE_KEY_FRAME_S * self.clock_rate

    def _rebase(self, packet: RtpPacket, now: float) -> None:
        """Make this packet follow the last one that was sent."""
        self._fresh_source = False
        self._unwrapper = SeqUnwrapper()
        self._renumber(self._unwrapper.unwrap(packet.seq))
        if self.counters.packets:
            self._timestamp_offset = self._next_timestamp(now) - packet.timestamp

    def _renumber(self, number: int) -> None:
        """The source's `number` follows what was sent; nothing before it does."""
        self._floor = number
        self._seq_offset = self._highest + 1 - number

    def _outgoing_number(self, source_seq: int) -> int | None:
        """The packet's number, unwrapped; None: it comes too late."""
        number = self._unwrapper.unwrap(source_seq)
        if number + self._seq_offset > self.flushed + MAX_AHEAD:
            self._renumber(number)
        seq = number + self._seq_offset
        if number < self._floor or seq <= self._highest - MAX_LATE_PACKETS:
            return None
        return seq

    def _next_timestamp(self, now: float) -> int:
        """The timestamp of a new source's first packet, which arrives at `now`.

        By the clock that the source before told, which audio and video have in common:
        so they are in step again. When its last packet arrived is only a guess at it.
        """
        elapsed = max(1, int((now - self.last_time) * self.clock_rate))
        guess = self.last_timestamp + elapsed
        time = self.clock.time(now)
        if self._last_clock_pair is None or time is None:
            return guess
        ntp, timestamp = self._last_clock_pair
        told = timestamp + ticks_between(time, ntp, self.clock_rate)
        error = timestamp_diff(told & 0xFFFFFFFF, guess & 0xFFFFFFFF)
        is_ahead = timestamp_diff(told & 0xFFFFFFFF, self.last_timestamp) > 0
        if is_ahead and abs(error) < MAX_CLOCK_ERROR_S * self.clock_rate:
            return told
        return guess

    def _extensions(
        self,
        packet: RtpPacket,
        incoming: IncomingTrack,
        now: float,
        *,
        starts_key_frame: bool,
    ) -> bytes:
        values: list[tuple[int, bytes]] = []
        if self.is_video:
            values.append((SEND_ABS_SEND_TIME_ID, abs_send_time(now)))
            hold = self.hold.take(now, is_key_frame=starts_key_frame)
            if hold is not None:
                values.append((SEND_PLAYOUT_DELAY_ID, hold))
            source_id, own_id = incoming.orientation_id, SEND_ORIENTATION_ID
        else:
            source_id, own_id = incoming.audio_level_id, SEND_AUDIO_LEVEL_ID
        if source_id is not None:
            value = packet.extensions.get(source_id)
            if value is not None and len(value) == 1:
                values.append((own_id, value))
                if self.levels is not None:
                    self.levels.add(value[0])
        return build_extensions(values)


def _random_ssrc() -> int:
    return secrets.randbelow((1 << 32) - 2) + 1
