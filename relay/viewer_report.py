"""What one viewer is sent and what it says of it, as signalling is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.control import ViewerReport

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.subscriber import Subscriber


class SentTotals:
    """What one viewer was sent by all its lanes, those that have ended included."""

    def __init__(self, viewer: Subscriber, now: float) -> None:
        self._viewer = viewer
        self._packets = {"video": 0, "audio": 0}  # of lanes that have ended
        self._bytes = {"video": 0, "audio": 0}
        self._dropped = 0
        self._measured = {"video": 0, "audio": 0}  # bytes at the last measurement
        self._measured_at = now

    def ended(self, lane: Lane) -> None:
        self._packets[lane.kind] += lane.sent_packets
        self._bytes[lane.kind] += lane.sent_bytes
        self._dropped += lane.dropped_packets

    def packets(self, kind: str) -> int:
        lanes = self._viewer.lanes_of(kind)
        return self._packets[kind] + sum(lane.sent_packets for lane in lanes)

    def bytes(self, kind: str) -> int:
        """Of RTP packets, without SRTP, UDP and IP."""
        lanes = self._viewer.lanes_of(kind)
        return self._bytes[kind] + sum(lane.sent_bytes for lane in lanes)

    @property
    def dropped(self) -> int:
        lanes = set(self._viewer.lanes_by_ssrc.values())
        return self._dropped + sum(lane.dropped_packets for lane in lanes)

    def take_rates(self, now: float) -> dict[str, int]:
        """Bit/s of each kind since the last call."""
        elapsed = max(now - self._measured_at, 0.001)
        before, self._measured_at = self._measured, now
        self._measured = {kind: self.bytes(kind) for kind in before}
        return {
            kind: round((total - before[kind]) * 8 / elapsed)
            for kind, total in self._measured.items()
        }


def measure(viewer: Subscriber, now: float) -> ViewerReport:
    """Bitrates are since the last measurement, counters of the whole session."""
    path, sent = viewer.path, viewer.sent
    rates = sent.take_rates(now)
    heights = (
        lane.track.size[1]
        for lane in viewer.lanes_of("video")
        if lane.track is not None and lane.running
    )
    return ViewerReport(
        session=viewer.session,
        reply_to=viewer.reply_to,
        target_bitrate=path.estimate.target_bps,
        video_bitrate=rates["video"],
        audio_bitrate=rates["audio"],
        height=max(heights, default=0),
        video_packets=sent.packets("video"),
        audio_packets=sent.packets("audio"),
        video_bytes=sent.bytes("video"),
        audio_bytes=sent.bytes("audio"),
        packets_lost=path.reception.packets_lost,
        fraction_lost=round(path.estimate.fraction_lost, 4),
        jitter_ms=round(path.reception.jitter_s * 1000),
        rtt_ms=round((path.round_trip_s or 0) * 1000),
        dropped_packets=sent.dropped,
        retransmitted_packets=viewer.retransmitted_packets,
        nacks=viewer.nacks,
        key_frame_requests=viewer.key_frame_requests,
        join_ms=round(viewer.join_s * 1000),
    )
