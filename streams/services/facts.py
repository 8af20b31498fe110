"""Facts of both roles, gathered for the policy."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from streams.models import Application, Broadcast
from streams.policy import Approval, RoomFacts, Schedule, ServerFacts
from streams.services.records import Load


def server_facts(
    application: Application, load: Load, relays: Sequence[str] | None
) -> ServerFacts:
    """Without its row or a relay the server is as good as not yet started.

    `relays` is None for what needs none.
    """
    return ServerFacts(
        ready=not application._state.adding and (relays is None or bool(relays)),
        suspended=application.suspended,
        cpu_percent=load.cpu_percent,
        cpu_limit=settings.CPU_LIMIT,
        free_ram_mb=load.free_ram_mb,
        min_free_ram_mb=settings.MIN_FREE_RAM_MB,
    )


def schedule_of(broadcast: Broadcast | None) -> Schedule:
    if broadcast is None:
        return Schedule()
    return Schedule(
        planned_start_s=broadcast.planned_start_date,
        planned_end_s=broadcast.planned_end_date,
        registered_at_ms=broadcast.date,
        expire_after_ms=broadcast.expire_duration_ms,
    )


def room_facts(application: Application, room: Broadcast | None) -> RoomFacts:
    return RoomFacts(
        registered=room is not None and not room.zombi,
        registration_required=application.accept_only_registered_rooms,
        schedule=schedule_of(room),
    )


def approval_of(webhook_url: str, given: Approval) -> Approval:
    """What the webhook says; it counts for nothing where there is none."""
    return given if webhook_url else Approval.UNNEEDED


def lock_limits(application: Application) -> None:
    """Until the transaction ends nobody else takes a place of this application.

    SQLite has one writer at a time instead.
    """
    list(
        Application.objects.filter(pk=application.pk)
        .select_for_update(no_key=True)
        .values_list("pk")
    )
