"""Moves a viewer's video between renditions, by what its path bears or as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.ladder_choice import Rung, Standing, choose, first, forced, room_wanted
from relay.probing import MARGIN, Probe, ProbePlan

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.rendition import Rendition
    from relay.stream import Stream
    from relay.subscriber import Subscriber
    from relay.track import Track

MAX_FORCED = 128  # tracks of one viewer
MIN_STEP_S = 0.2  # between two looks at the ladder while too little comes through

_Ladder = list[tuple["Rendition", Rung]]


class Adaptation:
    """Of one viewer: the renditions that its lanes carry."""

    def __init__(self, viewer: Subscriber, now: float) -> None:
        self.is_adaptive = True
        self._viewer = viewer
        self._path = viewer.path
        self._forced: dict[str, int] = {}  # heights by track, "" = all
        self._standings: dict[Lane, tuple[Stream, Standing]] = {}
        self._shown: dict[Lane, Track] = {}  # what signalling knows of
        self._stepped = now
        self._plan = ProbePlan(now)
        self._trials = ProbePlan(now, trials=True)

    # -- what it is sent ------------------------------------------------------

    def force(self, track: str, height: int) -> None:
        """As control.ForceQuality; who calls has checked that `track` exists."""
        if track == "":
            self._forced.clear()
        if height > 0:
            self._forced[track] = height
        elif "" in self._forced:
            self._forced[track] = 0
        else:
            self._forced.pop(track, None)
        if len(self._forced) > MAX_FORCED:
            del self._forced[next(iter(self._forced))]
        self._viewer.router.prober.stop(self._viewer)
        self._path.probe = None
        self.step(self._viewer.router.clock())

    def first_track(self, stream: Stream, lane: Lane, now: float) -> Track:
        """What a lane that starts, or comes back, carries of the stream."""
        track = stream.tracks[lane.kind]
        if not track.is_video:
            return track
        if stream.has_ladder:
            ladder = _playable(stream, lane, now)
            height = self._height(stream, lane)
            rungs = [rung for _, rung in ladder]
            if rungs and height:
                track = ladder[forced(rungs, height)][0].video
            elif rungs and self.is_adaptive:
                share = self._share(now, newcomers=lane.stream is None)
                track = ladder[first(rungs, share)][0].video
        self._shown[lane] = track
        return track

    def forget(self, lane: Lane) -> None:
        self._standings.pop(lane, None)
        self._shown.pop(lane, None)

    def started(self, lane: Lane) -> None:
        """The lane goes on with a start of its own: perhaps with another rendition."""
        track, stream = lane.track, lane.stream
        if track is None or stream is None or not track.is_video:
            return
        before, self._shown[lane] = self._shown.get(lane), track
        if before is not None and before is not track:
            self._viewer.router.rounds.moved(self._viewer, stream, track)
            audio = stream.audio_with(track)
            for other in self._viewer.lanes_of("audio"):
                if audio is not None and other.stream is stream:
                    other.move(audio)

    def step_soon(self, now: float) -> None:
        """The viewer has said something: congestion is not left for the next round."""
        is_new = self._path.estimate.lowered == now
        if is_new or (self._is_short() and now - self._stepped >= MIN_STEP_S):
            self.step(now)

    def _is_short(self) -> bool:
        """Whether too little comes through for some video, so far for a moment."""
        return any(s.short_since is not None for _, s in self._standings.values())

    def step(self, now: float) -> None:
        """Look at the ladders; probe where a better rendition might fit."""
        viewer = self._viewer
        videos = [lane for lane in viewer.lanes_of("video") if lane.stream is not None]
        if (
            not any(lane.stream.has_ladder for lane in videos if lane.stream)
            or not viewer.started
            or self._is_probing_well()
        ):
            return
        self._stepped = now
        share = self._share(now)
        wanted: set[float] = set()
        for lane in videos:
            wanted.update(self._place(lane, share, now))
        if wanted and self._path.probe is None:
            audio = self._audio_bps(now)
            self._seek_room([goal * len(videos) + audio for goal in wanted], now)

    def _is_probing_well(self) -> bool:
        """Then nothing changes: a probe's padding goes beside what was sent before."""
        return self._path.probe is not None and not self._is_lowered(self._path.probe)

    def _share(self, now: float, newcomers: int = 0) -> float:
        """Of the estimate, for one video: audio first, then equal parts. Bit/s."""
        videos = [la for la in self._viewer.lanes_of("video") if la.stream is not None]
        left = self._path.estimate.target_bps - self._audio_bps(now)
        return max(left, 0) / max(len(videos) + newcomers, 1)

    def _audio_bps(self, now: float) -> int:
        return sum(
            lane.track.rate.bits_per_s(now)
            for lane in self._viewer.lanes_of("audio")
            if lane.track is not None
        )

    def _height(self, stream: Stream, lane: Lane) -> int:
        """What is forced, 0 = nothing. A slot's lane has its label as CNAME."""
        for name in (stream.stream_id, lane.cname, ""):
            if name in self._forced:
                return self._forced[name]
        return 0

    def _place(self, lane: Lane, share: float, now: float) -> list[int]:
        """Move the lane if it must; what its share must be for a better one, bit/s."""
        stream = lane.stream
        ladder = _playable(stream, lane, now) if stream is not None else []
        if stream is None or not ladder:
            return []
        rungs = [rung for _, rung in ladder]
        track = lane.next_track or lane.track
        current = next((i for i, (r, _) in enumerate(ladder) if r.video is track), None)
        height = self._height(stream, lane)
        if height:
            chosen = forced(rungs, height)
        elif self.is_adaptive:
            chosen = self._choose(lane, stream, rungs, current, share, now)
        else:
            chosen = first(rungs, share) if current is None else current
        if chosen != current:
            video = ladder[chosen][0].video
            lane.move(video)
            video.request_key_frame(now)
            self._viewer.router.send_urgent_feedback(stream)
        return [] if height or not self.is_adaptive else room_wanted(rungs, chosen)

    def _choose(
        self,
        lane: Lane,
        stream: Stream,
        rungs: list[Rung],
        current: int | None,
        share: float,
        now: float,
    ) -> int:
        known, standing = self._standings.get(lane, (stream, Standing(since=now)))
        if known is not stream:  # a slot shows somebody else
            standing = Standing(since=now)
        chosen, standing = choose(rungs, current, share, standing, now)
        self._standings[lane] = (stream, standing)
        return chosen

    # -- room for more --------------------------------------------------------

    def _seek_room(self, goals: list[float], now: float) -> None:
        """A probe where something is wanted that the estimate does not bear."""
        viewer, estimate = self._viewer, self._path.estimate
        missing = [goal for goal in goals if goal > estimate.target_bps]
        if not missing:
            return
        if self.padded_lane() is None:
            if self._trials.is_due(estimate.lowered, now):
                self._trials.tried(estimate.lowered, now)
                estimate.proven(min(missing) * MARGIN)
        elif (
            self._plan.is_due(estimate.lowered, now)
            and not viewer.router.prober.is_full
        ):
            self._path.measure_sent(now)
            self._path.probe = Probe(
                missing,
                sent_bps=self._path.sent.bits_per_s,
                target_bps=estimate.target_bps,
                remb_bps=estimate.remb_bps,
                fraction_lost=estimate.fraction_lost,
                rtt_s=self._path.round_trip_s,
                now=now,
            )
            viewer.router.prober.start(viewer, self._path.probe)

    def padded_lane(self) -> Lane | None:
        """Whose RTX stream can carry padding."""
        for lane in self._viewer.lanes_of("video"):
            track = lane.track
            if (
                track is not None
                and lane.running
                and track.outgoing.codec.payload_type in lane.rtx
            ):
                return lane
        return None

    def probed(self, probe: Probe, now: float) -> None:
        """Something of a probe has shown; with `ended` set, all of it."""
        if probe.borne_bps > self._path.estimate.target_bps and not self._is_lowered(
            probe
        ):
            self._path.estimate.proven(probe.borne_bps)
        if probe.ended is not None:
            self._path.probe = None
            self._plan.ended(now, well=probe.ended)
            self.step(now)

    def _is_lowered(self, probe: Probe) -> bool:
        return self._path.estimate.lowered >= probe.began


def _playable(stream: Stream, lane: Lane, now: float) -> _Ladder:
    """The renditions that the viewer can decode."""
    return [
        (rendition, rung)
        for rendition, rung in stream.ladder(now)
        if rendition.video.outgoing.codec.payload_type in lane.playable
    ]
