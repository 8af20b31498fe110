"""A room: its participants' streams, and the viewers that are told of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.audio_level import SILENCE, STEP_S, LevelMeter
from relay.formats import Format, format_of
from relay.negotiation import WANTED_FEEDBACK
from relay.room_offer import track_section
from relay.slots import by_loudness, rank

if TYPE_CHECKING:
    from relay.room_viewer import RoomViewer
    from relay.sdp import LocalMedia
    from relay.stream import Stream
    from relay.track import Track

logger = logging.getLogger(__name__)

DEFAULT_ROLE = "default"
# Offers cost a millisecond and some tens of kilobytes each in a room of forty: media
# and the control socket get a turn between them.
OFFERS_AT_ONCE = 8
OFFERS_PAUSE_S = 0.01


@dataclass(eq=False, slots=True)
class Participant:
    """A stream in the room. Its sections' mids are the room's, for all viewers."""

    stream: Stream
    role: str
    mids: dict[str, str]  # kind -> mid; without those that cannot be offered
    sections: dict[str, LocalMedia]  # by mid

    @property
    def stream_id(self) -> str:
        return self.stream.stream_id

    @property
    def is_there(self) -> bool:
        """Whether it sends, or did and may come back."""
        return self.stream.has_started

    def is_seen_by(self, viewer: RoomViewer) -> bool:
        return (
            self.is_there
            and self.role in viewer.sees_roles
            and self.stream_id not in viewer.own_streams
        )


class Room:
    """Participants in the order in which they joined, and viewers."""

    def __init__(self, key: str, clock: Callable[[], float]) -> None:
        self.key = key
        self.main_id = key.partition("/")[2]
        self.participants: dict[str, Participant] = {}  # by stream id
        self.viewers: dict[str, RoomViewer] = {}  # by session
        self.spoke_at: dict[str, float] = {}  # by stream id
        self.levels: dict[str, int] = {}  # -dBov by stream id, of the last step
        self.speakers: frozenset[str] = frozenset()  # by stream id
        self.loudest: list[str] = []  # everybody, who is to be heard first
        self._clock = clock
        self._next_mid = 1
        self._formats: dict[int, Format] = {}  # by payload type
        self._outdated: dict[RoomViewer, None] = {}
        self._offering: asyncio.Handle | None = None
        self._stepping: asyncio.TimerHandle | None = None
        self._warned = False

    @property
    def is_empty(self) -> bool:
        return not self.participants and not self.viewers

    def close(self) -> None:
        """Nothing is done for it any more."""
        for handle in (self._offering, self._stepping):
            if handle is not None:
                handle.cancel()

    # -- participants ---------------------------------------------------------

    def add(self, stream: Stream, role: str) -> None:
        """The stream is a participant; viewers see it when it has started."""
        stream.room = self
        participant = Participant(stream, role or DEFAULT_ROLE, {}, {})
        for kind in ("video", "audio"):
            track = stream.tracks.get(kind)
            if track is not None and self._find_number(track):
                mid = str(self._next_mid)
                self._next_mid += 1
                participant.mids[kind] = mid
                participant.sections[mid] = _section(mid, stream, track)
        audio = stream.tracks.get("audio")
        if audio is not None:
            audio.levels = LevelMeter()
        self.participants[stream.stream_id] = participant
        self._measure()
        if participant.is_there:
            self.changed()

    def remove(self, stream: Stream) -> None:
        """The stream is none of the room's any more; its viewers get nothing of it."""
        participant = self.participants.get(stream.stream_id)
        if participant is None or participant.stream is not stream:
            return
        del self.participants[stream.stream_id]
        self.spoke_at.pop(stream.stream_id, None)
        stream.room = None
        for track in stream.tracks.values():
            track.levels = None
        self._free_numbers()
        self._measure()
        self.changed()

    def set_role(self, stream: Stream, role: str) -> None:
        participant = self.participants[stream.stream_id]
        if participant.role != (role or DEFAULT_ROLE):
            participant.role = role or DEFAULT_ROLE
            self.changed()

    def _find_number(self, track: Track) -> bool:
        """Whether the track's payload type means nothing else in this room."""
        form = format_of(track.source_codec)
        known = self._formats.setdefault(form.payload_type, form)
        if known == form:
            return True
        if not self._warned:
            self._warned = True
            logger.warning("room %s: no payload type left for a video", self.key)
        return False

    def _free_numbers(self) -> None:
        self._formats = {
            form.payload_type: form
            for participant in self.participants.values()
            for kind in participant.mids
            for form in (format_of(participant.stream.tracks[kind].source_codec),)
        }

    def seen_by(self, viewer: RoomViewer) -> Iterator[Participant]:
        """The participants that exist for the viewer, in the order of joining."""
        for participant in self.participants.values():
            if participant.is_seen_by(viewer):
                yield participant

    def seers_of(self, stream: Stream) -> list[RoomViewer]:
        """The viewers that the stream exists for."""
        participant = self.participants.get(stream.stream_id)
        return [
            viewer
            for viewer in self.viewers.values()
            if participant is not None and participant.is_seen_by(viewer)
        ]

    # -- viewers --------------------------------------------------------------

    def add_viewer(self, viewer: RoomViewer) -> None:
        self.viewers[viewer.session] = viewer
        if viewer.stage.wants_steps and self._stepping is None:
            self._schedule_step()

    def remove_viewer(self, viewer: RoomViewer) -> None:
        self.viewers.pop(viewer.session, None)
        self._outdated.pop(viewer, None)

    def changed(self) -> None:
        """Who is there, or seen by whom, changed: stop at once, offer soon."""
        for viewer in self.viewers.values():
            viewer.stop_unseen()
            self._outdated[viewer] = None
        if self._outdated and self._offering is None:
            self._offering = asyncio.get_running_loop().call_soon(self._offer_some)

    def _offer_some(self) -> None:
        self._offering = None
        for viewer in list(self._outdated)[:OFFERS_AT_ONCE]:
            del self._outdated[viewer]
            viewer.update()
        if self._outdated:
            self._offering = asyncio.get_running_loop().call_later(
                OFFERS_PAUSE_S, self._offer_some
            )

    # -- who speaks -----------------------------------------------------------

    def _schedule_step(self) -> None:
        self._stepping = asyncio.get_running_loop().call_later(STEP_S, self._step)

    def _step(self) -> None:
        self._stepping = None
        if any(viewer.stage.wants_steps for viewer in self.viewers.values()):
            self._schedule_step()
        self.step()

    def step(self) -> None:
        """Look who is loud, and let viewers choose anew."""
        now, before = self._clock(), self.speakers
        for stream_id, meter in self._meters():
            meter.step()
            if meter.speaks:
                self.spoke_at[stream_id] = now
        self._measure()
        for viewer in list(self.viewers.values()):
            viewer.stage.on_step(others_speak=self.speakers != before)

    def _measure(self) -> None:
        """Once for all viewers, what each chooses by."""
        meters = dict(self._meters())
        self.speakers = frozenset(who for who, meter in meters.items() if meter.speaks)
        self.levels = dict.fromkeys(self.participants, SILENCE)
        self.levels |= {who: meter.level for who, meter in meters.items()}
        self.loudest = by_loudness(self.levels, self.speakers)

    def _meters(self) -> Iterator[tuple[str, LevelMeter]]:
        for stream_id, participant in self.participants.items():
            audio = participant.stream.tracks.get("audio")
            if audio is not None and audio.levels is not None:
                yield stream_id, audio.levels

    def ranked(self, stream_ids: Iterable[str]) -> list[str]:
        return rank(stream_ids, self.spoke_at)

    def level(self, stream_id: str) -> int:
        """-dBov; silence of a participant without audio or the extension."""
        return self.levels.get(stream_id, SILENCE)


def _section(mid: str, stream: Stream, track: Track) -> LocalMedia:
    outgoing = track.outgoing
    feedback = WANTED_FEEDBACK if track.is_video else ()
    return track_section(
        mid,
        stream.stream_id,
        [format_of(track.source_codec).codec(feedback), *track.outgoing.alternatives],
        msid_stream=stream.stream_id,
        ssrc=outgoing.ssrc,
        rtx_ssrc=outgoing.rtx_ssrc,
        cname=outgoing.cname,
    )
