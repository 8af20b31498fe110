"""What the metrics count in the database: two queries."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from signalling.supervisor import NODE_NAME
from streams.models import LiveSession, WebhookDelivery


@dataclass(frozen=True, slots=True)
class RowCounts:
    """`sessions`: of this process, by application, role and state.

    `deliveries`: of all processes, by state, as long as their rows are kept.
    """

    sessions: tuple[tuple[str, str, str, int], ...]
    deliveries: tuple[tuple[str, int], ...]


def count_rows() -> RowCounts:
    """Raises Django's DatabaseError."""
    sessions = (
        LiveSession.objects.filter(node=NODE_NAME)
        .order_by()
        .values_list("application__name", "role", "state")
        .annotate(count=Count("pk"))
    )
    deliveries = (
        WebhookDelivery.objects.order_by().values_list("state").annotate(Count("pk"))
    )
    return RowCounts(
        tuple((name, role, state, count) for name, role, state, count in sessions),
        tuple((state, count) for state, count in deliveries),
    )
