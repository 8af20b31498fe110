"""A stream: tracks that outlive their publisher's connection, and its viewers."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from relay.control import KindReport, RenditionReport, StreamReport
from relay.fast_start import start_from_recent
from relay.ladder_choice import Rung
from relay.receivers import Sends
from relay.rendition import Rendition
from relay.sent_reports import SentReports
from relay.source_clock import SourceClock
from relay.track import Track

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.negotiation import IncomingTrack, OutgoingTrack
    from relay.publisher import Publisher
    from relay.room import Room
    from relay.sdp import Codec
    from relay.viewer import Viewer


LADDER_KEPT_S = 0.25

Ladder = list[tuple[Rendition, Rung]]


class Stream:
    """What is published under one key ("<application>/<stream id>")."""

    def __init__(self, key: str, incoming: tuple[IncomingTrack, ...]) -> None:
        self.key = key
        self.stream_id = key.partition("/")[2]
        cname = self.stream_id[:60]  # at most 255 bytes of UTF-8
        self.tracks = {agreed.kind: Track(agreed, cname) for agreed in incoming}
        self.clock = SourceClock()
        for track in self.tracks.values():
            track.clock = self.clock
        video = self.tracks.get("video")
        self._renditions = [Rendition(video)] if video is not None else []
        self.publisher: Publisher | None = None
        self.last_session = ""  # of the newest publisher
        self.has_started = False
        self.has_ended = False  # its SSRCs are never used again
        self.return_window_ms = 0
        self.viewers: dict[str, Viewer] = {}
        self.room: Room | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.reported_size = (0, 0)
        self.sent_reports = SentReports()
        self._ladder: Ladder = []
        self._ladder_time = -math.inf
        self._gone_sends = Sends()  # of renditions that have ended

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

    # -- renditions -----------------------------------------------------------

    @property
    def renditions(self) -> list[Rendition]:
        """Highest first; those whose size is not known yet last."""
        return sorted(self._renditions, key=lambda r: -r.height)

    def add_rendition(self, rendition: Rendition) -> None:
        self._renditions.append(rendition)
        self._ladder_time = -math.inf

    def remove_rendition(self, rendition: Rendition) -> None:
        """It ends; who is sent it goes back to the original."""
        if rendition not in self._renditions:
            return
        self._renditions.remove(rendition)
        self._ladder_time = -math.inf
        self._end(rendition.video)
        audio = rendition.audio  # several renditions may have the same
        if audio is not None and all(r.audio is not audio for r in self._renditions):
            self._end(audio)

    def end_audio(self, audio: Track) -> None:
        """Renditions that had this audio have the stream's own from now on."""
        users = [r for r in self._renditions if r.audio is audio]
        for rendition in users:
            rendition.audio = None
        if users:
            self._end(audio)

    def _end(self, track: Track) -> None:
        """It is no rendition's any more: who has it gets the stream's own."""
        self._gone_sends = self._gone_sends.plus(track.receivers.sends)
        for lane in track.receivers.expected():
            if lane.next_track is track and lane.track is not None:
                lane.move(lane.track)
        for lane in track.receivers:
            lane.attach(self, self.tracks[track.kind])

    @property
    def has_ladder(self) -> bool:
        return len(self._renditions) > 1

    def ladder(self, now: float) -> Ladder:
        """The renditions that viewers may be moved to, each with what it needs.

        Looked at a few times a second, however many viewers ask.
        """
        if now - self._ladder_time >= LADDER_KEPT_S:
            self._ladder_time = now
            found = ((r, r.need_bps(now)) for r in self._renditions)
            self._ladder = [
                (rendition, Rung(rendition.height, need_bps))
                for rendition, need_bps in found
                if need_bps and rendition.is_flowing(now)
            ]
        return self._ladder

    def audio_with(self, video: Track) -> Track | None:
        """The audio that goes with that track: some renditions have their own."""
        found = (r.audio for r in self._renditions if r.video is video)
        return next(found, None) or self.tracks.get("audio")

    def all_tracks(self) -> list[Track]:
        """Those of all renditions, each once."""
        found = dict.fromkeys(self.tracks.values())
        for rendition in self._renditions:
            found[rendition.video] = None
            if rendition.audio is not None:
                found[rendition.audio] = None
        return list(found)

    # -- viewers --------------------------------------------------------------

    def carry(self, lane: Lane) -> None:
        """The lane carries the track of its kind, and is told of its clock."""
        if lane.kind not in self.tracks or lane.stream is self:
            return
        now = lane.viewer.router.clock()
        track = lane.viewer.adaptation.first_track(self, lane, now)
        lane.attach(self, track)
        is_new = lane.is_fresh  # others would be shown again what they have seen
        if track.is_video and not (is_new and start_from_recent(lane, track, now)):
            track.request_key_frame(now)
            lane.viewer.router.send_urgent_feedback(self)

    def send_report_of(self, lane: Lane, now: float) -> None:
        """Our sender report of one lane, to its viewer."""
        report = lane.sender_report(now)
        if report is not None:
            self.sent_reports.note(report, now)
            lane.viewer.send_rtcp(report)

    def send_report(self, track: Track, now: float) -> None:
        """Our reports of `track` and of those on its clock, to all who have one."""
        for sent in self.all_tracks():
            if track in (sent, sent.clock_of):
                self._send_report(sent, now)

    def _send_report(self, track: Track, now: float) -> None:
        report = track.sender_report(now)
        if report is None:
            return
        self.sent_reports.note(report, now)  # the lanes' own have the same NTP time
        for lane in track.receivers:
            if lane.running and lane.viewer.started:
                own = report if lane.is_shared else lane.sender_report(now)
                if own is not None:
                    lane.viewer.send_rtcp(own)

    def release(self) -> None:
        """No lane carries any track; nothing more is sent or sent again."""
        self.has_ended = True
        for track in self.all_tracks():
            for lane in track.receivers:
                lane.detach()
            track.history.clear()

    # -- publisher ------------------------------------------------------------

    def flush(self, now: float) -> None:
        for track in self.all_tracks():
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
        sends = self.sends
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
            rtt_ms=publisher.rtt_ms if publisher else 0,
            viewers=self._count_viewers(),
            key_frame_requests=video.key_frames.sent if video else 0,
            dropped_sends=sends.dropped,
            sent_packets=sends.packets,
            allowed_bitrate=publisher.allowed_bps if publisher else 0,
            video=publisher.kind_report("video") if publisher else KindReport(),
            audio=publisher.kind_report("audio") if publisher else KindReport(),
            renditions=tuple(self._describe(r, now) for r in self.renditions),
        )

    @property
    def sends(self) -> Sends:
        """To all viewers there ever were."""
        total = self._gone_sends
        for track in self.all_tracks():
            total = total.plus(track.receivers.sends)
        return total

    def _describe(self, rendition: Rendition, now: float) -> RenditionReport:
        audio = rendition.audio or self.tracks.get("audio")
        return RenditionReport(
            *rendition.size,
            video_bitrate=rendition.bits_per_s(now),
            audio_bitrate=audio.rate.bits_per_s(now) if audio else 0,
            video_codec=rendition.video.source_codec.name,
        )

    def _count_viewers(self) -> int:
        """Its own, and those of its room that are sent something of it just now."""
        viewers = {v.session for v in self.viewers.values() if v.started}
        for track in self.all_tracks():
            viewers |= {lane.viewer.session for lane in track.receivers}
        return len(viewers)


def _format(codec: Codec) -> tuple[str, int, str]:
    """What must be equal for viewers to go on decoding."""
    return codec.name.upper(), codec.clock_rate, codec.fmtp
