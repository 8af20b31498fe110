"""What viewers of a stream and of a room have in common: lanes and their feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.aiortc_adapter import forget_ssrc, protect_rtp
from relay.fanout import SendCounter, Target
from relay.packet import wrap_rtx
from relay.peer import Peer
from relay.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    Remb,
    RtcpPacket,
    parse_compound,
)

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.router import Router
    from relay.track import Track

MAX_RETRANSMITS_PER_S = 500  # packets; a viewer that asks for more gets a key frame


class Subscriber(Peer):
    """A peer that media is sent to, under the SSRCs of its lanes."""

    def __init__(
        self, router: Router, session: str, reply_to: str, start_timeout_ms: int
    ) -> None:
        super().__init__(router, session, reply_to, start_timeout_ms)
        self.lanes_by_ssrc: dict[int, Lane] = {}  # RTX too
        self.retransmitted_packets = 0
        self.remb_bps = 0
        self._retransmit_budget = float(MAX_RETRANSMITS_PER_S)
        self._budget_time = router.clock()

    def add_lane(self, lane: Lane) -> None:
        self.lanes_by_ssrc[lane.ssrc] = lane
        if lane.rtx_ssrc:
            self.lanes_by_ssrc[lane.rtx_ssrc] = lane

    def remove_lane(self, lane: Lane) -> None:
        """For good: its SSRCs may not be used again under the same keys."""
        lane.detach()
        for ssrc in (lane.ssrc, lane.rtx_ssrc):
            if self.lanes_by_ssrc.pop(ssrc, None) is not None:
                forget_ssrc(self.dtls.tx, ssrc)

    def on_address_changed(self) -> None:
        for lane in self.lanes_by_ssrc.values():
            if lane.track is not None:
                lane.track.receivers.changed = True

    def close(self) -> None:
        # Nothing may be sent by an SRTP session that is freed.
        for lane in self.lanes_by_ssrc.values():
            lane.detach()
        super().close()

    def target(self, counter: SendCounter) -> Target | None:
        """Where packets go; nothing until DTLS and ICE are done."""
        if self.dtls.tx is None or self.socket is None or self.address is None:
            return None
        return Target(
            counter, self.dtls.tx, self.socket, self.address, self.dtls.tag_bytes
        )

    # -- feedback -------------------------------------------------------------

    def on_rtcp(self, data: bytes) -> None:
        try:
            packets = parse_compound(data)
        except ValueError:
            self.router.count_malformed()
            return
        if self.started:
            for packet in packets:
                self._handle(packet)

    def _handle(self, packet: RtcpPacket) -> None:
        if isinstance(packet, Nack):
            self._retransmit(packet)
        elif isinstance(packet, PictureLoss):
            self._request_key_frame((packet.media_ssrc,))
        elif isinstance(packet, FullIntraRequest):
            self._request_key_frame(packet.media_ssrcs)
        elif isinstance(packet, Remb):
            self.remb_bps = packet.bitrate_bps

    def _request_key_frame(self, ssrcs: tuple[int, ...]) -> None:
        for ssrc in ssrcs:
            lane = self.lanes_by_ssrc.get(ssrc)
            if lane is not None and lane.track is not None and lane.stream is not None:
                lane.track.request_key_frame(self.router.clock())
                self.router.send_urgent_feedback(lane.stream)

    def _retransmit(self, nack: Nack) -> None:
        lane = self.lanes_by_ssrc.get(nack.media_ssrc)
        if lane is None or lane.is_fresh:
            return
        now = self.router.clock()
        self._refill_budget(now)
        for seq in nack.sequence_numbers:
            if self._retransmit_budget < 1:
                if lane.track is not None:
                    lane.track.request_key_frame(now)
                return
            found = lane.find(seq, now)
            if found is not None:
                self._retransmit_budget -= 1
                self._resend(lane, *found)

    def _refill_budget(self, now: float) -> None:
        earned = (now - self._budget_time) * MAX_RETRANSMITS_PER_S
        self._budget_time = now
        self._retransmit_budget = min(
            MAX_RETRANSMITS_PER_S, self._retransmit_budget + earned
        )

    def _resend(self, lane: Lane, packet: bytes, track: Track) -> None:
        """By RTX where agreed, else the very same bytes once more."""
        if track.outgoing.codec.payload_type in lane.rtx:
            packet = wrap_rtx(
                packet, track.outgoing.rtx_payload_type, lane.rtx_seq, lane.rtx_ssrc
            )
            lane.rtx_seq = (lane.rtx_seq + 1) & 0xFFFF
        protected = protect_rtp(self.dtls.tx, packet)
        if protected is not None:
            self.send_raw(protected)
            self.retransmitted_packets += 1
