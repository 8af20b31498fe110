"""A viewer of a room: one peer connection for all participants it may see."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay import control, room_events
from relay.control import CloseReason
from relay.data_sdp import offer_data
from relay.lane import Lane
from relay.room_offer import (
    MAX_SECTIONS,
    RoomAgreement,
    Sections,
    accept_room_answer,
    describe,
    id_mapping,
    is_worth_offering,
    live_mids,
    next_sections,
    without,
)
from relay.room_stage import Stage
from relay.sdp import LocalMedia, parse_sdp
from relay.subscriber import Subscriber
from relay.track_choices import TrackChoices

if TYPE_CHECKING:
    from relay.room import Participant, Room
    from relay.router import Router

ANSWER_TIMEOUT_S = 10.0
DATA_MID = "0"


@dataclass(frozen=True, slots=True)
class _Carried:
    """A participant's track in its section."""

    participant: Participant
    mid: str
    lane: Lane


class RoomViewer(Subscriber):
    """Offered anew as participants come and go, one offer at a time."""

    max_ssrcs = 4 * MAX_SECTIONS  # Firefox reports under one of its own a section

    def __init__(
        self, router: Router, command: control.CreateRoomOffer, room: Room
    ) -> None:
        super().__init__(
            router, command.session, command.reply_to, command.start_timeout_ms
        )
        self.room = room
        self.sees_roles = frozenset(command.sees_roles)
        self.own_streams = frozenset(command.own_streams)
        self.distribution = command.distribution
        self.adaptation.is_adaptive = command.adaptive
        self.tcp_candidates = command.tcp_candidates
        self.sections: Sections = ()
        self.offer = ""
        self.is_answering = False
        self._command = command
        self._seen: dict[str, None] = {}  # stream ids that signalling knows of
        self._refused: frozenset[str] = frozenset()  # mids the viewer rejected
        self._taken: frozenset[str] = frozenset()  # mids it receives
        # By the track's SSRC. Kept while the stream lives, seen or not: under one
        # SSRC no number may be used twice.
        self._carried: dict[int, _Carried] = {}
        self._choices = TrackChoices(command.tracks, enabled=command.enabled)
        self._session_id = secrets.randbits(62)
        self._version = 1
        self._agreed = False
        self._last_answer: str | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self.stage = Stage(self, command, self._choices)
        self._start_timer.cancel()  # it runs from the first offer on

    def close(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
        self.room.remove_viewer(self)
        super().close()

    # -- offers ---------------------------------------------------------------

    def update(self) -> None:
        """Tell what changed, and offer it unless an offer is being answered."""
        if self.closed:
            return
        if self.is_answering:  # `accept` comes back here
            self._carry()
            self.stage.assign()
            return
        seen = list(self.room.seen_by(self))
        is_first = not self.offer
        wanted = self._wanted(seen)
        following = next_sections(self.sections, wanted, self._mids())
        missing = not wanted.keys() <= live_mids(self.sections)
        self._tell_changes(seen, is_first=is_first)
        if is_worth_offering(self.sections, following, missing):
            self._offer(following)
        self._drop_ended()
        self._carry()
        self.stage.assign()

    def _wanted(self, seen: list[Participant]) -> dict[str, LocalMedia]:
        wanted: dict[str, LocalMedia] = {}
        if self._command.data_channels:
            wanted[DATA_MID] = offer_data(DATA_MID)
        wanted |= self.stage.sections()
        for participant in seen:
            for kind, mid in participant.mids.items():
                if kind not in self.stage.slots:
                    wanted[mid] = participant.sections[mid]
        return {mid: m for mid, m in wanted.items() if mid not in self._refused}

    def _mids(self) -> set[str]:
        """Of everybody in the room, seen or not."""
        return {
            mid
            for participant in self.room.participants.values()
            for mid in participant.mids.values()
        }

    def _tell_changes(self, seen: list[Participant], *, is_first: bool) -> None:
        now = dict.fromkeys(participant.stream_id for participant in seen)
        before, self._seen = self._seen, now
        added = tuple(who for who in now if who not in before)
        removed = tuple(who for who in before if who not in now)
        if is_first or not (added or removed):
            return
        self.router.emit(
            control.TracksChanged(self.session, self.reply_to, added, removed)
        )
        self.send_event(room_events.track_list_updated(self.room.main_id))

    def _offer(self, sections: Sections) -> None:
        loop = asyncio.get_running_loop()
        if not self.offer:
            self._start_timer = loop.call_later(
                self._command.start_timeout_ms / 1000, self._start_timed_out
            )
        else:
            self._answer_timer = loop.call_later(ANSWER_TIMEOUT_S, self._not_answered)
        self._version += 1
        self.sections = sections
        self._taken &= live_mids(sections)
        self.offer = describe(
            sections, self.router.transport(self), self._session_id, self._version
        )
        self.is_answering = True
        self.emit_offer()

    def emit_offer(self) -> None:
        """The last offer, if there is one yet, as an event."""
        if self.offer:
            self.router.emit(
                control.Offered(
                    self.session,
                    self.reply_to,
                    self.offer,
                    self.router.candidates_for(self),
                    id_mapping(self.sections),
                )
            )

    def _not_answered(self) -> None:
        if not self.closed:
            self.router.peer_lost(self, CloseReason.LOST)

    # -- answers --------------------------------------------------------------

    def accept(self, sdp: str) -> None:
        """Take the answer to the last offer; one that was taken before is ignored.

        Raises:
            ValueError: it does not fit the offer.
        """
        if not self.is_answering or sdp == self._last_answer:
            return
        agreement = accept_room_answer(
            parse_sdp(sdp, max_sections=MAX_SECTIONS), self.sections
        )
        self._last_answer = sdp
        self.is_answering = False
        if self._answer_timer is not None:
            self._answer_timer.cancel()
        fixed = {DATA_MID, *self.stage.sections()}
        self._refused = (self._refused | agreement.rejected) & (fixed | self._mids())
        self.sections = without(self.sections, agreement.rejected)
        self._open_lanes(agreement)
        if not self._agreed:
            self._agreed = True
            self.stage.accept(agreement.accepted)
            self.agree_data(agreement.data, self.room.main_id)
            self.begin_handshake(agreement.remote)
        self.update()

    def _open_lanes(self, agreement: RoomAgreement) -> None:
        self._taken = frozenset(agreement.accepted)
        for participant in self.room.participants.values():
            for kind, mid in participant.mids.items():
                answered = agreement.accepted.get(mid)
                if answered is None:
                    continue
                track = participant.stream.tracks[kind].outgoing
                known = self._carried.get(track.ssrc)
                lane = (
                    known.lane
                    if known
                    else Lane(self, kind, track.ssrc, track.rtx_ssrc, track.cname)
                )
                lane.playable = answered.payload_types
                lane.rtx = answered.rtx
                self._carried[track.ssrc] = _Carried(participant, mid, lane)
                self.add_lane(lane)

    def _drop_ended(self) -> None:
        """Lanes of streams that will not come back."""
        for ssrc, carried in list(self._carried.items()):
            if carried.participant.stream.has_ended:
                del self._carried[ssrc]
                self.remove_lane(carried.lane)

    def on_connected(self) -> None:
        self.mark_started()
        self._carry()
        self.stage.assign()
        self.router.viewer_started(self)

    # -- what is sent ---------------------------------------------------------

    def set_tracks(self, track: str, *, video: bool | None, audio: bool | None) -> None:
        """Send a kind of a participant's, of a slot's, or of all, or not."""
        wishes = {"video": video, "audio": audio}
        if self.stage.mute_slot(track, wishes):
            return
        everybody = track in ("", self.room.main_id)
        if not everybody and track not in self._seen and track not in self._choices:
            return
        for kind, wanted in wishes.items():
            if wanted is None:
                continue
            if everybody:
                self._choices.set_all(kind, enabled=wanted)
                self.stage.unmute_slots(kind)
            else:
                self._choices.set_one(track, kind, enabled=wanted)
        self._carry()
        self.stage.assign()

    def force_quality(self, track: str, height: int) -> None:
        everybody = track in ("", self.room.main_id)
        if everybody or track in self._seen or self.stage.has_slot(track):
            self.adaptation.force("" if everybody else track, height)

    def carry(self) -> None:
        self._carry()
        self.stage.assign()

    def _carry(self) -> None:
        if not self.is_reachable:
            return
        seen = set(self.room.seen_by(self))
        for carried in self._carried.values():
            participant, lane = carried.participant, carried.lane
            if (
                participant in seen
                and carried.mid in self._taken
                and self._choices.is_enabled(participant.stream_id, lane.kind)
            ):
                participant.stream.carry(lane)
            else:
                lane.detach()

    def stop_unseen(self) -> None:
        """Nothing more goes out of those who left or may not be seen any more."""
        seen = set(self.room.seen_by(self))
        for carried in self._carried.values():
            if carried.participant not in seen:
                carried.lane.detach()
        self.stage.drop_unseen({participant.stream_id for participant in seen})

    def on_data_open(self) -> None:
        self.stage.on_data_open()

    def send_event(self, event: Mapping[str, object]) -> None:
        """On the data channel; nobody hears it where there is none."""
        self.send_text(room_events.as_text(event))
