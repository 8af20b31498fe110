"""Facts of both roles, gathered for the policy."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from streams.models import Application
from streams.policy import ServerFacts
from streams.services.records import Load


def find_application(name: str) -> Application | None:
    return Application.objects.filter(name=name).first()


def server_facts(
    application: Application | None, load: Load, relays: Sequence[str]
) -> ServerFacts:
    """Without a relay the server is as good as not yet started."""
    return ServerFacts(
        ready=application is not None and bool(relays),
        suspended=application is not None and application.suspended,
        cpu_percent=load.cpu_percent,
        cpu_limit=settings.CPU_LIMIT,
        free_ram_mb=load.free_ram_mb,
        min_free_ram_mb=settings.MIN_FREE_RAM_MB,
    )
