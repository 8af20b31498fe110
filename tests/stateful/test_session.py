"""What a socket keeps of its attempts, seats, rooms and questions, against a model.

The model is plain dictionaries. No I/O, so that many thousand steps are tried.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from signalling.errors import SignallingError
from signalling.limits import MAX_SESSIONS
from signalling.phases import Phase, Role, Step, transitions_of
from signalling.session import (
    Asking,
    Attempt,
    Membership,
    PublishAttempt,
    Seat,
    SocketSession,
)
from tests.stateful.search import search

STREAMS = ("s1", "s2", "s3")
ROOMS = ("r1", "r2")
STEPS = {
    "take_offer": Step.CLIENT_OFFERS,
    "give_answer": Step.RELAY_ANSWERS,
    "make_offer": Step.RELAY_OFFERS,
    "take_answer": Step.CLIENT_ANSWERS,
    "go_live": Step.MEDIA_FLOWS,
}

streams = st.sampled_from(STREAMS)
any_streams = st.sampled_from(("", *STREAMS))
rooms = st.sampled_from(ROOMS)
roles = st.sampled_from(Role)


class Timer:
    """Counts its cancellations."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class Kept:
    """What the model knows of one attempt."""

    attempt: Attempt
    timer: Timer = field(default_factory=Timer)
    phase: Phase = Phase.PREPARING


class SessionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.session = SocketSession("LiveApp", False, "192.0.2.1", "a browser")
        self.numbers = itertools.count(1)
        self.kept: dict[tuple[Role, str], Kept] = {}
        self.lost: dict[tuple[Role, str], Attempt] = {}
        self.gone: list[Kept] = []
        self.rooms: dict[str, Membership] = {}
        self.seats: dict[str, Seat] = {}
        self.asking: dict[tuple[Role, str], tuple[Asking, Timer]] = {}
        self.given_up: list[tuple[Asking, Timer]] = []

    def name(self) -> str:
        return f"{next(self.numbers):032x}"

    # Attempts.

    @rule(
        role=roles,
        stream=streams,
        room=st.sampled_from(("", *ROOMS)),
        is_room=st.booleans(),
    )
    def begin(self, role: Role, stream: str, room: str, is_room: bool) -> None:
        kind = PublishAttempt if role is Role.PUBLISH else Attempt
        about = self.name(), role, stream, "relay-1", 5000
        attempt = kind(*about, room=room, is_room=is_room)
        kept = Kept(attempt)
        attempt.timer = kept.timer  # type: ignore[assignment]  # all that it needs
        older = self.kept.pop((role, stream), None)
        returned = self.session.add(attempt)
        assert returned is (older.attempt if older else None)
        if older is not None:
            self.gone.append(older)
        self.kept[role, stream] = kept
        self.lost.pop((role, stream), None)

    @rule(role=roles, stream=streams)
    def forget(self, role: Role, stream: str) -> None:
        kept = self.kept.pop((role, stream), None)
        if kept is not None:
            self.session.forget(kept.attempt)
            self.session.forget(kept.attempt)  # again does nothing
            self.gone.append(kept)

    @rule(index=st.integers(0, 20))
    def forget_one_that_is_gone(self, index: int) -> None:
        if self.gone:
            self.session.forget(self.gone[index % len(self.gone)].attempt)

    @rule(role=roles, stream=streams)
    def lose(self, role: Role, stream: str) -> None:
        kept = self.kept.pop((role, stream), None)
        if kept is not None:
            self.session.lose(kept.attempt)
            self.lost[role, stream] = kept.attempt
            self.gone.append(kept)

    @rule(stream=any_streams)
    def stop(self, stream: str) -> None:
        found = self.session.of_stream(stream)
        expected = [k for k in self.kept if not stream or k[1] == stream]
        assert {a.session for a in found} == {
            self.kept[key].attempt.session for key in expected
        }
        for attempt in found:
            self.session.forget(attempt)
        self.gone += [self.kept.pop(key) for key in expected]
        lost = [key for key in self.lost if not stream or key[1] == stream]
        taken = self.session.take_lost(stream)
        assert set(map(id, taken)) == {id(self.lost.pop(key)) for key in lost}

    @rule(role=roles, stream=streams, step=st.sampled_from(sorted(STEPS)))
    def step(self, role: Role, stream: str, step: str) -> None:
        kept = self.kept.get((role, stream))
        if kept is None:
            return
        table = transitions_of(role, is_room=kept.attempt.is_room)
        after = table.get((kept.phase, STEPS[step]))
        assert getattr(kept.attempt, step)() is (after is not None)
        kept.phase = after or kept.phase
        if step == "go_live":
            kept.timer.cancelled = True  # whether it was or not

    # Rooms, seats, questions.

    @rule(room=rooms, stream=streams)
    def join_room(self, room: str, stream: str) -> None:
        membership = Membership(self.name(), room, stream)
        replaced = [
            other
            for other in self.rooms.values()
            if other.room == room or other.stream_id == stream
        ]
        assert self.session.join_room(membership) == replaced
        for other in replaced:
            del self.rooms[other.room]
        self.rooms[room] = membership

    @rule(room=rooms)
    def leave_room(self, room: str) -> None:
        """As `leaveFromRoom`: what was published and played there is over."""
        self.rooms.pop(room, None)
        self.session.rooms.pop(room, None)
        expected = [key for key, kept in self.kept.items() if kept.attempt.room == room]
        lost = [key for key, attempt in self.lost.items() if attempt.room == room]
        ended = {self.kept[key].attempt.session for key in expected}
        ended |= {self.lost[key].session for key in lost}
        assert {a.session for a in self.session.take_room(room)} == ended
        self.gone += [self.kept.pop(key) for key in expected]
        for key in lost:
            del self.lost[key]

    @rule(room=streams)
    def sit_down(self, room: str) -> None:
        self.seats[room] = self.session.seats[room] = Seat(self.name(), room)

    @rule(room=any_streams)
    def stand_up(self, room: str) -> None:
        expected = [key for key in self.seats if not room or key == room]
        taken = self.session.take_seats(room)
        assert taken == [self.seats.pop(key) for key in expected]

    @rule(role=roles, stream=streams)
    def ask(self, role: Role, stream: str) -> None:
        asking, task = Asking(role, stream), Timer()
        asking.task = task  # type: ignore[assignment]  # all that it needs
        older = self.asking.pop((role, stream), None)
        self.session.ask(asking)
        if older is not None:
            self.given_up.append(older)
        self.asking[role, stream] = asking, task

    @rule(role=roles, stream=streams)
    def answer(self, role: Role, stream: str) -> None:
        found = self.asking.pop((role, stream), None)
        if found is not None:
            assert self.session.take_asked(found[0])
            assert not self.session.take_asked(found[0])

    @rule(index=st.integers(0, 20))
    def answer_late(self, index: int) -> None:
        if self.given_up:
            asking, _ = self.given_up[index % len(self.given_up)]
            assert not self.session.take_asked(asking)

    @rule(stream=any_streams)
    def stop_asking(self, stream: str) -> None:
        self.session.stop_asking(stream)
        for key in [k for k in self.asking if not stream or k[1] == stream]:
            self.given_up.append(self.asking.pop(key))

    # What must hold.

    @invariant()
    def attempts_are_those_kept(self) -> None:
        assert {a.session for a in self.session.attempts()} == {
            kept.attempt.session for kept in self.kept.values()
        }
        for (role, stream), kept in self.kept.items():
            assert self.session.find(role, stream) is kept.attempt
            assert self.session.get(kept.attempt.session) is kept.attempt
            assert kept.attempt.phase is kept.phase
            assert kept.attempt.timer is None or kept.timer.cancelled is False

    @invariant()
    def nothing_is_said_of_those_gone(self) -> None:
        for kept in self.gone:
            assert self.session.get(kept.attempt.session) is None
            assert kept.timer.cancelled

    @invariant()
    def the_rest_is_as_kept(self) -> None:
        assert self.session.rooms == self.rooms
        assert self.session.seats == self.seats
        assert all(task.cancelled for _, task in self.given_up)
        assert not any(task.cancelled for _, task in self.asking.values())
        for seat in self.seats.values():
            assert self.session.find_seat(seat.session) is seat

    @invariant()
    def it_is_bounded(self) -> None:
        going_on = len(self.kept) + len(self.asking) + len(self.seats) + len(self.rooms)
        if going_on >= MAX_SESSIONS:
            with pytest.raises(SignallingError):
                self.session.check_room("s1")
        else:
            self.session.check_room("s1")

    def teardown(self) -> None:
        """The socket is gone."""
        kept = {entry.attempt.session for entry in self.kept.values()}
        assert {attempt.session for attempt in self.session.clear()} == kept
        assert self.session.clear() == []
        assert all(entry.timer.cancelled for entry in self.kept.values())
        assert all(task.cancelled for _, task in self.asking.values())
        assert self.session.take_lost("") == []


def test_a_session_keeps_what_its_socket_has_going_on() -> None:
    run_state_machine_as_test(SessionMachine, settings=search(150, 60))


def test_the_machine_notices_a_timer_that_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That the test above can fail."""

    def forget(self: SocketSession, attempt: Any) -> None:
        self._by_session.pop(attempt.session, None)
        self._by_stream.pop((attempt.role, attempt.stream_id), None)

    monkeypatch.setattr(SocketSession, "forget", forget)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(SessionMachine, settings=search(150, 60))
