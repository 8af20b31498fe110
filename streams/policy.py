"""Who may publish and play now. Pure: facts in, nothing or a refusal out.

The one place that decides; WebSocket and REST both ask it. Each rule names a
refusal and when it holds; the first that holds wins, so the tables below are the
order of checks (contract 2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Denial(StrEnum):
    """Why a command is refused. What the wire calls it is signalling's concern."""

    INVALID_STREAM_ID = "invalid_stream_id"  # no row can have such an id
    NOT_INITIALIZED = "not_initialized"  # no application, or no relay is up
    STORE_UNAVAILABLE = "store_unavailable"  # raised by services, not decided here
    SUSPENDED = "suspended"
    RESOURCES = "resources"
    NO_CODEC = "no_codec"
    ALREADY_PUBLISHING = "already_publishing"
    ID_IN_USE = "id_in_use"
    UNREGISTERED = "unregistered"
    NOT_ACTIVE = "not_active"
    ALREADY_PLAYING = "already_playing"
    NO_STREAM = "no_stream"


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
class PublishFacts:
    server: ServerFacts
    codec_enabled: bool
    published_by_this_socket: bool
    published_by_another: bool  # alive; a stream that waits for a return is free
    registered: bool  # an automatic broadcast does not count
    registration_required: bool
    schedule: Schedule
    now_ms: int


@dataclass(frozen=True, slots=True)
class PlayFacts:
    server: ServerFacts
    played_by_this_socket: bool
    once_per_session: bool
    streaming: bool  # media flows, or its publisher may still return


def decide_publish(facts: PublishFacts) -> None:
    """Return when the publisher may go on.

    Raises:
        AccessDenied: by the first rule of PUBLISH_RULES that holds.
    """
    for reason, holds in PUBLISH_RULES:
        if holds(facts):
            raise AccessDenied(reason)


def decide_play(facts: PlayFacts) -> None:
    """Return when the viewer may go on.

    Raises:
        AccessDenied: by the first rule of PLAY_RULES that holds.
    """
    for reason, holds in PLAY_RULES:
        if holds(facts):
            raise AccessDenied(reason)


def is_overloaded(server: ServerFacts) -> bool:
    return (
        server.cpu_percent > server.cpu_limit
        or server.free_ram_mb < server.min_free_ram_mb
    )


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


PUBLISH_RULES: tuple[tuple[Denial, Callable[[PublishFacts], bool]], ...] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, lambda facts: is_overloaded(facts.server)),
    (Denial.NO_CODEC, lambda facts: not facts.codec_enabled),
    (Denial.ALREADY_PUBLISHING, lambda facts: facts.published_by_this_socket),
    (Denial.ID_IN_USE, lambda facts: facts.published_by_another),
    (
        Denial.UNREGISTERED,
        lambda facts: facts.registration_required and not facts.registered,
    ),
    (
        Denial.NOT_ACTIVE,
        lambda facts: is_outside_schedule(facts.schedule, facts.now_ms),
    ),
)

PLAY_RULES: tuple[tuple[Denial, Callable[[PlayFacts], bool]], ...] = (
    (Denial.NOT_INITIALIZED, lambda facts: not facts.server.ready),
    (Denial.SUSPENDED, lambda facts: facts.server.suspended),
    (Denial.RESOURCES, lambda facts: is_overloaded(facts.server)),
    (
        Denial.ALREADY_PLAYING,
        lambda facts: facts.played_by_this_socket and facts.once_per_session,
    ),
    (Denial.NO_STREAM, lambda facts: not facts.streaming),
)
