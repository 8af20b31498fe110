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
    Subscriber,
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


def with_publisher(
    broadcasts: QuerySet[Broadcast, Broadcast], state: SessionState | None = None
) -> QuerySet[Broadcast, Broadcast]:
    """Those that somebody publishes, in one state or in any.

    The costs are those of the published ones, however many there are besides.
    """
    publishers = LiveSession.objects.filter(role=SessionRole.PUBLISH).order_by()
    matching = _sessions(SessionRole.PUBLISH)
    return broadcasts.filter(
        Exists(matching if state is None else matching.filter(state=state)),
        # By these two SQLite finds the rows in their index; it would read all.
        application__in=Application.objects.order_by(),
        stream_id__in=publishers.values("stream_id"),
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
    """The publisher first, then the viewers, longest first.

    Not who has joined a room under that name: it has nothing to do with the stream.
    """
    return LiveSession.objects.filter(
        application=broadcast.application_id,
        stream_id=broadcast.stream_id,
        role__in=(SessionRole.PUBLISH, SessionRole.PLAY),
    ).order_by("-role", "created_at")


def publisher_of(broadcast: Broadcast) -> QuerySet[LiveSession, LiveSession]:
    """One row, or none."""
    return sessions_of(broadcast).filter(role=SessionRole.PUBLISH)


def with_connections(
    subscribers: QuerySet[Subscriber, Subscriber],
) -> QuerySet[Subscriber, Subscriber]:
    """Adds `connections`: sockets with the stream, as the limit counts them."""
    sockets = Func(
        "channel", function="COUNT", template="%(function)s(DISTINCT %(expressions)s)"
    )
    counted = _connections().annotate(found=sockets).values("found")
    return subscribers.annotate(
        connections=Subquery(counted, output_field=IntegerField())
    )


def are_connected(
    subscribers: QuerySet[Subscriber, Subscriber], *, wanted: bool
) -> QuerySet[Subscriber, Subscriber]:
    """Those with a connection, or those without."""
    connected = Exists(_connections())
    return subscribers.filter(connected if wanted else ~connected)


def _connections() -> QuerySet[LiveSession, LiveSession]:
    """Of the subscriber of the outer query; a publisher that is awaited has none."""
    return LiveSession.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        subscriber_id=OuterRef("subscriber_id"),
        state__in=(SessionState.PREPARING, SessionState.LIVE),
    ).order_by()


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
