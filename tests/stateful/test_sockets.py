"""Sockets, their rows and their relays against a model, one thing after the other.

After every step each socket has been told what the model says and nothing else,
and rows, relays, groups and timers are those of the model.
"""

from __future__ import annotations

from collections.abc import Callable
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
from streams.models import Broadcast
from tests.stateful.fake_relay import RelaySession
from tests.stateful.model import Model, Publisher, Viewer, gist
from tests.stateful.search import search
from tests.stateful.world import RELAYS, Socket, World

MAX_SOCKETS = 4
LONG_S = 24.0  # longer than any attempt or parked stream lasts
STREAMS = ("s1", "s2")
ROOMS = ("hall", "lounge")

indexes = st.integers(0, 7)
streams = st.sampled_from(STREAMS)
rooms = st.sampled_from(ROOMS)
relays = st.sampled_from(RELAYS)

_FAILURES = {
    control.Failure.REMOTE_DESCRIPTION: "notSetRemoteDescription",
    control.Failure.LOCAL_DESCRIPTION: "notSetLocalDescription",
    control.Failure.OVERLOADED: "highResourceUsage",
}


class Sockets(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.settle()
        self.model = Model(RELAYS)
        self.sessions: dict[str, tuple[str, str, str]] = {}
        self.looked_at = 0  # of what relays have said

    def teardown(self) -> None:
        try:
            for socket in self.world.open_sockets():
                self.leave(socket)
            self.pass_time()
            assert self.world.rows() == []
            assert self.world.strays() == []
            assert self.world.loop.timers() == []
        finally:
            self.world.end()

    # Steps.

    def step(self, happen: Callable[[], object]) -> None:
        """It happens, in the model already, and so does all that follows from it."""
        self.sessions |= {
            row.pk: (row.role, row.stream_id, self.name_of(row.channel))
            for row in self.world.rows()
        }
        happen()
        self.world.settle()
        while self.looked_at < len(self.world.spoken):
            _, event = self.world.spoken[self.looked_at]
            self.looked_at += 1
            self.follow(event)

    def follow(self, event: control.Event) -> None:
        """What a relay has said of itself in this step."""
        if isinstance(event, control.Closed):
            _, stream, socket = self.sessions.get(event.session, ("", "", ""))
            viewer = self.model.viewers.get((socket, stream))
            if viewer and event.reason is control.CloseReason.STREAM_ENDED:
                self.model.end_viewer(viewer, f"play_finished {stream}")
        elif isinstance(event, control.Failed) and event.session not in self.sessions:
            self.follow_failure(event)

    def follow_failure(self, event: control.Failed) -> None:
        """A relay that does not know the stream any more."""
        for viewer in list(self.model.viewers.values()):
            found = self.find(viewer.socket).session.get(event.session)
            if found is None and viewer.phase == "preparing":
                attempts = self.find(viewer.socket).session.attempts()
                if viewer.stream not in [a.stream_id for a in attempts]:
                    self.model.end_viewer(viewer)
                    self.model.find_no_stream(viewer.socket, viewer.stream)

    def name_of(self, channel: str) -> str:
        names = {s.channel: s.name for s in self.world.open_sockets() if s.channel}
        return names.get(channel, "")

    def find(self, name: str) -> Socket:
        return next(s for s in self.world.sockets if s.name == name)

    def pick(self, index: int) -> Socket | None:
        sockets = self.world.open_sockets()
        return sockets[index % len(sockets)] if sockets else None

    def ask(
        self,
        index: int,
        expect: Callable[..., object],
        command: str,
        stream: str | None,
        *about: str,
        **rest: Any,
    ) -> None:
        socket = self.pick(index)
        if socket is not None:
            expect(socket.name, *about)
            self.step(lambda: socket.say(command, stream, **rest))

    # Clients.

    @precondition(lambda self: len(self.world.open_sockets()) < MAX_SOCKETS)
    @rule()
    def open(self) -> None:
        name = f"socket {len(self.world.sockets)}"
        self.step(lambda: self.world.open(name))

    @rule(index=indexes)
    def hang_up(self, index: int) -> None:
        socket = self.pick(index)
        if socket is not None:
            self.leave(socket)

    def leave(self, socket: Socket) -> None:
        self.model.hang_up(socket.name)
        self.step(socket.hang_up)
        assert not socket.is_open

    @rule(index=indexes, stream=streams)
    def publish(self, index: int, stream: str) -> None:
        self.ask(index, self.model.publish, "publish", stream, stream)

    @rule(index=indexes, stream=streams)
    def play(self, index: int, stream: str) -> None:
        self.ask(index, self.model.play, "play", stream, stream)

    @rule(index=indexes, stream=streams)
    def stop(self, index: int, stream: str) -> None:
        self.ask(index, self.model.stop, "stop", stream, stream)

    @rule(index=indexes, kind=st.sampled_from(("offer", "answer")), stream=streams)
    def describe(self, index: int, kind: str, stream: str) -> None:
        self.ask(
            index,
            self.model.describe,
            "takeConfiguration",
            stream,
            kind,
            stream,
            type=kind,
            sdp="v=0",
        )

    @rule(index=indexes, stream=streams)
    def candidate(self, index: int, stream: str) -> None:
        socket = self.pick(index)
        if socket is None:
            return
        if self.model.peer(socket.name, stream) is not None:
            self.model.tell_peer(socket.name, stream, f"takeCandidate {stream}")
        self.step(lambda: socket.say("takeCandidate", stream, candidate=""))

    @rule(index=indexes, stream=streams)
    def join(self, index: int, stream: str) -> None:
        self.ask(index, self.model.join, "join", stream, stream)

    @rule(index=indexes, stream=streams)
    def leave_peer(self, index: int, stream: str) -> None:
        self.ask(index, self.model.leave, "leave", stream, stream)

    @rule(index=indexes, stream=streams)
    def tell_peer(self, index: int, stream: str) -> None:
        line = f"peerMessageCommand {stream}"
        self.ask(
            index, self.model.tell_peer, "peerMessageCommand", stream, stream, line
        )

    @rule(index=indexes, room=rooms, stream=streams)
    def join_room(self, index: int, room: str, stream: str) -> None:
        expect = self.model.join_room
        self.ask(index, expect, "joinRoom", stream, room, stream, room=room)

    @rule(index=indexes, room=rooms, stream=streams)
    def leave_room(self, index: int, room: str, stream: str) -> None:
        expect = self.model.leave_room
        self.ask(index, expect, "leaveFromRoom", stream, room, room=room)

    @rule(index=indexes, room=rooms, stream=streams)
    def room_info(self, index: int, room: str, stream: str) -> None:
        expect = self.model.room_info
        self.ask(index, expect, "getRoomInfo", stream, room, stream, room=room)

    # Relays.

    def said_about(self, found: RelaySession) -> Publisher | Viewer | None:
        """Whose session of a relay it is; nobody's any more, perhaps."""
        for row in self.world.rows():
            if row.pk == found.session and row.role == "publish":
                return self.model.publishers.get(row.stream_id)
            if row.pk == found.session:
                socket = self.name_of(row.channel)
                return self.model.viewers.get((socket, row.stream_id))
        return None

    def relay_session(
        self, index: int, fits: Callable[[RelaySession], bool]
    ) -> tuple[str, RelaySession] | None:
        found = [
            (name, session)
            for name, relay in self.world.link.relays_by_name.items()
            for session in relay.sessions.values()
            if fits(session)
        ]
        return found[index % len(found)] if found else None

    @rule(index=indexes)
    def relay_describes(self, index: int) -> None:
        chosen = self.relay_session(index, lambda s: not s.described and not s.parked)
        if chosen is None:
            return
        name, found = chosen
        about = self.said_about(found)
        if isinstance(about, Publisher):
            self.model.hear(
                about.socket, f"answer {about.stream}", f"takeCandidate {about.stream}"
            )
        elif about is not None:
            about.phase = "offered"
            self.model.hear(
                about.socket, f"offer {about.stream}", f"takeCandidate {about.stream}"
            )
        self.step(lambda: self.world.relay(name).describe(found))

    @rule(index=indexes)
    def relay_starts(self, index: int) -> None:
        chosen = self.relay_session(
            index, lambda s: s.answered and s.described and not s.live and not s.parked
        )
        if chosen is None:
            return
        name, found = chosen
        about = self.said_about(found)
        if isinstance(about, Publisher):
            self.model.published(about)
        elif about is not None:
            self.model.played(about)
        self.step(lambda: self.world.relay(name).start(found))

    @rule(index=indexes, failure=st.sampled_from(sorted(_FAILURES)))
    def relay_fails(self, index: int, failure: control.Failure) -> None:
        chosen = self.relay_session(index, lambda s: not s.live and not s.parked)
        if chosen is None:
            return
        name, found = chosen
        about = self.said_about(found)
        if about is not None:
            line = f"error {_FAILURES[failure]} {about.stream}"
            self.end(about, line)
        self.step(lambda: self.world.relay(name).fail(found, failure))

    def end(self, about: Publisher | Viewer, *lines: str) -> None:
        if isinstance(about, Publisher):
            self.model.end_publisher(about, *lines)
        else:
            self.model.end_viewer(about, *lines)

    @rule(index=indexes)
    def relay_loses(self, index: int) -> None:
        chosen = self.relay_session(index, lambda s: s.live and not s.parked)
        if chosen is None:
            return
        name, found = chosen
        about = self.said_about(found)
        if about is not None:
            self.model.lost.append((about.socket, about))
        if isinstance(about, Publisher):
            self.model.park(about)
        elif about is not None:
            self.model.end_viewer(about)
        self.step(lambda: self.world.relay(name).lose(found))

    @rule(index=st.integers(0, 12))
    def relay_repeats(self, index: int) -> None:
        """What was said once is not said again."""
        if self.world.spoken:
            name, event = self.world.spoken[-1 - index % len(self.world.spoken)]
            if not isinstance(event, control.Started):
                self.step(lambda: self.world.repeat(name, event))

    @rule(relay=relays)
    def relay_dies(self, relay: str) -> None:
        if relay in self.model.up:
            self.model.lose_relay(relay)
            self.step(lambda: self.world.drop_relay(relay))

    @rule(relay=relays)
    def relay_rises(self, relay: str) -> None:
        if relay not in self.model.up:
            self.model.up.add(relay)
            self.step(lambda: self.world.raise_relay(relay))

    # Operators and time.

    @rule(stream=streams)
    def operator_stops(self, stream: str) -> None:
        self.model.operator_stops(stream)
        self.step(lambda: self.world.end_stream(stream))

    @rule()
    def pass_time(self) -> None:
        self.model.pass_time(LONG_S)
        self.step(lambda: self.world.pass_time(LONG_S))

    # Several at once, for there is much to do before anything can go wrong.

    @rule(index=indexes, stream=streams)
    def go_live(self, index: int, stream: str) -> None:
        self.publish(index, stream)
        self.describe(index, "offer", stream)
        self.relay_describes(0)
        self.relay_starts(0)

    @rule(index=indexes, stream=streams)
    def watch(self, index: int, stream: str) -> None:
        self.play(index, stream)
        self.relay_describes(0)
        self.describe(index, "answer", stream)
        self.relay_starts(0)

    # What must hold.

    @invariant()
    def everybody_heard_what_the_model_says(self) -> None:
        said = self.model.take_said()
        for socket in self.world.open_sockets():
            heard = [gist(message) for message in socket.take_heard()]
            assert sorted(heard) == sorted(said.pop(socket.name, [])), socket.name
        assert not any(said.values())

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        rows = [
            (row.role, row.stream_id, row.state, self.name_of(row.channel))
            for row in self.world.rows()
        ]
        assert sorted(rows) == self.model.rows()
        streams = set(Broadcast.objects.values_list("stream_id", flat=True))
        rooms = {p.room for p in self.model.publishers.values() if p.room}
        assert streams == rooms | self.model.publishers.keys()

    @invariant()
    def timers_and_groups_are_of_who_waits(self) -> None:
        model = self.model
        phases = [publisher.phase for publisher in model.publishers.values()]
        phases += [viewer.phase for viewer in model.viewers.values()]
        pending = [phase for phase in phases if phase not in ("live", "parked")]
        assert len(self.world.loop.timers()) == len(pending) + len(model.waiting)
        members = sum(len(group) for group in self.world.layer.groups.values())
        assert members == len(model.waiting) + len(model.members)

    @invariant()
    def relays_know_who_is_connected(self) -> None:
        known = {
            session.session
            for relay in self.world.link.relays_by_name.values()
            for session in relay.sessions.values()
            if not session.parked
        }
        rows = {row.pk: row for row in self.world.rows() if row.relay}
        assert known <= rows.keys()
        for row in rows.values():
            assert row.state != "live" or row.pk in known

    @invariant()
    def the_log_is_quiet(self) -> None:
        assert not [line for line in self.world.records.lines if line.exc_info]


def test_sockets_rows_and_relays_are_as_the_model_says(db: None, settings: Any) -> None:
    settings.CPU_LIMIT = 100
    run_state_machine_as_test(Sockets, settings=search(60, 40))
