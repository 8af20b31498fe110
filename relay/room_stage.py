"""What a room's viewer sees beyond its sections: slots, who speaks, and being told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from relay import room_events
from relay.audio_level import SILENCE, SPEAKING_LEVEL
from relay.room_slots import Slots
from relay.slots import Content, assign_audio, assign_video
from relay.track_choices import KINDS, TrackChoices

if TYPE_CHECKING:
    from relay.control import CreateRoomOffer
    from relay.room import Participant
    from relay.room_offer import AnsweredSection
    from relay.room_viewer import RoomViewer
    from relay.sdp import LocalMedia


class Stage:
    """The slots of one viewer, by kind; a kind without slots has none here."""

    def __init__(
        self, viewer: RoomViewer, command: CreateRoomOffer, choices: TrackChoices
    ) -> None:
        self._viewer = viewer
        self._room = viewer.room
        self._choices = choices
        self._tells_levels = command.audio_levels
        self._threshold = command.audio_level_threshold
        self._talking: list[bool] = []
        self._audible: dict[str, int] = {}  # levels told last
        # Whom it sees, and by kind whom a slot may show, in the order of joining.
        # None: to be looked up again.
        self._seen: dict[str, Participant] | None = None
        self._choosable: dict[str, dict[str, None]] = {}
        self.slots = {
            kind: Slots(viewer, kind, count, command.video_codecs)
            for kind, count in (
                ("video", command.max_video_tracks),
                ("audio", command.max_audio_tracks),
            )
            if count >= 0
        }

    @property
    def wants_steps(self) -> bool:
        return bool(self.slots) or self._tells_levels

    def sections(self) -> dict[str, LocalMedia]:
        """The slots' sections by mid."""
        return {
            mid: media
            for slots in self.slots.values()
            for mid, media in slots.sections.items()
        }

    def accept(self, accepted: dict[str, AnsweredSection]) -> None:
        for slots in self.slots.values():
            slots.accept(accepted)

    def drop_unseen(self, there: set[str]) -> None:
        """Nothing more goes out of those who are not there."""
        self._seen = None
        for slots in self.slots.values():
            slots.drop(set(slots.content) - there)

    # -- slots ----------------------------------------------------------------

    def mute_slot(self, label: str, wishes: Mapping[str, bool | None]) -> bool:
        """Send in one slot or not, whoever it shows; whether `label` is a slot's.

        `wishes`: by kind; None leaves it as it is.
        """
        for kind, slots in self.slots.items():
            index = slots.index_of(label)
            if index is not None:
                wanted = wishes[kind]
                if wanted is not None:
                    slots.mute(index, muted=not wanted)
                    self.assign()
                return True
        return False

    def has_slot(self, label: str) -> bool:
        return any(slots.index_of(label) is not None for slots in self.slots.values())

    def unmute_slots(self, kind: str) -> None:
        if kind in self.slots:
            self.slots[kind].unmute()

    def pin(self, label: str, stream_id: str, *, pinned: bool) -> None:
        """Keep a participant in a slot, or let it go; without slots nothing happens."""
        slots = self.slots.get("video")
        index = slots.index_of(label) if slots else None
        if slots is None or index is None:
            return
        if pinned:
            slots.pin(index, stream_id)
        elif stream_id in ("", slots.wishes.pinned.get(index)):
            slots.unpin(index)
        self._assign_and_tell()

    def page(self, offset: int, size: int) -> None:
        slots = self.slots.get("video")
        if slots is not None:
            slots.page(offset, size)
            self._assign_and_tell()

    def limit(self, most: int) -> None:
        slots = self.slots.get("video")
        if slots is not None:
            slots.limit(most)
            self._assign_and_tell()

    def _assign_and_tell(self) -> None:
        """Who asked gets to know the video slots, changed or not."""
        if "video" not in self.assign():
            self.tell_assignments("video")

    def assign(self) -> list[str]:
        """Choose anew what the slots show; the kinds that changed, which are told."""
        self._seen = None
        return self._choose(*self.slots)

    def _look(self) -> dict[str, Participant]:
        """Whom the viewer sees; kept until that changes, for `on_step` asks often."""
        if self._seen is None:
            self._seen = {p.stream_id: p for p in self._room.seen_by(self._viewer)}
            for kind, slots in self.slots.items():
                self._choosable[kind] = {
                    who: None
                    for who, participant in self._seen.items()
                    if self._choices.is_enabled(who, kind)
                    and slots.can_show(participant)
                }
        return self._seen

    def _choose(self, *kinds: str) -> list[str]:
        if not self._viewer.is_reachable:
            return []
        seen = self._look()
        changed = []
        for kind in kinds:
            if self.slots[kind].show(self._next_content(kind), seen):
                changed.append(kind)
                self.tell_assignments(kind)
        return changed

    def _next_content(self, kind: str) -> Content:
        room, slots, choosable = self._room, self.slots[kind], self._choosable[kind]
        if kind == "audio":
            return assign_audio(
                slots.content,
                choosable,
                room.loudest,
                room.levels,
                self._threshold,
                room.speakers,
            )
        return assign_video(
            slots.content,
            list(choosable),
            slots.wishes,
            ranked=room.ranked(choosable),
            speakers=room.speakers,
        )

    # -- events on the data channel -------------------------------------------

    def on_step(self, *, others_speak: bool) -> None:
        """Five times a second: who is loud has changed, and perhaps who speaks."""
        if not self._viewer.started:
            return
        if others_speak:
            self._choose(*self.slots)
        elif "audio" in self.slots:
            self._choose("audio")
        self._tell_talking()
        if self._tells_levels:
            self._tell_levels()

    def on_data_open(self) -> None:
        if self.slots:
            self.tell_all_assignments()

    def tell_all_assignments(self) -> None:
        for kind in KINDS:
            self.tell_assignments(kind)

    def tell_assignments(self, kind: str) -> None:
        """Who is where; without slots everybody has a label of their own."""
        slots = self.slots.get(kind)
        if slots is None:
            shown = [(who, who, False) for who in self._look()]
        else:
            pinned = slots.wishes.pinned
            shown = [
                (slots.label(i), who, pinned.get(i) == who)
                for i, who in enumerate(slots.content)
                if who
            ]
        main_id = self._room.main_id
        if kind == "video":
            event = room_events.video_assignments(main_id, shown)
        else:
            levels = {who: self._room.level(who) for _, who, _ in shown}
            event = room_events.audio_assignments(main_id, shown, levels)
        self._viewer.send_event(event)

    def _tell_talking(self) -> None:
        """Pages take somebody for talking by the levels of the assignments."""
        slots = self.slots.get("audio")
        talking = [
            bool(who) and self._room.level(who) < SPEAKING_LEVEL
            for who in (slots.content if slots else ())
        ]
        if talking != self._talking:
            self._talking = talking
            self.tell_assignments("audio")

    def _tell_levels(self) -> None:
        """UPDATE_AUDIO_LEVEL of the loudest, and of who just fell silent."""
        seen, room = self._look(), self._room
        loudest = (who for who in room.loudest if who in seen)
        audible = room_events.audible(loudest, room.levels, self._threshold)
        before, self._audible = self._audible, audible
        silent = {who: SILENCE for who in before if who not in audible}
        for who, level in (audible | silent).items():
            if before.get(who) != level:
                self._viewer.send_event(room_events.audio_level(who, level))
