"""A publisher: takes its RTP apart, asks for what is lost, bounds its rate."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiortc.rate import BandwidthUsage, RemoteBitrateEstimator

from relay.loss import LossDetector
from relay.packet import RtpPacket, parse_packet, unwrap_rtx
from relay.peer import Peer
from relay.rtcp import (
    SenderReport,
    build_nack,
    build_pli,
    build_receiver_report,
    build_remb,
    parse_compound,
)
from relay.stats import RateMeter

if TYPE_CHECKING:
    from relay.negotiation import IncomingTrack, PublisherAgreement
    from relay.router import Router
    from relay.stream import Stream
    from relay.track import Track

SOURCE_SILENCE_S = 1.0  # after this another SSRC of the payload type takes over
# libwebrtc takes a REMB at its word for the first two seconds and adds 8 % a second
# afterwards; the estimator cannot allow more than 1.5 times what already arrives.
# So the first word is a camera's usual rate, unless the path shows congestion.
FIRST_ESTIMATE_BPS = 2_500_000
FIRST_ESTIMATE_S = 3.0
SAME_BURST_S = 0.001  # what arrives within it is one step of the estimator
MAX_ARRIVALS = 4096  # between two steps of the estimator
REPORT_INTERVAL_S = 0.2  # each report that is passed on costs a packet a viewer
NACK_REPEAT_S = 0.1  # upstream round-trip time is not measured without XR


@dataclass(slots=True)
class Source:
    """One track as it comes in. `loss` is None until its SSRC is known."""

    agreed: IncomingTrack
    track: Track
    ssrc: int = 0
    last_packet: float = 0.0
    next_report: float = 0.0
    loss: LossDetector | None = None


@dataclass(slots=True)
class _Arrival:
    """What one wake-up brought, for the rate estimator."""

    time: float
    send_time: bytes  # abs-send-time of its last packet, 24 bits
    size_bytes: int


class Publisher(Peer):
    """The source of a stream's tracks."""

    def __init__(
        self,
        router: Router,
        session: str,
        reply_to: str,
        start_timeout_ms: int,
        max_bitrate_bps: int,
    ) -> None:
        super().__init__(router, session, reply_to, start_timeout_ms)
        self.stream: Stream | None = None
        self.answer = ""
        self.sources: list[Source] = []
        self.rates = {"audio": RateMeter(), "video": RateMeter()}
        self.received_bytes = 0
        self._max_bitrate_bps = max_bitrate_bps
        self._by_payload_type: dict[int, tuple[Source, bool]] = {}
        self._estimator = RemoteBitrateEstimator()
        self._estimate_bps = 0
        self._arrivals: deque[_Arrival] = deque(maxlen=MAX_ARRIVALS)
        self._first_estimate_until: float | None = None
        self._feedback_ssrc = secrets.randbelow((1 << 32) - 2) + 1

    def attach(self, stream: Stream, agreement: PublisherAgreement) -> None:
        """Become the source of the stream's tracks."""
        self.stream = stream
        self.answer = agreement.answer
        for agreed in agreement.tracks:
            track = stream.tracks[agreed.kind]
            track.change_source(self.router.clock())
            source = Source(agreed, track)
            self.sources.append(source)
            self._by_payload_type[agreed.codec.payload_type] = (source, False)
            if agreed.rtx_payload_type is not None:
                self._by_payload_type[agreed.rtx_payload_type] = (source, True)

    def on_connected(self) -> None:
        """Nothing is sent before media arrives."""

    def on_data_open(self) -> None:
        """Without media the data channel is what makes the stream live."""
        if not self.sources and not self.started:
            self.router.publisher_started(self)

    # -- media ----------------------------------------------------------------

    def on_rtp(self, data: bytes) -> None:
        try:
            packet = parse_packet(data)
        except ValueError:
            self.router.count_malformed()
            return
        found = self._by_payload_type.get(packet.payload_type)
        if found is None or self.stream is None:
            return
        source, is_rtx = found
        now = self.router.clock()
        self.received_bytes += len(data)
        self.rates[source.agreed.kind].add(len(data), now)
        self._note_send_time(packet, source, len(data), now)
        if is_rtx:
            self._recovered(packet, source, now)
        elif self._is_source(packet, source, now) and source.loss is not None:
            source.last_packet = now
            source.loss.received(packet.seq, packet.timestamp, now)
            self._forward(packet, source, now)

    def _is_source(self, packet: RtpPacket, source: Source, now: float) -> bool:
        """Whether the packet is of the track's SSRC, which may become another."""
        if packet.ssrc == source.ssrc and source.loss is not None:
            return True
        if source.loss is None:
            if source.agreed.ssrcs and packet.ssrc not in source.agreed.ssrcs:
                return False
        elif now - source.last_packet < SOURCE_SILENCE_S:
            return False
        else:
            source.track.change_source(now)
        source.ssrc = packet.ssrc
        source.loss = LossDetector(packet.ssrc, source.track.clock_rate)
        return True

    def _recovered(self, packet: RtpPacket, source: Source, now: float) -> None:
        if source.loss is None:
            return
        original = unwrap_rtx(packet, source.agreed.codec.payload_type, source.ssrc)
        if original is not None and source.loss.recovered(original.seq):
            self._forward(original, source, now)

    def _forward(self, packet: RtpPacket, source: Source, now: float) -> None:
        source.track.forward(packet, source.agreed, now)
        self.router.mark_dirty(self)
        if not self.started:
            self._first_estimate_until = now + FIRST_ESTIMATE_S
            self.router.publisher_started(self)
            self.send_periodic_feedback(now)

    def _note_send_time(
        self, packet: RtpPacket, source: Source, size: int, now: float
    ) -> None:
        identifier = source.agreed.abs_send_time_id
        value = packet.extensions.get(identifier) if identifier is not None else None
        if value is None or len(value) != 3:
            return
        arrivals = self._arrivals
        if arrivals and now - arrivals[-1].time < SAME_BURST_S:
            arrivals[-1].size_bytes += size
            arrivals[-1].send_time = value
        else:
            arrivals.append(_Arrival(now, value, size))

    def estimate(self) -> None:
        """Feed the estimator what has arrived.

        A few times a second and not with each burst: steps in a row find warm caches
        (5 % less CPU of the whole server at 60 viewers), and their times are kept.
        """
        while self._arrivals:
            arrival = self._arrivals.popleft()
            estimate = self._estimator.add(
                arrival_time_ms=int(arrival.time * 1000),
                abs_send_time=int.from_bytes(arrival.send_time),
                payload_size=arrival.size_bytes,
                ssrc=0,  # all of the publisher's SSRCs share its path
            )
            if estimate is not None:
                self._estimate_bps = estimate[0]

    # -- feedback -------------------------------------------------------------

    def on_rtcp(self, data: bytes) -> None:
        try:
            packets = parse_compound(data)
        except ValueError:
            self.router.count_malformed()
            return
        now = self.router.clock()
        for packet in packets:
            if not isinstance(packet, SenderReport) or self.stream is None:
                continue
            for source in self.sources:
                if source.loss is not None and packet.ssrc == source.ssrc:
                    source.loss.sender_report(packet.ntp, now)
                    source.track.remember_report(packet, now)
                    if now >= source.next_report:
                        source.next_report = now + REPORT_INTERVAL_S
                        self.stream.send_report(source.track, now)

    def send_urgent_feedback(self, now: float) -> None:
        """NACKs and key-frame requests that are due."""
        for source in self.sources:
            loss = source.loss
            if loss is None:
                continue
            missing = loss.due(now, NACK_REPEAT_S)
            if missing and source.track.is_video:
                self.send_rtcp(build_nack(self._feedback_ssrc, source.ssrc, missing))
            if loss.needs_key_frame:
                loss.needs_key_frame = False
                source.track.request_key_frame(now)
            if source.track.key_frames.due(now):
                self.send_rtcp(build_pli(self._feedback_ssrc, source.ssrc))

    def send_periodic_feedback(self, now: float) -> None:
        """Receiver reports of all tracks, and the rate the path bears."""
        self.estimate()
        known = [source for source in self.sources if source.loss is not None]
        if not known:
            return
        blocks = [source.loss.report(now) for source in known if source.loss]
        compound = build_receiver_report(self._feedback_ssrc, blocks)
        bitrate = self._bearable_bps(now)
        if bitrate:
            compound += build_remb(
                self._feedback_ssrc, bitrate, [source.ssrc for source in known]
            )
        self.send_rtcp(compound)

    def _bearable_bps(self, now: float) -> int:
        """What to tell the publisher, in bit/s; 0 when nothing is known."""
        bitrate = self._estimate_bps
        if self._first_estimate_until is not None:
            if (
                now < self._first_estimate_until
                and self._estimator.detector.state() is not BandwidthUsage.OVERUSING
            ):
                bitrate = max(bitrate, FIRST_ESTIMATE_BPS)
            else:
                self._first_estimate_until = None
        if self._max_bitrate_bps:
            bitrate = min(bitrate or self._max_bitrate_bps, self._max_bitrate_bps)
        return bitrate

    @property
    def packets_lost(self) -> int:
        return sum(s.loss.packets_lost for s in self.sources if s.loss is not None)

    @property
    def jitter_ms(self) -> int:
        return max(
            (int(s.loss.jitter_s * 1000) for s in self.sources if s.loss is not None),
            default=0,
        )
