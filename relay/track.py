"""One forwarded track: its source may change, its numbering to viewers goes on.

Payload type, SSRC, sequence numbers and timestamps belong to the stream. Each
packet is made once; viewers share its bytes (design 5), or get them with numbers of
their own (relay.lane). No sequence number is ever sent twice with other bytes: under
AES-GCM that would reuse a nonce.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from relay.audio_level import LevelMeter
from relay.burst import group_packets
from relay.fanout import FanOut
from relay.history import PacketHistory
from relay.keyframes import KeyFrameRequests
from relay.negotiation import (
    SEND_ABS_SEND_TIME_ID,
    SEND_AUDIO_LEVEL_ID,
    SEND_ORIENTATION_ID,
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
from relay.receivers import Receivers
from relay.rtcp import SenderReport, build_sender_report
from relay.seqno import SeqUnwrapper, timestamp_diff
from relay.stats import RateMeter

MAX_LATE_PACKETS = 512  # well inside libsrtp's replay window of 1024
# Much longer ago is the far half of the timestamps, after hours without one.
LATE_KEY_FRAME_S = 60
_SENT_SLOTS = 1024
MAX_PENDING = 512  # a wake-up brings at most RECEIVE_BATCH


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
        self.levels: LevelMeter | None = None  # while somebody wants to know
        self.rate = RateMeter()
        # Gets what viewers get, packet by packet: an encoder's, while there is one.
        self.tap: Callable[[bytes], object] | None = None
        # Whose clock this track's timestamps follow: an encoder keeps its source's.
        self.clock_of: Track | None = None
        self.last_report: tuple[SenderReport, float] | None = None
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
        self._fresh_source = True
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
        number = self._unwrapper.unwrap(packet.seq)
        seq = number + self._seq_offset
        if number < self._floor or seq <= self._highest - MAX_LATE_PACKETS:
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
            extensions=self._extensions(packet, incoming, now),
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
        self.counters.packets += 1
        self.counters.payload_bytes += len(packet.payload)
        if starts_key_frame:
            self._key_frame_seq, self._key_frame_index = seq, len(self._pending)
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
        self._key_frame_seq = -1
        if self.receivers.changed:
            self.fan_out.set_targets(self.receivers.take_targets())
        self._send(pending, now)
        self.flushed = self._highest
        if self.receivers.has_waiting:
            # A key frame whose start came too late has ended the wish, not the wait.
            self.request_key_frame(now)

    def _start_waiting(self, pending: list[bytes], now: float) -> list[bytes]:
        """What is left to send when those who wait get their start."""
        seq, start = self.flushed + 1, 0
        if self.is_video:
            if self._key_frame_seq < 0:
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
                self.history.put(int.from_bytes(packet[2:4]), packet, now)
            self.fan_out.send(group, self._highest)

    def request_key_frame(self, now: float) -> None:
        """A viewer cannot decode without one; audio needs none."""
        if self.is_video:
            self.key_frames.wanted(now)

    def remember_report(self, report: SenderReport, now: float) -> None:
        self.last_report = (report, now)

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
        number = self._unwrapper.unwrap(packet.seq)
        self._floor = number
        self._seq_offset = self._highest + 1 - number
        if self.counters.packets:
            elapsed = max(1, int((now - self.last_time) * self.clock_rate))
            self._timestamp_offset = self.last_timestamp + elapsed - packet.timestamp

    def _extensions(
        self, packet: RtpPacket, incoming: IncomingTrack, now: float
    ) -> bytes:
        values: list[tuple[int, bytes]] = []
        if self.is_video:
            values.append((SEND_ABS_SEND_TIME_ID, abs_send_time(now)))
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
