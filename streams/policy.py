"""Who may publish and play now. Pure: facts in, nothing or a refusal out.

The one place that decides; WebSocket and REST both ask it. Each rule names a
refusal and when it holds; the first that holds wins, so the tables below are the
order of checks (contract 2.1). They are asked one after the other, role, access,
limits: what a later one needs is looked up only for who has passed the earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar


class Denial(StrEnum):
    """Why a command is refused. What the wire calls it is signalling's concern."""

    INVALID_STREAM_ID = "invalid_stream_id"  # no row can have such an id
    NOT_INITIALIZED = "not_initialized"  # no application, or no relay is up
    STORE_UNAVAILABLE = "store_unavailable"  # raised by services, not decided here
    SUSPENDED = "suspended"
    RESOURCES = "resources"
    PUBLISHER_LIMIT = "publisher_limit"
    NO_CODEC = "no_codec"
    ALREADY_PUBLISHING = "already_publishing"
    ID_IN_USE = "id_in_use"
    UNREGISTERED = "unregistered"
    NOT_ACTIVE = "not_active"
    ALREADY_PLAYING = "already_playing"
    NO_STREAM = "no_stream"
    UNREGISTERED_ROOM = "unregistered_room"
    ROOM_NOT_ACTIVE = "room_not_active"
    UNAUTHORIZED = "unauthorized"  # a token, JWT, hash or code is not good
    TOO_MANY_CONNECTIONS = "too_many_connections"  # of one subscriber
    NOT_APPROVED = "not_approved"  # the operator's webhook said no
    UNASKED = "unasked"  # the webhook has to be asked first; never leaves services
    BLOCKED = "blocked"
    ROOM_FULL = "room_full"
    ROOM_FAILED = "room_failed"  # the id it names is a stream, or no id at all
    NO_SEAT = "no_seat"  # two peers are connected already
    VIEWER_LIMIT = "viewer_limit"


class AccessDenied(Exception):
    """A refusal: a normal answer, not a fault."""

    def __init__(self, reason: Denial) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What both roles need to know of the server and the application."""

    ready: bool
    suspended: bool
    cpu_percent: float
    cpu_limit: float
    free_ram_mb: float
    min_free_ram_mb: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a registered stream may start (contract 7.1); 0 means unset."""

    planned_start_s: int = 0
    planned_end_s: int = 0
    registered_at_ms: int = 0
    expire_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """The room that a publisher enters or a viewer plays from."""

    registered: bool
    registration_required: bool
    schedule: Schedule = Schedule()


NO_ROOM = RoomFacts(registered=True, registration_required=False)


