"""Sockets, relays and the database in any order, with losses, repeats and pauses.

What is said while things go wrong is not looked at here (see `test_sockets`). But
whatever happened: when the faults are over, rows, sockets and relays agree within a
minute, and when everybody has left there is nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relay import control
from signalling import registry, store
from streams.models import Broadcast
from tests.stateful.fake_relay import RelaySession
from tests.stateful.search import search
from tests.stateful.world import RELAYS, Socket, World

MAX_SOCKETS = 4
STREAMS = ("s1", "s2")
CALM_S = 40.0
MAX_LINES = 100  # of the log, for 40 steps and what follows from them

streams = st.sampled_from(STREAMS)
played = st.sampled_from((*STREAMS, "hall"))  # rooms are played as streams are
main_tracks = st.sampled_from(("", "", "hall", "lounge"))
indexes = st.integers(0, 7)
relays = st.sampled_from(RELAYS)
faults = st.sampled_from((False, False, True))
LOSABLE = (
    control.Answered,
    control.Offered,
    control.Started,
    control.Failed,
    control.Closed,
    control.StreamEnded,
)


class Disorder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.calms = 0
        self.world = World()
        for number in range(2):
            self.world.open(f"socket {number}")
        self.world.settle()

    def teardown(self) -> None:
        try:
            self.everybody_leaves()
        finally:
            self.world.end()

    # Clients.

    @precondition(lambda self: len(self.world.open_sockets()) < MAX_SOCKETS)
    @rule()
    def open(self) -> None:
        self.world.open(f"socket {len(self.world.sockets)}")

    def socket(self, index: int) -> Socket | None:
        sockets = self.world.open_sockets()
        return sockets[index % len(sockets)] if sockets else None

    def say(self, index: int, command: str, stream_id: str, **rest: Any) -> None:
        socket = self.socket(index)
        if socket is not None:
            socket.say(command, stream_id, **rest)

    @rule(index=indexes)
    def hang_up(self, index: int) -> None:
        socket = self.socket(index)
        if socket is not None:
            socket.hang_up()

    @rule(
        index=indexes,
        command=st.sampled_from(
            ("publish", "play", "stop", "join", "leave", "takeCandidate")
        ),
        stream=played,
    )
    def command(self, index: int, command: str, stream: str) -> None:
        self.say(index, command, stream)

    @rule(index=indexes, kind=st.sampled_from(("offer", "answer")), stream=played)
    def describe(self, index: int, kind: str, stream: str) -> None:
        self.say(index, "takeConfiguration", stream, type=kind, sdp="v=0")

    @rule(
        index=indexes,
        command=st.sampled_from(("joinRoom", "leaveFromRoom", "getRoomInfo")),
        stream=streams,
        room=st.sampled_from(("hall", "lounge")),
    )
    def room_command(self, index: int, command: str, stream: str, room: str) -> None:
        self.say(index, command, stream, room=room)

    @rule(
        index=indexes,
        command=st.sampled_from(
            (
                "toggleVideo",
                "enableTrack",
                "updateStreamMetaData",
                "getVideoTrackAssignmentsCommand",
                "getSubtracks",
                "getTrackList",
                "getDebugInfo",
            )
        ),
        stream=played,
    )
    def track_command(self, index: int, command: str, stream: str) -> None:
        self.say(index, command, stream, trackId="s1", enabled=False, metaData="x")

    @rule(index=indexes, stream=streams)
    def tell_peer(self, index: int, stream: str) -> None:
        self.say(index, "peerMessageCommand", stream, data=1)

    @rule(index=indexes, stream=streams, main_track=main_tracks)
    def go_live(self, index: int, stream: str, main_track: str) -> None:
        """As far as it goes: faults and others may be in the way."""
        self.say(index, "publish", stream, mainTrack=main_track)
        self.say(index, "takeConfiguration", stream, type="offer", sdp="v=0")
        self.world.settle()
        self.connect(stream)

    @rule(index=indexes, stream=played)
    def watch(self, index: int, stream: str) -> None:
        self.say(index, "play", stream)
        self.world.settle()
        self.connect(stream)
        self.say(index, "takeConfiguration", stream, type="answer", sdp="v=0")
        self.world.settle()
        self.connect(stream)

    def connect(self, stream: str) -> None:
        """Whoever has described itself to a relay is connected."""
        key = f"LiveApp/{stream}"
        for relay in self.world.link.relays_by_name.values():
            for session in list(relay.sessions.values()):
                if session.stream != key or session.live or session.parked:
                    continue
                if not session.described:
                    relay.describe(session)
                if session.answered:
                    relay.start(session)
        self.world.settle()

    @rule(index=indexes, other=indexes, stream=streams)
    def meet(self, index: int, other: int, stream: str) -> None:
        self.say(index, "join", stream)
        self.say(other, "join", stream)

    # Relays.

    def relay_session(self, index: int) -> tuple[str, RelaySession] | None:
        found = [
            (name, session)
            for name, relay in self.world.link.relays_by_name.items()
            for session in relay.sessions.values()
        ]
        return found[index % len(found)] if found else None

    @rule(
        index=indexes,
        word=st.sampled_from(("describe", "start", "lose", "time_out", "end_wait")),
    )
    def relay_says(self, index: int, word: str) -> None:
        found = self.relay_session(index)
        if found is None:
            return
        name, session = found
        relay = self.world.relay(name)
        if word == "end_wait" and not session.parked:
            return
        if word == "time_out" and session.live:
            return
        getattr(relay, word)(session)

    @rule(index=indexes, failure=st.sampled_from(control.Failure))
    def relay_fails(self, index: int, failure: control.Failure) -> None:
        found = self.relay_session(index)
        if found is not None and not found[1].live:
            self.world.relay(found[0]).fail(found[1], failure)

    @rule(index=st.integers(0, 30))
    def relay_repeats(self, index: int) -> None:
        if self.world.spoken:
            name, event = self.world.spoken[-1 - index % len(self.world.spoken)]
            self.world.repeat(name, event)

    @rule(kind=st.sampled_from(LOSABLE))
    def lose_word(self, kind: type[Any]) -> None:
        self.world.losing = {kind}

    @rule()
    def lose_nothing(self) -> None:
        self.world.losing = set()

    @rule(relay=relays)
    def relay_dies(self, relay: str) -> None:
        if relay not in self.world.down:
            self.world.drop_relay(relay)

    @rule(relay=relays, rises=st.booleans())
    def relay_dies_unseen(self, relay: str, rises: bool) -> None:
        """While the database is away; it may be back before the relay or after it."""
        if relay in self.world.down:
            return
        self.world.database.away = True
        self.world.drop_relay(relay)
        self.world.settle()
        if rises:
            self.world.raise_relay(relay)
            self.world.settle()
        self.world.database.away = False

    @rule(relay=relays)
    def relay_rises(self, relay: str) -> None:
        if relay in self.world.down:
            self.world.raise_relay(relay)

    # Faults, operators and time.

    @rule(away=faults, delay_s=st.sampled_from((0.0, 0.0, 0.2, 6.0)))
    def change_database(self, away: bool, delay_s: float) -> None:
        self.world.database.away = away
        self.world.database.delay_s = delay_s

    @rule(delay_s=st.sampled_from((0.0, 0.1, 1.5)), full=faults)
    def change_link(self, delay_s: float, full: bool) -> None:
        self.world.link.delay_s, self.world.link.full = delay_s, full

    @rule()
    def repair(self) -> None:
        """So that something can go wrong again."""
        world = self.world
        world.losing = set()
        world.database.away, world.database.delay_s = False, 0.0
        world.link.delay_s, world.link.full = 0.0, False
        for name in sorted(world.down):
            world.raise_relay(name)
        world.settle()

    @precondition(lambda self: not self.world.database.away)
    @rule(stream=streams)
    def operator_stops(self, stream: str) -> None:
        self.world.end_stream(stream)

    @rule(turns=st.integers(1, 12))
    def turn(self, turns: int) -> None:
        self.world.loop.turn(turns)

    @rule()
    def settle(self) -> None:
        self.world.settle()

    @rule(seconds=st.sampled_from((0.1, 1.0, 2.5, 8.0)))
    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    # What must hold.

    @invariant()
    def nothing_is_a_bug(self) -> None:
        failed = [line for line in self.world.records.lines if line.exc_info]
        assert not failed, logging.Formatter().format(failed[0])

    @precondition(lambda self: self.calms < 2)
    @rule()
    def calm_down(self) -> None:
        """The faults are over; a minute later everybody agrees."""
        self.calms += 1
        self.repair()
        world = self.world
        world.pass_time(CALM_S)
        self.nothing_is_a_bug()
        self._rows_are_of_sockets()
        self._relays_know_the_same()
        self._peers_know_each_other()
        self._groups_are_of_sockets()
        assert _left(world) == 0

    def everybody_leaves(self) -> None:
        world = self.world
        for socket in world.open_sockets():
            socket.hang_up()
        self.calm_down()
        assert not world.open_sockets()
        assert world.rows() == []
        assert not Broadcast.objects.exists()
        assert self._known_to_relays() == set()
        assert world.layer.groups == {}
        assert world.loop.timers() == []
        assert world.strays() == []
        assert registry.count() == 0
        assert len(world.records.lines) < MAX_LINES

    def _rows_are_of_sockets(self) -> None:
        rows = sorted((row.pk, row.role, row.channel) for row in self.world.rows())
        kept = []
        for socket in self.world.open_sockets():
            session = socket.session
            for attempt in session.attempts():
                assert attempt.is_live
                assert attempt.timer is None
                kept.append((attempt.session, attempt.role.value, socket.channel))
            kept += [
                (s.session, "peer", socket.channel) for s in session.seats.values()
            ]
            kept += [
                (member.session, "participant", socket.channel)
                for member in session.rooms.values()
            ]
        assert rows == sorted(kept)

    def _relays_know_the_same(self) -> None:
        kept = {
            (attempt.relay, attempt.session)
            for socket in self.world.open_sockets()
            for attempt in socket.session.attempts()
        }
        assert self._known_to_relays() <= kept

    def _known_to_relays(self) -> set[tuple[str, str]]:
        link = self.world.link
        return {
            (name, session)
            for name, relay in link.relays_by_name.items()
            for session in relay.sessions
            if session not in link.unheard
        }

    def _peers_know_each_other(self) -> None:
        seats = {
            seat.session: seat
            for socket in self.world.open_sockets()
            for seat in socket.session.seats.values()
        }
        for stream in STREAMS:
            there = [seat for seat in seats.values() if seat.stream_id == stream]
            pairs = sorted((seat.session, seat.other_session) for seat in there)
            if len(there) == 2:
                one, other = there
                assert pairs == sorted(
                    [(one.session, other.session), (other.session, one.session)]
                )
            else:
                assert all(not seat.other_session for seat in there)

    def _groups_are_of_sockets(self) -> None:
        members = sum(len(group) for group in self.world.layer.groups.values())
        kept = sum(
            len(socket.session.waiting) + len(socket.session.rooms)
            for socket in self.world.open_sockets()
        )
        assert members == kept


def _left(world: World) -> int:
    retries = store._Holder.retries
    return (
        0 if retries is None or store._Holder.loop is not world.loop else len(retries)
    )


def test_disorder_ends_in_order(db: None, settings: Any) -> None:
    settings.CPU_LIMIT = 100
    run_state_machine_as_test(Disorder, settings=search(70, 40))
