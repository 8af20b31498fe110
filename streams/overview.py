"""Broadcasts with what their live sessions say: one query, however many rows."""

from __future__ import annotations

from django.db.models import (
    Count,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    Node,
    SessionRole,
    SessionState,
)


def with_live_state(
    broadcasts: QuerySet[Broadcast, Broadcast],
) -> QuerySet[Broadcast, Broadcast]:
    """Adds `live_state` (a SessionState; None without a publisher), `live_since`,
    `publisher_ip` and `viewers`."""
    publisher = _sessions(SessionRole.PUBLISH)
    return broadcasts.annotate(
        live_state=Subquery(publisher.values("state")[:1]),
        live_since=Subquery(publisher.values("started_at")[:1]),
        publisher_ip=Subquery(publisher.values("remote_ip")[:1]),
        viewers=_count(_sessions(SessionRole.PLAY).filter(state=SessionState.LIVE)),
    )


def in_live_state(
    broadcasts: QuerySet[Broadcast, Broadcast], state: SessionState | None
) -> QuerySet[Broadcast, Broadcast]:
    """Those whose publisher is in that state; None: those without a publisher."""
    publisher = _sessions(SessionRole.PUBLISH)
    if state is None:
        return broadcasts.filter(~Exists(publisher))
    return broadcasts.filter(Exists(publisher.filter(state=state)))


def with_live_counts(
    applications: QuerySet[Application, Application],
) -> QuerySet[Application, Application]:
    """Adds `publishers` and `viewers`."""
    live = Q(sessions__state=SessionState.LIVE)
    return applications.annotate(
        publishers=Count("sessions", live & Q(sessions__role=SessionRole.PUBLISH)),
        viewers=Count("sessions", live & Q(sessions__role=SessionRole.PLAY)),
    )


def with_sessions(nodes: QuerySet[Node, Node]) -> QuerySet[Node, Node]:
    """Adds `session_count`: of a web process's sockets, or through a relay."""
    sessions = LiveSession.objects.filter(
        Q(node=OuterRef("name")) | Q(relay=OuterRef("name"))
    )
    return nodes.annotate(session_count=_count(sessions))


def sessions_of(broadcast: Broadcast) -> QuerySet[LiveSession, LiveSession]:
    """The publisher first, then the viewers, longest first."""
    return LiveSession.objects.filter(
        application=broadcast.application_id, stream_id=broadcast.stream_id
    ).order_by("-role", "created_at")


def _sessions(role: SessionRole) -> QuerySet[LiveSession, LiveSession]:
    """Of the broadcast of the outer query."""
    return LiveSession.objects.filter(
        application=OuterRef("application"), stream_id=OuterRef("stream_id"), role=role
    ).order_by()


def _count(rows: QuerySet[LiveSession, LiveSession]) -> Subquery:
    """How many rows a correlated query finds."""
    # A plain function call: Count() would group by the row.
    counted = rows.order_by().annotate(found=Func("pk", function="COUNT"))
    return Subquery(counted.values("found"), output_field=IntegerField())
