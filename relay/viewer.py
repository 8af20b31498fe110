"""A viewer of one stream: its audio and video, each of which may be paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.control import Distribution
from relay.lane import Lane
from relay.subscriber import Subscriber

if TYPE_CHECKING:
    from relay.router import Router
    from relay.stream import Stream
    from relay.viewer_offer import ViewerAgreement


class Viewer(Subscriber):
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
        self.accepted = False
        self.data_offered = False
        self.distribution = Distribution.ALL  # of what it says on its data channel
        self.enabled = {"audio": True, "video": True}
        self._by_kind: dict[str, Lane] = {}  # those that were accepted

    def agree(self, agreement: ViewerAgreement) -> None:
        """Take the viewer's answer and expect its DTLS."""
        self.accepted = True
        for agreed in agreement.tracks:
            if not agreed.accepted:
                continue
            track = self.stream.tracks[agreed.kind].outgoing
            lane = Lane(self, agreed.kind, track.ssrc, track.rtx_ssrc, track.cname)
            lane.playable, lane.rtx = agreed.payload_types, agreed.rtx
            self._by_kind[agreed.kind] = lane
            self.add_lane(lane)
        self.agree_data(agreement.data, self.stream.stream_id)
        self.begin_handshake(agreement.remote)

    def on_connected(self) -> None:
        self.mark_started()
        self.carry()
        self.router.viewer_started(self)

    def close(self) -> None:
        self.stream.viewers.pop(self.session, None)
        super().close()

    def set_tracks(self, *, video: bool | None, audio: bool | None) -> None:
        """Send a kind or not; None leaves it as it is."""
        for kind, wanted in (("video", video), ("audio", audio)):
            if wanted is not None:
                self.enabled[kind] = wanted
        if self.is_reachable:
            self.carry()

    def force_quality(self, track: str, height: int) -> None:
        if track in ("", self.stream.stream_id):
            self.adaptation.force("", height)

    def carry(self) -> None:
        for kind, lane in self._by_kind.items():
            if self.enabled[kind]:
                self.stream.carry(lane)
            else:
                lane.detach()
