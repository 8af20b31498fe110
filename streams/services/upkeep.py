"""What is old enough to go."""

from __future__ import annotations

from django.utils import timezone

from streams.clock import Clock
from streams.services.admissions import forget_old
from streams.services.audit import purge_events
from streams.services.tokens import forget_expired_tokens


def tidy(clock: Clock = timezone.now) -> None:
    """Old events, admissions and expired tokens are gone."""
    now = clock()
    forget_old(now)
    forget_expired_tokens(now)
    purge_events(now)
