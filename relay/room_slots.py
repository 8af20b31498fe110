"""The slots of one room viewer: fixed sections whose content is switched."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from relay.lane import Lane
from relay.room_offer import AnsweredSection, slot_codecs, track_section
from relay.slots import ALL, Content, Wishes

if TYPE_CHECKING:
    from relay.room import Participant
    from relay.sdp import LocalMedia
    from relay.subscriber import Subscriber

MAX_SLOTS = 48  # of a kind
MAX_PAGE = 1 << 20


class Slots:
    """The slots of one kind. `content`: stream ids, "" where nobody is shown."""

    def __init__(
        self,
        viewer: Subscriber,
        kind: str,
        count: int,
        video_codecs: tuple[str, ...],
    ) -> None:
        self.kind = kind
        self.content: Content = ("",) * min(count, MAX_SLOTS)
        self.wishes = Wishes()
        self.sections: dict[str, LocalMedia] = {}  # by mid
        self._lanes: list[Lane] = []
        self._accepted: list[frozenset[int]] = []
        self._playable: frozenset[int] = frozenset()  # in every slot that was taken
        self._muted: set[int] = set()
        codecs = slot_codecs(kind, video_codecs)
        for index in range(len(self.content) if codecs else 0):
            label = self.label(index)
            ssrc, rtx_ssrc = (secrets.randbelow((1 << 32) - 2) + 1 for _ in range(2))
            lane = Lane(viewer, kind, ssrc, rtx_ssrc if kind == "video" else 0, label)
            mid = f"{kind[0]}{index}"
            self.sections[mid] = track_section(
                mid,
                label,
                codecs,
                msid_stream=label,
                ssrc=ssrc,
                rtx_ssrc=rtx_ssrc,
                cname=label,
            )
            self._lanes.append(lane)
            self._accepted.append(frozenset())
        self.content = ("",) * len(self._lanes)

    def label(self, index: int) -> str:
        return f"{self.kind}Track{index}"

    def index_of(self, label: str) -> int | None:
        for index in range(len(self.content)):
            if self.label(index) == label:
                return index
        return None

    def accept(self, accepted: dict[str, AnsweredSection]) -> None:
        """Take what the first answer says of the slots' sections."""
        for index, (mid, lane) in enumerate(
            zip(self.sections, self._lanes, strict=True)
        ):
            answered = accepted.get(mid)
            if answered is not None:
                self._accepted[index] = answered.payload_types
                lane.playable = answered.payload_types
                lane.rtx = answered.rtx
                lane.viewer.add_lane(lane)
        taken = [types for types in self._accepted if types]
        self._playable = frozenset.intersection(*taken) if taken else frozenset()

    def can_show(self, participant: Participant) -> bool:
        """Whether the viewer took the codec of its track in every usable slot."""
        track = participant.stream.tracks.get(self.kind)
        return track is not None and track.outgoing.codec.payload_type in self._playable

    def show(self, content: Content, participants: dict[str, Participant]) -> bool:
        """Switch to `content`; whether anything changed."""
        changed = content != self.content
        self.content = content
        for index, (who, lane) in enumerate(zip(content, self._lanes, strict=True)):
            if who and self._accepted[index] and index not in self._muted:
                participants[who].stream.carry(lane)
            else:
                lane.detach()
        return changed

    def drop(self, gone: set[str]) -> None:
        """Those are not seen any more: nothing more of them goes out."""
        for who, lane in zip(self.content, self._lanes, strict=True):
            if who in gone:
                lane.detach()

    # -- wishes ---------------------------------------------------------------

    def mute(self, index: int, *, muted: bool) -> None:
        """Send nothing in that slot, whoever it shows, until it is unmuted."""
        if muted:
            self._muted.add(index)
        else:
            self._muted.discard(index)

    def unmute(self) -> None:
        self._muted.clear()

    def pin(self, index: int, stream_id: str) -> None:
        pinned = {i: who for i, who in self.wishes.pinned.items() if who != stream_id}
        self.wishes = replace(self.wishes, pinned={**pinned, index: stream_id})

    def unpin(self, index: int) -> None:
        pinned = {i: who for i, who in self.wishes.pinned.items() if i != index}
        self.wishes = replace(self.wishes, pinned=pinned)

    def page(self, offset: int, size: int) -> None:
        """A size of zero: whoever speaks, again."""
        page = (min(max(offset, 0), MAX_PAGE), min(size, MAX_PAGE))
        self.wishes = replace(self.wishes, page=page if size > 0 else None)

    def limit(self, most: int) -> None:
        self.wishes = replace(self.wishes, most=most if most >= 0 else ALL)
