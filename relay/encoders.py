"""The encoder processes of a relay: one for each live stream with a ladder."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from relay import control
from relay.encoder.child import Child
from relay.encoder.stream_encoder import StreamEncoder

if TYPE_CHECKING:
    from relay.router import Router
    from relay.stream import Stream

MAX_ENCODERS = 16
REAP_STEP_S, REAP_STEPS = 0.01, 200  # a killed process is gone in one or two

logger = logging.getLogger(__name__)


class Encoders:
    """Owns them; at most `limit` run at a time."""

    def __init__(self, router: Router, limit: int = MAX_ENCODERS) -> None:
        self._router = router
        self._limit = limit
        self._encoders: dict[Stream, StreamEncoder] = {}
        self._ending: list[Child] = []

    @property
    def has_room(self) -> bool:
        return self.running + len(self._ending) < self._limit

    @property
    def running(self) -> int:
        return sum(encoder.is_running for encoder in self._encoders.values())

    def of(self, stream: Stream) -> StreamEncoder | None:
        """The stream's encoder, running or not."""
        return self._encoders.get(stream)

    def agree(self, stream: Stream, command: control.AcceptOffer) -> None:
        """The stream has this publisher now, and is to have that ladder."""
        encoder = self._encoders.get(stream)
        if encoder is None:
            if not command.encoder_settings:
                return
            encoder = self._encoders[stream] = StreamEncoder(self, stream)
        encoder.agree(command.session, command.reply_to, command.encoder_settings)

    def end(self, stream: Stream) -> None:
        """The stream has ended."""
        encoder = self._encoders.pop(stream, None)
        if encoder is not None:
            encoder.end(self.clock())

    async def close(self) -> None:
        """The relay ends, and all of them with it."""
        for stream in list(self._encoders):
            self.end(stream)
        for child in self._ending:
            child.kill()
        for _ in range(REAP_STEPS):
            self._ending = [c for c in self._ending if not c.is_gone(self.clock())]
            if not self._ending:
                return
            await asyncio.sleep(REAP_STEP_S)

    # -- time -----------------------------------------------------------------

    def tick(self, now: float) -> None:
        """A few times a second. One stream's trouble is not another's."""
        self._ending = [child for child in self._ending if not child.is_gone(now)]
        for stream, encoder in list(self._encoders.items()):
            try:
                encoder.tick(now)
            except Exception:  # the relay's other work of this tick goes on
                logger.exception("encoder of %s", stream.key)

    def send_urgent_feedback(self, stream: Stream, now: float) -> None:
        """A viewer of the stream waits for a key frame, maybe a rendition's."""
        encoder = self._encoders.get(stream)
        if encoder is not None:
            encoder.ask_key_frames(now)

    # -- for the encoders -----------------------------------------------------

    def clock(self) -> float:
        return self._router.clock()

    def bury(self, child: Child) -> None:
        """Have its process reaped."""
        self._ending.append(child)

    def renditions_ended(self, stream: Stream) -> None:
        """Their viewers are back at the stream's own picture and wait for its start."""
        video = stream.tracks.get("video")
        if video is not None and not stream.has_ended:
            video.request_key_frame(self.clock())
            self._router.send_urgent_feedback(stream)

    def fail(
        self,
        session: str,
        reply_to: str,
        problem: control.EncoderProblem,
        heights: tuple[int, ...],
    ) -> None:
        logger.info("encoder of session %s: %s %s", session, problem, heights)
        self._router.emit(control.EncoderFailed(session, reply_to, problem, heights))
