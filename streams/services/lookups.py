"""What every publish and play looks up, by unique keys and indexes."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from streams.models import (
    STREAMING,
    Admission,
    Application,
    Broadcast,
    LiveSession,
    Node,
    SessionRole,
    SessionState,
    Subscriber,
    Token,
)
from streams.services.prepared import Prepared

# A publisher whose media flows, or whose stream waits for its return, or is about
# to go on with it: in the last case its row is preparing again.
FLOWING = Q(state__in=(SessionState.LIVE, SessionState.PARKED)) | Q(
    state=SessionState.PREPARING, restored=True
)

# Stand for the arguments; no row and no constant of a query is like them.
_KEY, _A, _B, _C = -901, "§a", "§b", "§c"

find_application = Prepared(lambda name: Application.objects.filter(name=name), _A).one

find_node = Prepared(lambda name: Node.objects.filter(name=name), _A).one

find_token = Prepared(
    lambda key, token_id: Token.objects.filter(application=key, token_id=token_id),
    _KEY,
    _A,
).one

find_subscriber = Prepared(
    lambda key, stream_id, subscriber_id: Subscriber.objects.filter(
        application=key, stream_id=stream_id, subscriber_id=subscriber_id
    ),
    _KEY,
    _A,
    _B,
).one

find_admissions = Prepared(
    lambda key, stream_id, role, digest: Admission.objects.filter(
        application=key, stream_id=stream_id, role=role, digest=digest
    ),
    _KEY,
    _A,
    _B,
    _C,
)

find_publisher = Prepared(
    lambda key, stream_id: LiveSession.objects.filter(
        application=key, stream_id=stream_id, role=SessionRole.PUBLISH
    ),
    _KEY,
    _A,
).one

_find_sessions = Prepared(
    lambda key, stream_id, channel: LiveSession.objects.filter(
        Q(role=SessionRole.PUBLISH) & FLOWING
        | Q(role=SessionRole.PLAY, channel=channel),
        application=key,
        stream_id=stream_id,
    ),
    _KEY,
    _A,
    _B,
)

_find_broadcasts = Prepared(
    lambda key, one, other: Broadcast.objects.filter(
        application=key, stream_id__in=(one, other)
    ),
    _KEY,
    _A,
    _B,
)


# These three find nothing at most looks of the supervisor, which come every second.
find_marked = Prepared(
    lambda node: LiveSession.objects.filter(~Q(ending=""), node=node), _A
)

find_ended = Prepared(
    lambda now_s: Broadcast.objects.filter(
        planned_start_date__gt=0,
        planned_end_date__gt=0,
        planned_end_date__lt=now_s,
        status__in=STREAMING,
    ),
    _KEY,
)

find_impatient = Prepared(lambda: Application.objects.filter(drop_without_packets=True))


def find_sessions(
    application: Application, stream_id: str, channel: str
) -> tuple[LiveSession | None, LiveSession | None]:
    """A publisher whose media can be played, and what `channel` plays of it."""
    publisher: LiveSession | None = None
    earlier: LiveSession | None = None
    for row in _find_sessions(application.pk, stream_id, channel):
        if row.role == SessionRole.PUBLISH:
            publisher = row
        else:
            earlier = row
    return publisher, earlier


def find_broadcasts(
    application: Application, stream_id: str, room: str = ""
) -> dict[str, Broadcast]:
    """Those of the two that exist, by their ids."""
    rows = _find_broadcasts(application.pk, stream_id, room or stream_id)
    return {row.stream_id: row for row in rows}


Stream = tuple[int, str]  # application's key, stream id


def those(streams: Iterable[Stream], by: str = "stream_id") -> Q:
    """Rows whose field `by` names one of those streams; none at all for none."""
    ids: dict[int, list[str]] = {}
    for application_id, stream_id in streams:
        ids.setdefault(application_id, []).append(stream_id)
    which = Q(pk__in=())
    for application_id, stream_ids in ids.items():
        which |= Q(("application", application_id), (f"{by}__in", stream_ids))
    return which
