"""Sockets, their rows and their relays against a model, one thing after the other.

After every step each socket has been told what the model says and nothing else,
and rows, relays, groups and timers are those of the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relay import control
from streams.models import Broadcast
from tests.stateful.model import Publisher, gist
from tests.stateful.search import search
from tests.stateful.steps import Steps
from tests.stateful.world import RELAYS

MAX_SOCKETS = 4
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
_PROBLEMS = {
    control.EncoderProblem.NO_SETTINGS: "no_encoder_settings",
    control.EncoderProblem.NOT_OPENED: "encoderNotOpened",
    control.EncoderProblem.BLOCKED: "encoderBlocked",
}
# Said again they change or say something again.
_SAID_EACH_TIME = (
    control.Started,
    control.Silence,
    control.RenditionChanged,
    control.EncoderFailed,
)


class Sockets(Steps):
    def teardown(self) -> None:
        try:
            for socket in self.world.open_sockets():
                self.leave(socket)
            self.wait()
            assert self.world.rows() == []
            assert self.world.strays() == []
            assert self.world.loop.timers() == []
        finally:
            self.world.end()

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

    @rule(index=indexes, silent=st.booleans())
    def relay_listens(self, index: int, silent: bool) -> None:
        self.listen(index, silent)

    def listen(self, index: int, silent: bool) -> Publisher | None:
        """Whom it told of, where that is one of the model's."""
        chosen = self.relay_session(index, lambda s: s.publishes and not s.parked)
        if chosen is None:
            return None
        name, found = chosen
        about = self.said_about(found)
        if isinstance(about, Publisher):
            about.silent = silent
        event = control.Silence(found.session, found.reply_to, silent)
        self.step(lambda: self.world.relay(name).say(event))
        return about if isinstance(about, Publisher) else None

    @rule(
        index=indexes,
        problem=st.sampled_from(control.EncoderProblem),
        height=st.sampled_from((240, 720)),
    )
    def relay_switches(
        self, index: int, problem: control.EncoderProblem, height: int
    ) -> None:
        """A viewer gets another rendition; a publisher's ladder breaks down."""
        chosen = self.relay_session(index, lambda s: not s.parked)
        if chosen is None:
            return
        name, found = chosen
        about = self.said_about(found)
        ends = found.session, found.reply_to
        event: control.SessionEvent
        if found.publishes:
            event = control.EncoderFailed(*ends, problem)
            line = f"error {_PROBLEMS[problem]}"
        else:
            event = control.RenditionChanged(*ends, found.stream, height)
            line = "resolutionChangeInfo"
        if about is not None:
            self.model.hear(about.socket, f"{line} {about.stream}")
        self.step(lambda: self.world.relay(name).say(event))

    @rule(index=indexes, stream=streams, height=st.sampled_from((0, 240)))
    def force_quality(self, index: int, stream: str, height: int) -> None:
        command = "forceStreamQuality"
        self.ask(index, lambda _: None, command, stream, streamHeight=height)

    @rule(index=st.integers(0, 12))
    def relay_repeats(self, index: int) -> None:
        """What was said once is not said again."""
        if self.world.spoken:
            name, event = self.world.spoken[-1 - index % len(self.world.spoken)]
            if not isinstance(event, _SAID_EACH_TIME):
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
        self.wait()

    # Several at once, for there is much to do before anything can go wrong.

    @rule(index=indexes, stream=streams)
    def go_live(self, index: int, stream: str) -> None:
        self.publish(index, stream)
        self.describe(index, "offer", stream)
        self.relay_describes(0)
        self.relay_starts(0)

    @rule(index=indexes, stream=streams)
    def retry(self, index: int, stream: str) -> None:
        """As the SDK does where the network was away."""
        self.go_live(index, stream)
        silent = self.listen(index, True)
        if silent is None:
            return
        names = [socket.name for socket in self.world.open_sockets()]
        if silent.socket in names:
            own = names.index(silent.socket)
            self.stop(own, silent.stream)
            self.publish(own, silent.stream)

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
