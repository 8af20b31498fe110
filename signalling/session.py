"""What one socket has going on: its attempts to publish or play, and its waits.

An attempt is one try at one stream. Its id is never reused, so whatever a relay
still says about an abandoned attempt finds nothing here and is dropped: messages
carry no attempt id on the wire, and a late answer would hit the client's next
peer connection (contract 5.2, T46).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from relay.control import Distribution, EncoderSetting
from signalling.errors import SignallingError
from signalling.limits import MAX_SESSIONS
from signalling.phases import LIVE_PHASES, Step, transitions_of
from signalling.phases import Phase as Phase
from signalling.phases import Role as Role
from signalling.protocol import ErrorDefinition


@dataclass(slots=True, eq=False)
class Attempt:
    """One try of this socket to publish or play one stream."""

    session: str  # 32 hex digits, never reused
    role: Role
    stream_id: str
    relay: str
    start_timeout_ms: int
    subscriber_id: str = ""
    link_session: str = ""
    announced: bool = False  # the other members of its room know of it
    room: str = ""  # that a publisher is in, or a viewer plays, or plays from
    is_room: bool = False  # what is played is the room itself
    own_streams: frozenset[str] = frozenset()  # of a room's viewer: not sent to it
    subscriber_name: str = ""
    tracks_disabled: bool = False
    return_window_ms: int = 0
    phase: Phase = Phase.PREPARING
    silent: bool = False  # its network is gone: nothing of it has come for some seconds
    ended_at: float | None = None  # time.monotonic(), once nothing is said any more
    timer: asyncio.TimerHandle | None = None

    def take_offer(self) -> bool:
        """Whether the client's offer is expected now; only the first one is."""
        return self._take(Step.CLIENT_OFFERS)

    def give_answer(self) -> bool:
        """Whether the relay's answer may go to the publisher; only the first may."""
        return self._take(Step.RELAY_ANSWERS)

    def make_offer(self) -> bool:
        """Whether our offer may go to the viewer.

        The first one may; to a viewer of a room others too, each once the one before
        is answered (contract T38).
        """
        return self._take(Step.RELAY_OFFERS)

    def take_answer(self) -> bool:
        """Whether the viewer's answer is expected now: one to each offer is."""
        return self._take(Step.CLIENT_ANSWERS)

    def go_live(self) -> bool:
        """Whether it was not live before. Its start timer is over."""
        self.cancel_timer()
        return self._take(Step.MEDIA_FLOWS)

    @property
    def is_live(self) -> bool:
        return self.phase in LIVE_PHASES

    @property
    def can_wait(self) -> bool:
        """Whether its stream stays for a return when its connection is lost."""
        return False

    @property
    def is_awaited(self) -> bool:
        """Whether its relay keeps the stream for it, under its earlier session."""
        return False

    def relay_track(self, track_id: str) -> str:
        """What relays call the track that a viewer names so; "" = all of a room."""
        if not self.is_room:
            return track_id or self.stream_id
        return "" if track_id == self.stream_id else track_id

    def cancel_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _take(self, step: Step) -> bool:
        """Whether `step` is expected now; then it is done."""
        table = transitions_of(self.role, is_room=self.is_room)
        after = table.get((self.phase, step))
        if after is None:
            return False
        self.phase = after
        return True


@dataclass(slots=True, eq=False)
class PublishAttempt(Attempt):
    """What its offer needs besides."""

    restored: bool = False
    participant_role: str = "default"
    video_codecs: tuple[str, ...] = ()
    data_channels: bool = True
    distribution: Distribution = Distribution.ALL
    max_bitrate_bps: int = 0
    video: bool = True
    audio: bool = True
    encoder_settings: tuple[EncoderSetting, ...] = ()
    tcp_candidates: bool = True

    @property
    def can_wait(self) -> bool:
        # One that had come back to waiting viewers still has them.
        return self.is_live or self.restored

    @property
    def is_awaited(self) -> bool:
        return self.restored and self.phase is Phase.PREPARING


@dataclass(slots=True, eq=False)
class Membership:
    """This socket is in a room, and may publish there under one id."""

    session: str
    room: str
    stream_id: str


@dataclass(slots=True, eq=False)
class Seat:
    """This socket's place in a peer-to-peer room, and the other's, once there is one.

    Every join has a session of its own: what is still on its way from or for an
    earlier one finds nothing.
    """

    session: str
    stream_id: str
    other_session: str = ""
    other_channel: str = ""


@dataclass(slots=True, eq=False)
class Asking:
    """A command that waits for the operator's webhook. It has no row yet."""

    role: Role
    stream_id: str
    task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