class Approval(StrEnum):
    """What the operator's webhook says to somebody."""

    UNNEEDED = "unneeded"  # there is no webhook
    UNASKED = "unasked"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What somebody presented, and what is known of them (contract 7.4)."""

    credentials_good: bool = True  # every check that is switched on passed
    connections: int = 0  # the subscriber's other sockets with this stream
    connection_limit: int | None = None
    approval: Approval = Approval.UNNEEDED
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """How many are there already; None: no limit, nobody counted."""

    room_publishers: int = 0
    room_limit: int | None = None
    room_unusable: bool = False  # what is named as the main track cannot be one
    stream_viewers: int = 0
    stream_limit: int | None = None
    application_viewers: int = 0
    application_limit: int | None = None


@dataclass(frozen=True, slots=True)
class PublishFacts:
    server: ServerFacts
    codec_enabled: bool
    published_by_this_socket: bool
    published_by_another: bool  # alive; a stream that waits for a return is free
    registered: bool  # an automatic broadcast does not count
    registration_required: bool
    schedule: Schedule
    now_ms: int
    publishers: int = 0  # of other streams; counted where there is a limit
    publisher_limit: int | None = None
    room: RoomFacts = NO_ROOM
    is_room: bool = False  # the id is that of a room
    relay_busy: bool = False  # each that could carry it has enough to do
    returning: bool = False  # its stream runs already, and waits for it


@dataclass(frozen=True, slots=True)
class PlayFacts:
    server: ServerFacts
    played_by_this_socket: bool
    once_per_session: bool
    # Media flows, or its publisher may still return. Of a room: somebody publishes
    # there, is about to, or may return.
    streaming: bool
    now_ms: int = 0
    room: RoomFacts = NO_ROOM
    relay_busy: bool = False  # the one that carries it has enough to do


Facts = TypeVar("Facts")
Rules = tuple[tuple[Denial, Callable[[Facts], bool]], ...]


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """Of one who wants to join a peer-to-peer room (contract 6.1)."""

    server: ServerFacts
    others: int  # peers on other sockets, alive
    seats: int = 2


@dataclass(frozen=True, slots=True)
class ParticipantFacts:
    """Of one who wants to join a room by its name (contract 6.2)."""

    server: ServerFacts
    room: RoomFacts
    now_ms: int


def decide_participant(facts: ParticipantFacts) -> None:
    """Return when the participant may join.

    Raises:
        AccessDenied: by the first rule of PARTICIPANT_RULES that holds.
    """
    _decide(PARTICIPANT_RULES, facts)


def decide_peer(facts: PeerFacts) -> None:
    """Return when the peer may join.

    Raises:
        AccessDenied: by the first rule of PEER_RULES that holds.
    """
    _decide(PEER_RULES, facts)


def decide_publish(facts: PublishFacts) -> None:
    """Return when the publisher may go on.

    Raises:
        AccessDenied: by the first rule of PUBLISH_RULES that holds.
    """
    _decide(PUBLISH_RULES, facts)


def decide_play(facts: PlayFacts) -> None:
    """Return when the viewer may go on.

    Raises:
        AccessDenied: by the first rule of PLAY_RULES that holds.
    """
    _decide(PLAY_RULES, facts)


def decide_access(facts: AccessFacts) -> None:
    """Return when what was presented lets its bearer in.

    Raises:
        AccessDenied: by the first rule of ACCESS_RULES that holds.
    """
    _decide(ACCESS_RULES, facts)


def decide_limits(facts: LimitFacts) -> None:
    """Return when there is room for one more.

    Raises:
        AccessDenied: by the first rule of LIMIT_RULES that holds.
    """
    _decide(LIMIT_RULES, facts)


DEFAULT_ROLE = "default"


def role_or_default(role: str) -> str:
    """A blank role is the default one (contract 6.4)."""
    return role.strip() or DEFAULT_ROLE


def visible_roles(matrix: Mapping[str, Sequence[str]], role: str) -> tuple[str, ...]:
    """The roles of the participants that a viewer of `role` sees (contract 6.4).

    Viewers name their role themselves: one that the matrix does not know sees what
    the default one sees, so that no invented name shows more.
    """
    seen = matrix.get(role_or_default(role))
    return tuple(matrix.get(DEFAULT_ROLE, ()) if seen is None else seen)


def _decide(rules: Rules[Facts], facts: Facts) -> None:
    for reason, holds in rules:
        if holds(facts):
            raise AccessDenied(reason)


def is_overloaded(server: ServerFacts) -> bool:
    return (
        server.cpu_percent > server.cpu_limit
        or server.free_ram_mb < server.min_free_ram_mb
    )


def is_publisher_too_much(facts: PublishFacts) -> bool:
    """A stream that only waits for its publisher is no further load."""
    return not facts.returning and (is_overloaded(facts.server) or facts.relay_busy)


def is_viewer_too_much(facts: PlayFacts) -> bool:
    """Who plays the stream anew in place of what it has is no further load there."""
    further = facts.relay_busy and not facts.played_by_this_socket
    return is_overloaded(facts.server) or further


def is_outside_schedule(schedule: Schedule, now_ms: int) -> bool:
    """Whether a stream may not start now.

    The planned window counts only when both ends are set, and both belong to it;
    the expiry is an age since registration that must not be reached.
    """
    start_s, end_s = schedule.planned_start_s, schedule.planned_end_s
    if start_s != 0 and end_s != 0 and not start_s <= now_ms // 1000 <= end_s:
        return True
    expires_at_ms = schedule.registered_at_ms + schedule.expire_after_ms
    return schedule.expire_after_ms != 0 and now_ms >= expires_at_ms


def is_unknown(room: RoomFacts) -> bool:
    return room.registration_required and not room.registered


def is_reached(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit


PUBLISH_RULES: Rules[PublishFacts] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, is_publisher_too_much),
    (
        Denial.PUBLISHER_LIMIT,
        lambda facts: is_reached(facts.publisher_limit, facts.publishers),
    ),
    (Denial.NO_CODEC, lambda facts: not facts.codec_enabled),
    (Denial.ALREADY_PUBLISHING, lambda facts: facts.published_by_this_socket),
    (Denial.ID_IN_USE, lambda facts: facts.published_by_another or facts.is_room),
    (
        Denial.UNREGISTERED,
        lambda facts: facts.registration_required and not facts.registered,
    ),
    (
        Denial.NOT_ACTIVE,
        lambda facts: is_outside_schedule(facts.schedule, facts.now_ms),
    ),
    (Denial.UNREGISTERED_ROOM, lambda facts: is_unknown(facts.room)),
    (
        Denial.ROOM_NOT_ACTIVE,
        lambda facts: is_outside_schedule(facts.room.schedule, facts.now_ms),
    ),
)

PLAY_RULES: Rules[PlayFacts] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, is_viewer_too_much),
    (
        Denial.ALREADY_PLAYING,
        lambda facts: facts.played_by_this_socket and facts.once_per_session,
    ),
    (Denial.NO_STREAM, lambda facts: not facts.streaming),
    (Denial.UNREGISTERED_ROOM, lambda facts: is_unknown(facts.room)),
    (
        Denial.ROOM_NOT_ACTIVE,
        lambda facts: is_outside_schedule(facts.room.schedule, facts.now_ms),
    ),
)

PARTICIPANT_RULES: Rules[ParticipantFacts] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, lambda facts: is_overloaded(facts.server)),
    (Denial.UNREGISTERED_ROOM, lambda facts: is_unknown(facts.room)),
    (
        Denial.ROOM_NOT_ACTIVE,
        lambda facts: is_outside_schedule(facts.room.schedule, facts.now_ms),
    ),
)

PEER_RULES: Rules[PeerFacts] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, lambda facts: is_overloaded(facts.server)),
    (Denial.NO_SEAT, lambda facts: is_reached(facts.seats, facts.others)),
)

ACCESS_RULES: Rules[AccessFacts] = (
    (Denial.UNAUTHORIZED, lambda facts: not facts.credentials_good),
    (
        Denial.TOO_MANY_CONNECTIONS,
        lambda facts: is_reached(facts.connection_limit, facts.connections),
    ),
    # Last, for it costs a request to another server.
    (Denial.NOT_APPROVED, lambda facts: facts.approval is Approval.REFUSED),
    (Denial.UNASKED, lambda facts: facts.approval is Approval.UNASKED),
    (Denial.BLOCKED, lambda facts: facts.blocked),
)

LIMIT_RULES: Rules[LimitFacts] = (
    (
        Denial.ROOM_FULL,
        lambda facts: is_reached(facts.room_limit, facts.room_publishers),
    ),
    (Denial.ROOM_FAILED, lambda facts: facts.room_unusable),
    (
        Denial.VIEWER_LIMIT,
        lambda facts: is_reached(facts.stream_limit, facts.stream_viewers),
    ),
    (
        Denial.VIEWER_LIMIT,
        lambda facts: is_reached(facts.application_limit, facts.application_viewers),
    ),
)
