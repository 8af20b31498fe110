"""How many are there already, where somebody has set a limit."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.policy import AccessDenied, LimitFacts, decide_limits
from streams.services.records import SocketInfo
from streams.services.store import LostRaceError

_PRESENT = (SessionState.PREPARING, SessionState.LIVE)


def limit_of(setting: int) -> int | None:
    """A limit of the models; -1 is none."""
    return None if setting < 0 else setting


def room_limits(
    room: Broadcast | None, stream_id: str, *, unusable: bool = False
) -> LimitFacts:
    """Of a publisher that enters `room`, which may be `unusable` as one."""
    limit = limit_of(room.subtracks_limit) if room is not None else None
    if room is None or limit is None:
        return LimitFacts(room_unusable=unusable)
    publisher = LiveSession.objects.filter(
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    members = Broadcast.objects.filter(
        Exists(publisher),
        application=room.application_id,
        main_track_stream_id=room.stream_id,
    ).exclude(stream_id=stream_id)
    return LimitFacts(
        room_publishers=members.count(), room_limit=limit, room_unusable=unusable
    )


def viewer_limits(
    application: Application, broadcast: Broadcast | None, socket: SocketInfo
) -> LimitFacts:
    """Of one more viewer; what its own socket plays of the stream is replaced."""
    of_stream = limit_of(broadcast.viewer_limit) if broadcast is not None else None
    of_application = limit_of(application.viewer_limit)
    stream_id = broadcast.stream_id if broadcast is not None else ""
    return LimitFacts(
        stream_limit=of_stream,
        stream_viewers=0
        if of_stream is None
        else _viewers(application)
        .filter(stream_id=stream_id)
        .exclude(channel=socket.channel)
        .count(),
        application_limit=of_application,
        application_viewers=0
        if of_application is None
        else _viewers(application)
        .exclude(channel=socket.channel, stream_id=stream_id)
        .count(),
    )


def count_publishers(application: Application, stream_id: str) -> int:
    """Of other streams; one that is awaited still has its place."""
    return (
        LiveSession.objects.filter(application=application, role=SessionRole.PUBLISH)
        .exclude(stream_id=stream_id)
        .order_by()
        .count()
    )


def has_limits(facts: LimitFacts) -> bool:
    return (facts.room_limit, facts.stream_limit, facts.application_limit) != (
        None,
        None,
        None,
    )


def lose_unless(facts: LimitFacts) -> None:
    """Raises LostRaceError: no place is left by now."""
    try:
        decide_limits(facts)
    except AccessDenied as denied:
        raise LostRaceError from denied


def _viewers(application: Application) -> QuerySet[LiveSession, LiveSession]:
    return LiveSession.objects.filter(
        application=application, role=SessionRole.PLAY, state__in=_PRESENT
    ).order_by()