@dataclass(slots=True, eq=False)
class SocketSession:
    """The state of one socket. It does no I/O."""

    application: str
    legacy: bool
    remote_ip: str
    user_agent: str
    query: str = ""
    origin: str = ""
    waiting: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    rooms: dict[str, Membership] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)  # by room
    _asking: dict[tuple[Role, str], Asking] = field(default_factory=dict)
    _by_session: dict[str, Attempt] = field(default_factory=dict)
    _by_stream: dict[tuple[Role, str], Attempt] = field(default_factory=dict)
    _lost: dict[tuple[Role, str], Attempt] = field(default_factory=dict)

    def check_room(self, stream_id: str) -> None:
        """Raises SignallingError: this socket has all the attempts it may."""
        going_on = len(self._by_session) + len(self._asking)
        going_on += len(self.seats) + len(self.rooms)
        if going_on >= MAX_SESSIONS:
            raise SignallingError(ErrorDefinition.HIGH_RESOURCE_USAGE, stream_id)

    def join_room(self, membership: Membership) -> list[Membership]:
        """Keep `membership`; what it replaces is returned."""
        replaced = [
            other
            for other in self.rooms.values()
            if membership.room == other.room or membership.stream_id == other.stream_id
        ]
        for other in replaced:
            del self.rooms[other.room]
        self.rooms[membership.room] = membership
        return replaced

    def room_of(self, stream_id: str) -> str:
        """The room that this socket has joined with that id; "" without one."""
        found = (m.room for m in self.rooms.values() if m.stream_id == stream_id)
        return next(found, "")

    def find_membership(self, session: str) -> Membership | None:
        found = (m for m in self.rooms.values() if m.session == session)
        return next(found, None)

    def take_room(self, room: str) -> list[Attempt]:
        """The attempts of one room, forgotten; the lost ones too, as by `stop`."""
        found = [attempt for attempt in self.attempts() if attempt.room == room]
        for attempt in found:
            self.forget(attempt)
        lost = [key for key, attempt in self._lost.items() if attempt.room == room]
        return found + [self._lost.pop(key) for key in lost]

    def room_plays(self) -> list[Attempt]:
        """The rooms that this socket plays as such."""
        return [attempt for attempt in self.attempts() if attempt.is_room]

    def published_in(self, room: str) -> frozenset[str]:
        """What this socket publishes in a room, or prepares to."""
        return frozenset(
            attempt.stream_id
            for attempt in self.attempts()
            if attempt.role is Role.PUBLISH and attempt.room == room
        )

    def find_seat(self, session: str) -> Seat | None:
        found = (seat for seat in self.seats.values() if seat.session == session)
        return next(found, None)

    def take_seats(self, stream_id: str) -> list[Seat]:
        """The seat in one room, or all of them for "" (2017 `leave`); once."""
        rooms = list(self.seats) if not stream_id else [stream_id]
        return [self.seats.pop(room) for room in rooms if room in self.seats]

    def ask(self, asking: Asking) -> None:
        """Keep what is being asked; an older one of the same command is given up."""
        older = self._asking.pop((asking.role, asking.stream_id), None)
        if older is not None:
            older.cancel()
        self._asking[asking.role, asking.stream_id] = asking

    def take_asked(self, asking: Asking) -> bool:
        """Whether the command still waits for this answer; once."""
        key = (asking.role, asking.stream_id)
        if self._asking.get(key) is not asking:
            return False
        del self._asking[key]
        return True

    def stop_asking(self, stream_id: str) -> None:
        """Commands of one stream, or all of them for "", are given up."""
        for key, asking in list(self._asking.items()):
            if not stream_id or key[1] == stream_id:
                del self._asking[key]
                asking.cancel()

    def add(self, attempt: Attempt) -> Attempt | None:
        """Keep `attempt`; the older one of the same stream and role is returned."""
        older = self.find(attempt.role, attempt.stream_id)
        if older is not None:
            self.forget(older)
        self._lost.pop((attempt.role, attempt.stream_id), None)
        self._by_session[attempt.session] = attempt
        self._by_stream[attempt.role, attempt.stream_id] = attempt
        return older

    def forget(self, attempt: Attempt) -> None:
        """Nothing about `attempt` is said any more; idempotent."""
        attempt.cancel_timer()
        if attempt.ended_at is None:
            attempt.ended_at = time.monotonic()
        self._by_session.pop(attempt.session, None)
        if self.find(attempt.role, attempt.stream_id) is attempt:
            del self._by_stream[attempt.role, attempt.stream_id]

    def lose(self, attempt: Attempt) -> None:
        """Forget `attempt`, except for a `stop` that may still come for it.

        The SDK closes its peer connection before it sends `stop`, and the DTLS
        goodbye is often here first.
        """
        self.forget(attempt)
        while len(self._lost) >= MAX_SESSIONS:
            del self._lost[next(iter(self._lost))]
        self._lost[attempt.role, attempt.stream_id] = attempt

    def take_lost(self, stream_id: str) -> list[Attempt]:
        """The lost attempts of one stream, or all of them for ""; once."""
        found = [key for key in self._lost if not stream_id or key[1] == stream_id]
        return [self._lost.pop(key) for key in found]

    def get(self, session: str) -> Attempt | None:
        return self._by_session.get(session)

    def find(self, role: Role, stream_id: str) -> Attempt | None:
        return self._by_stream.get((role, stream_id))

    def of_stream(self, stream_id: str) -> list[Attempt]:
        """The attempts of one stream, or all of them for "" (2017 `stop`)."""
        if not stream_id:
            return self.attempts()
        found: Iterable[Attempt | None] = (self.find(role, stream_id) for role in Role)
        return [attempt for attempt in found if attempt is not None]

    def attempts(self) -> list[Attempt]:
        return list(self._by_session.values())

    def clear(self) -> list[Attempt]:
        """Forget everything; what there was is returned, once."""
        attempts = self.attempts()
        for attempt in attempts:
            self.forget(attempt)
        self._lost.clear()
        self.stop_asking("")
        for timer in self.waiting.values():
            timer.cancel()
        return attempts
