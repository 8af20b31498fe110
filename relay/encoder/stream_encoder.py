"""The ladder of one stream: its process is started, fed, watched and given up.

The original is never touched: packets reach the process by a tap that cannot fail, and
whatever comes back is parsed in here. Renditions vanish with the process that makes
them; their viewers go back to the original.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from relay.control import EncoderProblem, EncoderSetting
from relay.encoder import link
from relay.encoder.child import Child
from relay.encoder.choice import choose_rungs, lowest_value, target_codec
from relay.encoder.load import LoadJudge, Verdict
from relay.encoder.outputs import Outputs

if TYPE_CHECKING:
    from relay.encoders import Encoders
    from relay.stream import Stream

MAX_DEATHS = 3
DEATHS_WITHIN_S = 60.0
FIRST_RESTART_S = 1.0  # doubled with each death in a row
SETTLE_S = 5.0  # a browser begins with a small picture
SILENCE_S = 10.0  # without a status: it hangs
MAX_MESSAGES_PER_S = 8000  # a whole ladder is some hundreds
AUDIO_MARGIN = 1.2  # a source so much above the setting is encoded anew

logger = logging.getLogger(__name__)


class StreamEncoder:
    """Owned by relay.encoders. Its publisher may go and return."""

    def __init__(self, owner: Encoders, stream: Stream) -> None:
        self._owner = owner
        self._stream = stream
        self._session = self._reply_to = ""
        self._settings: tuple[EncoderSetting, ...] = ()
        self._given_up: frozenset[int] = frozenset()  # heights
        self._shed_heights: list[int] = []  # those of them that were too much
        self._told: set[EncoderProblem] = set()
        self._child: Child | None = None
        self._outputs: Outputs | None = None
        self._ladder: link.Ladder | None = None  # what the child was told last
        self._is_ready = False
        self._judge = LoadJudge()
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)
        self._not_before = 0.0
        self._sized_at: float | None = None
        self._heard_at = 0.0
        self._checked_at = 0.0
        self._audio_peak_bps = 0
        self.status = link.Status()  # the newest

    @property
    def is_running(self) -> bool:
        return self._child is not None

    @property
    def pid(self) -> int:
        """Of the process, 0 when none runs."""
        return self._child.pid if self._child else 0

    def agree(
        self, session: str, reply_to: str, settings: tuple[EncoderSetting, ...]
    ) -> None:
        """The publisher of now, and what is wanted of its stream."""
        if session != self._session:
            self._told.clear()
            self._deaths.clear()
            self._given_up = frozenset()
            self._shed_heights.clear()
            self._not_before = 0.0
            self._sized_at = None
        self._session, self._reply_to = session, reply_to
        self._settings = settings

    # -- time -----------------------------------------------------------------

    def tick(self, now: float) -> None:
        """A few times a second: start, change, watch, pass on requests."""
        wanted = self._choose(now)
        if self._child is None:
            if wanted is not None and now >= self._not_before:
                self._start(wanted, now)
        elif wanted is None:
            self._end(now)
        else:
            self._change(wanted, now)
            self._watch(now)

    def _choose(self, now: float) -> link.Ladder | None:
        """What is to be encoded, None for nothing."""
        video = self._stream.tracks.get("video")
        if video is None or not self._settings or not self._stream.has_started:
            return None
        if any(rendition.is_layer for rendition in self._stream.renditions):
            return None  # the publisher's own layers are better, and cost nothing
        target = target_codec(video.source_codec.name)
        if not target:
            self._fail(EncoderProblem.NO_SETTINGS, self._heights())
            return None
        if not video.size[1]:
            return None
        if self._sized_at is None:
            self._sized_at = now
        rungs = choose_rungs(self._settings, video.size[1], self._given_up)
        if not rungs:
            if not self._given_up and now >= self._sized_at + SETTLE_S:
                self._fail(EncoderProblem.NO_SETTINGS, self._heights())
            return None
        mode = video.source_codec.parameter("packetization-mode") or "0"
        return link.Ladder(
            video.source_codec.name.upper(),
            target,
            rungs,
            single_nal=target == "H264" and mode == "0",
            audio=self._choose_audio(rungs, now),
        )

    def _choose_audio(
        self, rungs: tuple[link.Rung, ...], now: float
    ) -> tuple[int, ...]:
        """Bitrates below the stream's own; one that was chosen keeps its place."""
        audio = self._stream.tracks.get("audio")
        if audio is None:
            return ()
        self._audio_peak_bps = max(self._audio_peak_bps, audio.rate.bits_per_s(now))
        lower = {
            rung.audio_bitrate
            for rung in rungs
            if 0 < rung.audio_bitrate * AUDIO_MARGIN < self._audio_peak_bps
        }
        known = self._ladder.audio if self._ladder else ()
        kept = tuple(rate if rate in lower else 0 for rate in known)
        return (kept + tuple(sorted(lower - set(kept))))[: link.MAX_RUNGS]

    def _heights(self) -> tuple[int, ...]:
        return tuple(setting.height for setting in self._settings)

    def _watch(self, now: float) -> None:
        child = self._child
        if child is None:
            return
        if now >= self._heard_at + SILENCE_S:
            logger.warning("encoder of %s is silent: killed", self._stream.key)
            child.kill()
        elapsed = now - self._checked_at
        if elapsed < 1:
            return
        self._checked_at = now
        if child.take_received() > MAX_MESSAGES_PER_S * elapsed:
            logger.warning("encoder of %s sends too much: killed", self._stream.key)
            child.kill()

    def ask_key_frames(self, now: float) -> None:
        """Pass on what viewers of renditions wait for."""
        if self._child is None or self._outputs is None:
            return
        for index, track in self._outputs.tracks().items():
            if track.key_frames.due(now):
                self._child.tell(link.KeyFrame(index))

    # -- the process ----------------------------------------------------------

    def _start(self, ladder: link.Ladder, now: float) -> None:
        if not self._owner.has_room:
            self._fail(EncoderProblem.NOT_OPENED, self._heights())
            return
        child = Child(self._on_messages, self._on_end)
        try:
            child.start()
        except OSError as error:
            logger.warning("encoder of %s cannot start: %s", self._stream.key, error)
            self._note_death(now)
            return
        self._child = child
        self._outputs = Outputs(self._stream, ladder.target)
        self._ladder = None
        self._is_ready = False
        self._judge = LoadJudge()
        self._heard_at = self._checked_at = now
        logger.info("encoder of %s starts", self._stream.key)

    def _change(self, ladder: link.Ladder, now: float) -> None:
        """Tell the process what to make, when that is something else than before."""
        if self._child is None or self._outputs is None or not self._is_ready:
            return
        if self._ladder is not None and ladder.source != self._ladder.source:
            self._end(now)
            return
        if ladder == self._ladder or not self._child.tell(ladder):
            return
        is_first = self._ladder is None
        self._ladder = ladder
        if self._outputs.expect(ladder.rungs, ladder.audio):
            self._owner.renditions_ended(self._stream)
        self._tap(is_first=is_first, audio=any(ladder.audio), now=now)

    def _tap(self, *, is_first: bool, audio: bool, now: float) -> None:
        if self._child is None:
            return
        tracks = self._stream.tracks
        tracks["video"].tap = self._child.feed_video
        if "audio" in tracks:
            tracks["audio"].tap = self._child.feed_audio if audio else None
        if is_first:
            tracks["video"].request_key_frame(now)

    def _untap(self) -> None:
        for track in self._stream.all_tracks():  # its own may be another one now
            track.tap = None

    def end(self, now: float) -> None:
        """The stream has ended."""
        self._settings = ()
        self._end(now)

    def _end(self, now: float) -> None:
        child = self._child
        self._forget()
        if child is not None:
            child.close(now)
            self._owner.bury(child)

    def _forget(self) -> None:
        """There is no process any more, nor what it made."""
        self._untap()
        self._child = None
        outputs, self._outputs = self._outputs, None
        if outputs is not None and outputs.clear():
            self._owner.renditions_ended(self._stream)

    def _on_end(self) -> None:
        """It died."""
        now = self._owner.clock()
        logger.warning("encoder of %s has died", self._stream.key)
        if self._child is not None:
            self._child.close(now)
            self._owner.bury(self._child)
        self._forget()
        self._note_death(now)

    def _note_death(self, now: float) -> None:
        self._deaths.append(now)
        recent = [time for time in self._deaths if now - time < DEATHS_WITHIN_S]
        if len(recent) >= MAX_DEATHS:
            self._give_up(self._heights(), EncoderProblem.NOT_OPENED)
        self._not_before = now + FIRST_RESTART_S * 2 ** (len(recent) - 1)

    # -- what it says ---------------------------------------------------------

    def _on_messages(self, messages: list[bytes]) -> None:
        now = self._owner.clock()
        media = [m for m in messages if m[0] != link.CONTROL]
        try:
            if media and self._outputs is not None:
                self._outputs.receive(media, now)
            for message in messages:
                if message[0] == link.CONTROL:
                    self._heed(link.decode(message), now)
        except ValueError:
            logger.warning("encoder of %s speaks nonsense: killed", self._stream.key)
            if self._child is not None:
                self._child.kill()

    def _heed(self, message: link.Message, now: float) -> None:
        self._heard_at = now
        match message:
            case link.Ready():
                self._is_ready = True
            case link.SourceKeyFrame():
                video = self._stream.tracks.get("video")
                if video is not None:
                    video.request_key_frame(now)
            case link.RungFailed():
                self._rung_failed(message.index)
            case link.Crashed():
                logger.error("encoder of %s: %r", self._stream.key, message.reason)
                if self._child is not None:
                    self._child.kill()  # or it could say so for ever
            case link.Status():
                self.status = message
                self._weigh(self._judge.judge(message))
            case _:
                raise ValueError("not for the relay")

    def _rung_failed(self, index: int) -> None:
        rungs = self._ladder.rungs if self._ladder else ()
        heights = tuple(rung.height for rung in rungs if rung.index == index)
        if heights:
            self._give_up(heights, EncoderProblem.NOT_OPENED)

    def _weigh(self, verdict: Verdict) -> None:
        if verdict is Verdict.LESS:
            self._shed()
        elif verdict is Verdict.MORE and self._shed_heights:
            self._given_up -= {self._shed_heights.pop()}

    def _shed(self) -> None:
        """Give up the rendition that is missed least."""
        found = self._outputs.viewers() if self._outputs else {}
        # What was given up goes with the next tick.
        viewers = {h: count for h, count in found.items() if h not in self._given_up}
        if viewers:
            height = lowest_value(viewers)
            logger.warning("encoder of %s gives up %dp", self._stream.key, height)
            self._shed_heights.append(height)
            self._give_up((height,), EncoderProblem.BLOCKED)

    def _give_up(self, heights: tuple[int, ...], problem: EncoderProblem) -> None:
        """They are not encoded any more, and the publisher is told."""
        self._given_up |= frozenset(heights)
        if problem is EncoderProblem.BLOCKED:
            self._told.discard(problem)  # each height is told of
        self._fail(problem, heights)

    def _fail(self, problem: EncoderProblem, heights: tuple[int, ...]) -> None:
        """Tell the publisher, each problem once."""
        if problem not in self._told:
            self._told.add(problem)
            self._owner.fail(self._session, self._reply_to, problem, heights)
