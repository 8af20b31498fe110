"""A publisher: its RTP becomes tracks, its losses and its path's rate feedback."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from relay.control import KindReport
from relay.nack_timer import NackTimer
from relay.packet import RtpPacket, parse_packet, unwrap_rtx
from relay.peer import Peer
from relay.round_trip import RoundTrip
from relay.rtcp import (
    ExtendedReport,
    SenderReport,
    build_nack,
    build_pli,
    build_receiver_report,
    build_remb,
    parse_compound,
)
from relay.silence import SilenceWatch
from relay.simulcast import choose_own, place_layers
from relay.sources import Source, Sources
from relay.stats import RateMeter
from relay.transport_feedback import TransportFeedback
from relay.upstream_rate import ArrivalRate

if TYPE_CHECKING:
    from relay.negotiation import PublisherAgreement
    from relay.router import Router
    from relay.stream import Stream

REPORT_INTERVAL_S = 0.2  # each report that is passed on costs a packet a viewer


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
        self.sources = Sources()
        self.rates = {"audio": RateMeter(), "video": RateMeter()}
        self.received_bytes = 0
        self.silence = SilenceWatch(router.clock())
        self._nack_timer = NackTimer(self._look_again)
        self._has_layers = False
        self._max_bitrate_bps = max_bitrate_bps
        self._told_bps = 0
        self._feedback_ssrc = secrets.randbelow((1 << 32) - 2) + 1
        self._round_trip = RoundTrip(self._feedback_ssrc)
        # One of the two: the sender estimates its rate by our feedback, or we do.
        self._transport_seq_id: int | None = None
        self._transport_feedback = TransportFeedback()
        self._arrival_rate = ArrivalRate()

    def attach(self, stream: Stream, agreement: PublisherAgreement) -> None:
        """Become the source of the stream's tracks."""
        self.stream = stream
        self.answer = agreement.answer
        self._transport_seq_id = agreement.transport_seq_id
        now = self.router.clock()
        for agreed in agreement.tracks:
            tracks = {"": stream.tracks[agreed.kind]}
            if agreed.kind == "video":
                tracks = place_layers(stream, agreed)
                self._has_layers = bool(agreed.rids)
            for rid, track in tracks.items():
                track.change_source(now)
                self.sources.add(Source(agreed, track, rid))

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
        now = self.router.clock()
        self._note_transport_seq(packet, now)
        found = self.sources.find(packet)
        if found is None or self.stream is None:
            return
        source, is_rtx = found
        size = len(data)
        self.received_bytes += size
        send_time_id = source.agreed.abs_send_time_id
        if send_time_id is not None and send_time_id in packet.extensions:
            self._arrival_rate.received(packet.extensions[send_time_id], size, now)
        if is_rtx:
            self._recovered(packet, source, size, now)
        elif source.take(packet, size, now):
            self._forward(packet, source, size, now)

    def _note_transport_seq(self, packet: RtpPacket, now: float) -> None:
        if self._transport_seq_id is not None:
            value = packet.extensions.get(self._transport_seq_id)
            if value is not None and len(value) == 2:
                self._transport_feedback.received(int.from_bytes(value), now)

    def _recovered(
        self, packet: RtpPacket, source: Source, size: int, now: float
    ) -> None:
        original = unwrap_rtx(packet, source.agreed.codec.payload_type, source.ssrc)
        if (
            original is not None
            and source.loss is not None
            and source.recover(original, size, now)
        ):
            rtt_s = self._round_trip.rtt_s or source.loss.rtt_s
            source.track.hold.repaired(rtt_s, now)
            self._forward(original, source, size, now)

    def _forward(
        self, packet: RtpPacket, source: Source, size: int, now: float
    ) -> None:
        # Without what libwebrtc sends again to fill the path, or to probe it.
        self.rates[source.agreed.kind].add(size, now)
        source.track.forward(packet, source.agreed, now)
        self.router.mark_dirty(self)
        if not self.started:
            self._arrival_rate.started(now)
            self.router.publisher_started(self)
            self.send_periodic_feedback(now)

    def estimate(self) -> None:
        """What is due a few times a second, and not with each packet."""
        self._arrival_rate.step()
        if self._has_layers and self.stream is not None:
            choose_own(self.stream, self.router.clock())

    # -- feedback -------------------------------------------------------------

    def on_rtcp(self, data: bytes) -> None:
        try:
            packets = parse_compound(data)
        except ValueError:
            self.router.count_malformed()
            return
        now = self.router.clock()
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._sender_report(packet, now)
            elif isinstance(packet, ExtendedReport):
                self._round_trip.answered(packet.delays, now)

    def _sender_report(self, report: SenderReport, now: float) -> None:
        source = self.sources.of_ssrc(report.ssrc)
        if source is None or source.loss is None or self.stream is None:
            return
        source.loss.sender_report(report.ntp, now)
        source.track.remember_report(report, now)
        if now >= source.next_report:
            source.next_report = now + REPORT_INTERVAL_S
            self.stream.send_report(source.track, now)

    def send_urgent_feedback(self, now: float) -> None:
        """NACKs, key-frame requests and transport-wide feedback that are due."""
        known = self.sources.known()
        for source, loss in known:
            missing = loss.due(now, self._round_trip.rtt_s)
            if missing and source.track.is_video:
                source.nacks += 1
                self.send_rtcp(build_nack(self._feedback_ssrc, source.ssrc, missing))
            given_up = loss.take_given_up()
            if given_up is not None:
                source.track.give_up(given_up, now)
            if source.may_be_asked(now) and source.track.key_frames.due(now):
                source.plis += 1
                self.send_rtcp(build_pli(self._feedback_ssrc, source.ssrc))
        if known and self._transport_feedback.is_due(now):
            media_ssrc = known[0][0].ssrc
            for packet in self._transport_feedback.take(
                self._feedback_ssrc, media_ssrc, now
            ):
                self.send_rtcp(packet)
        if any(loss.has_missing for _, loss in known):
            self._nack_timer.arm()

    def _look_again(self) -> None:
        if not self.closed:
            self.send_urgent_feedback(self.router.clock())

    def close(self) -> None:
        self._nack_timer.close()
        super().close()

    def send_periodic_feedback(self, now: float) -> None:
        """Receiver reports of all tracks, and the rate the path bears."""
        self._arrival_rate.step()
        known = self.sources.known()
        if not known:
            return
        blocks = [loss.report(now) for _, loss in known]
        compound = build_receiver_report(self._feedback_ssrc, blocks)
        compound += self._round_trip.question(now)
        self._told_bps = self._bearable_bps(now)
        if self._told_bps:
            compound += build_remb(
                self._feedback_ssrc, self._told_bps, [block.ssrc for block in blocks]
            )
        self.send_rtcp(compound)

    def _bearable_bps(self, now: float) -> int:
        """What to tell the publisher, in bit/s; 0 when nothing is to be said.

        One that estimates for itself is only told its bound: libwebrtc sends no more
        than the lower of the two.
        """
        bitrate = 0
        if self._transport_seq_id is None:
            bitrate = self._arrival_rate.bearable_bps(now)
        if self._max_bitrate_bps:
            bitrate = min(bitrate or self._max_bitrate_bps, self._max_bitrate_bps)
        return bitrate

    # -- statistics -----------------------------------------------------------

    @property
    def allowed_bps(self) -> int:
        """What it was last told that it may send, 0 = nothing: its own estimate,
        which it makes by transport-wide feedback, is not known here."""
        return self._told_bps

    @property
    def rtt_ms(self) -> int:
        """Of one that does not answer our questions, by its retransmissions; 0 = not
        known."""
        repairs = (
            loss.rtt_s for _, loss in self.sources.known() if loss.recovered_packets
        )
        return round((self._round_trip.rtt_s or next(repairs, 0.0)) * 1000)

    def kind_report(self, kind: str) -> KindReport:
        """What it sent of "audio" or "video"."""
        return self.sources.report(kind)

    @property
    def packets_lost(self) -> int:
        return sum(source.packets_lost for source in self.sources)

    @property
    def jitter_ms(self) -> int:
        jitters = (int(loss.jitter_s * 1000) for _, loss in self.sources.known())
        return max(jitters, default=0)
