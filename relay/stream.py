"""A stream: tracks that outlive their publisher's connection, and its viewers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from relay.control import StreamReport
from relay.track import Track

if TYPE_CHECKING:
    from relay.negotiation import IncomingTrack, OutgoingTrack
    from relay.publisher import Publisher
    from relay.sdp import Codec
    from relay.viewer import Viewer


class Stream:
    """What is published under one key ("<application>/<stream id>")."""

    def __init__(self, key: str, incoming: tuple[IncomingTrack, ...]) -> None:
        self.key = key
        self.stream_id = key.partition("/")[2]
        cname = self.stream_id[:60]  # at most 255 bytes of UTF-8
        self.tracks = {agreed.kind: Track(agreed, cname) for agreed in incoming}
        self.publisher: Publisher | None = None
        self.last_session = ""  # of the newest publisher
        self.has_started = False
        self.return_window_ms = 0
        self.viewers: dict[str, Viewer] = {}
        self.expiry: asyncio.TimerHandle | None = None
        self.reported_size = (0, 0)

    def fits(self, incoming: tuple[IncomingTrack, ...]) -> bool:
        """Whether a returning publisher sends what viewers have agreed to."""
        known = {t.kind: _format(t.source_codec) for t in self.tracks.values()}
        return known == {a.kind: _format(a.codec) for a in incoming}

    @property
    def size(self) -> tuple[int, int]:
        """Pixels of the last key frame, (0, 0) when unknown."""
        video = self.tracks.get("video")
        return video.size if video else (0, 0)

    def outgoing(self) -> tuple[OutgoingTrack, ...]:
        return tuple(track.outgoing for track in self.tracks.values())

    def track_of(self, ssrc: int) -> Track | None:
        """The track viewers know by `ssrc`, its RTX stream included."""
        for track in self.tracks.values():
            if ssrc in (track.outgoing.ssrc, track.outgoing.rtx_ssrc):
                return track
        return None

    # -- viewers --------------------------------------------------------------

    def attach(self, viewer: Viewer) -> None:
        """Media flows to the viewer from the next packet on."""
        self.retarget()
        now = viewer.router.clock()
        for track in self.tracks.values():
            if track.kind in viewer.accepted:
                report = track.sender_report(now)
                if report is not None:
                    viewer.send_rtcp(report)
                track.request_key_frame(now)
        viewer.router.send_urgent_feedback(self)

    def detach(self, viewer: Viewer) -> None:
        if self.viewers.pop(viewer.session, None) is not None:
            self.retarget()

    def retarget(self) -> None:
        """The tracks' targets are those of the connected viewers."""
        for track in self.tracks.values():
            targets = [
                target
                for viewer in self.viewers.values()
                if track.kind in viewer.accepted
                and viewer.started
                and (target := viewer.target()) is not None
            ]
            track.set_targets(targets)

    def send_report(self, track: Track, now: float) -> None:
        """Our sender report of `track`, to every viewer that has it."""
        report = track.sender_report(now)
        if report is None:
            return
        for viewer in self.viewers.values():
            if viewer.started and track.kind in viewer.accepted:
                viewer.send_rtcp(report)

    # -- publisher ------------------------------------------------------------

    def flush(self, now: float) -> None:
        for track in self.tracks.values():
            track.flush(now)

    def cancel_expiry(self) -> None:
        if self.expiry is not None:
            self.expiry.cancel()
            self.expiry = None

    def report(self, now: float) -> StreamReport:
        video, audio = self.tracks.get("video"), self.tracks.get("audio")
        publisher = self.publisher
        rate = publisher.rates if publisher else {}
        width, height = self.reported_size = self.size
        return StreamReport(
            stream=self.key,
            session=self.last_session,
            video_codec=video.source_codec.name if video else "",
            audio_codec=audio.source_codec.name if audio else "",
            width=width,
            height=height,
            video_bitrate=rate["video"].bits_per_s(now) if publisher else 0,
            audio_bitrate=rate["audio"].bits_per_s(now) if publisher else 0,
            received_bytes=publisher.received_bytes if publisher else 0,
            packets_lost=publisher.packets_lost if publisher else 0,
            jitter_ms=publisher.jitter_ms if publisher else 0,
            rtt_ms=0,
            viewers=sum(viewer.started for viewer in self.viewers.values()),
            key_frame_requests=video.key_frames.sent if video else 0,
            dropped_sends=sum(v.dropped_packets for v in self.viewers.values()),
        )


def _format(codec: Codec) -> tuple[str, int, str]:
    """What must be equal for viewers to go on decoding."""
    return codec.name.upper(), codec.clock_rate, codec.fmtp
