"""A viewer: gets a stream's packets, answers with RTCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.aiortc_adapter import protect_rtp
from relay.fanout import Target
from relay.negotiation import SEND_RTX_PAYLOAD_TYPE, ViewerAgreement
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
    from relay.router import Router
    from relay.stream import Stream
    from relay.track import Track

MAX_RETRANSMITS_PER_S = 500  # packets; a viewer that asks for more gets a key frame


class Viewer(Peer):
    """One viewer of one stream."""

    def __init__(
        self,
        router: Router,
        session: str,
        reply_to: str,
        start_timeout_ms: int,
        stream: Stream,
    ) -> None:
        super().__init__(router, session, reply_to, start_timeout_ms)
        self.stream = stream
        self.offer = ""
        self.id_mapping: dict[str, str] = {}
        self.accepted: frozenset[str] = frozenset()  # kinds
        self.rtx: frozenset[str] = frozenset()
        self.sent_packets = 0
        self.dropped_packets = 0
        self.retransmitted_packets = 0
        self.remb_bps = 0
        self._rtx_seq = 0
        self._retransmit_budget = float(MAX_RETRANSMITS_PER_S)
        self._budget_time = router.clock()

    def agree(self, agreement: ViewerAgreement) -> None:
        """Take the viewer's answer and expect its DTLS."""
        self.accepted = frozenset(t.kind for t in agreement.tracks if t.accepted)
        self.rtx = frozenset(t.kind for t in agreement.tracks if t.rtx)
        self.begin_handshake(agreement.remote)

    def on_connected(self) -> None:
        self.mark_started()
        self.stream.attach(self)
        self.router.viewer_started(self)

    def on_address_changed(self) -> None:
        if self.started:
            self.stream.retarget()

    def target(self) -> Target | None:
        """Where packets go; nothing until DTLS and ICE are done."""
        if self.dtls.tx is None or self.socket is None or self.address is None:
            return None
        return Target(
            self, self.dtls.tx, self.socket, self.address, self.dtls.tag_bytes
        )

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
            track = self.stream.track_of(ssrc)
            if track is not None:
                track.request_key_frame(self.router.clock())
                self.router.send_urgent_feedback(self.stream)

    def _retransmit(self, nack: Nack) -> None:
        track = self.stream.track_of(nack.media_ssrc)
        if track is None or track.kind not in self.accepted:
            return
        now = self.router.clock()
        self._refill_budget(now)
        for seq in nack.sequence_numbers:
            if self._retransmit_budget < 1:
                track.request_key_frame(now)
                return
            packet = track.history.get(seq, now)
            if packet is not None:
                self._retransmit_budget -= 1
                self._resend(packet, track)

    def _refill_budget(self, now: float) -> None:
        earned = (now - self._budget_time) * MAX_RETRANSMITS_PER_S
        self._budget_time = now
        self._retransmit_budget = min(
            MAX_RETRANSMITS_PER_S, self._retransmit_budget + earned
        )

    def _resend(self, packet: bytes, track: Track) -> None:
        """By RTX where agreed, else the very same bytes once more."""
        if track.kind in self.rtx:
            packet = wrap_rtx(
                packet, SEND_RTX_PAYLOAD_TYPE, self._rtx_seq, track.outgoing.rtx_ssrc
            )
            self._rtx_seq = (self._rtx_seq + 1) & 0xFFFF
        protected = protect_rtp(self.dtls.tx, packet)
        if protected is not None:
            self.send_raw(protected)
            self.retransmitted_packets += 1
