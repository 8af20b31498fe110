"""What viewers of a stream and of a room have in common: lanes and their feedback."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from relay.adaptation import Adaptation
from relay.aiortc_adapter import forget_ssrc
from relay.fanout import SendCounter, Target
from relay.path_watch import PathWatch
from relay.peer import Peer
from relay.reception import ReportPace
from relay.retransmission import Retransmissions
from relay.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    RtcpPacket,
    SenderReport,
    parse_compound,
)
from relay.viewer_report import SentTotals

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.router import Router

FIRST_ROUND_TRIP_S = 0.1


class Subscriber(Peer):
    """A peer that media is sent to, under the SSRCs of its lanes."""

    def __init__(
        self, router: Router, session: str, reply_to: str, start_timeout_ms: int
    ) -> None:
        super().__init__(router, session, reply_to, start_timeout_ms)
        now = router.clock()
        self.lanes_by_ssrc: dict[int, Lane] = {}  # RTX too
        self.retransmitted_packets = 0
        self.nacks = 0  # packets of them
        self.key_frame_requests = 0
        self.join_s = 0.0  # from its command to its connection
        self.next_measure = 0.0
        self.sent = SentTotals(self, now)
        self.path = PathWatch(self, now)
        self.adaptation = Adaptation(self, now)
        self.retransmissions = Retransmissions(self, now)
        self._created = now
        self._lanes: dict[str, tuple[Lane, ...]] = {}  # by kind
        self._report_pace = ReportPace()

    @property
    def rtt_s(self) -> float:
        """Of its path, a guess until its reports tell."""
        return self.path.round_trip_s or FIRST_ROUND_TRIP_S

    def mark_started(self) -> None:
        super().mark_started()
        self.join_s = self.router.clock() - self._created
        self.router.rounds.add(self)

    def lanes_of(self, kind: str) -> tuple[Lane, ...]:
        """Its "audio" or "video" lanes, whether they carry something or not."""
        return self._lanes.get(kind, ())

    def add_lane(self, lane: Lane) -> None:
        if self.lanes_by_ssrc.get(lane.ssrc) is lane:
            return
        self.lanes_by_ssrc[lane.ssrc] = lane
        if lane.rtx_ssrc:
            self.lanes_by_ssrc[lane.rtx_ssrc] = lane
        self._lanes[lane.kind] = (*self.lanes_of(lane.kind), lane)
        lane.on_start = partial(self.adaptation.started, lane)

    def remove_lane(self, lane: Lane) -> None:
        """For good: its SSRCs may not be used again under the same keys."""
        lane.detach()
        self.sent.ended(lane)
        self._lanes[lane.kind] = tuple(
            other for other in self.lanes_of(lane.kind) if other is not lane
        )
        self.adaptation.forget(lane)
        for ssrc in (lane.ssrc, lane.rtx_ssrc):
            self.path.reception.forget(ssrc)
            if self.lanes_by_ssrc.pop(ssrc, None) is not None:
                forget_ssrc(self.dtls.tx, ssrc)

    @property
    def is_reachable(self) -> bool:
        """Whether media goes out to it: not between two of its connections."""
        return self.started and self.address is not None

    def carry(self) -> None:
        """Its lanes carry what it is to be sent now."""
        raise NotImplementedError  # Viewer and RoomViewer know their tracks

    def on_address_changed(self) -> None:
        if self.address is None:
            # Numbers that pass unsent would have SRTP guess its rollover wrong.
            for lane in self.lanes_by_ssrc.values():
                lane.detach()
            return
        for lane in self.lanes_by_ssrc.values():
            if lane.track is not None:
                lane.track.receivers.changed = True
        if self.started:
            self.carry()

    def force_quality(self, track: str, height: int) -> None:
        """As control.ForceQuality."""
        raise NotImplementedError  # Viewer and RoomViewer know their tracks

    def close(self) -> None:
        self.router.rounds.remove(self)
        self.router.prober.stop(self)
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

    def wants_report(self, now: float) -> bool:
        return self.started and self._report_pace.is_open(now)

    def on_rtcp(self, data: bytes) -> None:
        now = self.router.clock()
        # Each REMB and NACK comes behind a report; a probe wants to know all of them.
        with_reports = self.path.probe is not None or self._report_pace.admits(now)
        try:
            packets = parse_compound(data, with_reports=with_reports)
        except ValueError:
            self.router.count_malformed()
            return
        if self.started:
            for packet in packets:
                self._handle(packet, now)
            self.adaptation.step_soon(now)

    def _handle(self, packet: RtcpPacket, now: float) -> None:
        if isinstance(packet, Remb):
            self.path.on_remb(packet.bitrate_bps, now)
        elif isinstance(packet, Nack):
            self.nacks += 1
            self.retransmissions.answer(packet, now)
        elif isinstance(packet, ReceiverReport | SenderReport):
            self.path.on_reports(packet.reports, now)
        elif isinstance(packet, PictureLoss):
            self._request_key_frame((packet.media_ssrc,), now)
        elif isinstance(packet, FullIntraRequest):
            self._request_key_frame(packet.media_ssrcs, now)

    def _request_key_frame(self, ssrcs: tuple[int, ...], now: float) -> None:
        self.key_frame_requests += 1
        for ssrc in ssrcs:
            lane = self.lanes_by_ssrc.get(ssrc)
            if lane is not None and lane.track is not None and lane.stream is not None:
                lane.track.request_key_frame(now)
                self.router.send_urgent_feedback(lane.stream)
