"""The tracks of a stream or room, as clients ask for them (contract 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from streams.clock import Clock
from streams.credentials import Claim
from streams.models import Application, Broadcast, LiveSession, SessionRole
from streams.paging import MAX_ROWS
from streams.policy import DEFAULT_ROLE, AccessDenied, Approval, Denial
from streams.services.access import check_access
from streams.services.catalogue import (
    ListRequest,
    known,
    live,
    matching,
    ordered,
    shown_status,
)
from streams.services.descriptions import describe, with_viewers
from streams.services.facts import approval_of
from streams.services.lookups import FLOWING, find_application
from streams.services.records import SocketInfo
from streams.services.store import denies_without_store

# Of one page together: a room may be full of the longest there are.
MAX_META_DATA_CHARS = 256 * 1024


@dataclass(frozen=True, slots=True)
class TrackListRequest:
    application: str
    stream_id: str
    token: str = ""
    subscriber_id: str = ""
    subscriber_code: str = ""


@dataclass(frozen=True, slots=True)
class SubtracksRequest:
    """Subtracks of a main track; "" and unknown words ask for nothing."""

    application: str
    main_id: str
    role: str = ""
    status: str = ""
    search: str = ""
    sort_by: str = ""  # name, date or status; otherwise as they came
    descending: bool = False


@denies_without_store
def track_list(
    request: TrackListRequest, socket: SocketInfo | None, clock: Clock = timezone.now
) -> list[str]:
    """The ids of the subtracks that can be played; of a single stream its own.

    Whoever could not play it is refused, but what is presented is not used up.
    `socket`: who asks; None for one that was let in to the stream before.

    Raises:
        AccessDenied: NO_STREAM, or as a play.
    """
    application = find_application(request.application)
    if application is None:
        raise AccessDenied(Denial.NO_STREAM)
    broadcast = (
        known(application.pk, request.stream_id)
        .annotate(flows=Exists(_publisher()))
        .first()
    )
    members = Broadcast.objects.filter(
        application=application, main_track_stream_id=request.stream_id
    )
    tracks = list(
        live(members)
        .order_by("stream_id")
        .values_list("stream_id", flat=True)[:MAX_ROWS]
    )
    if not tracks and (broadcast is None or not broadcast.virtual):
        if broadcast is None or not broadcast.flows:
            raise AccessDenied(Denial.NO_STREAM)
        tracks = [request.stream_id]
    if socket is not None:
        is_room = broadcast is None or broadcast.virtual
        _check(application, request, socket, clock, is_room=is_room)
    return tracks


@denies_without_store
def subtracks(
    request: SubtracksRequest, page: slice, clock: Clock = timezone.now
) -> list[dict[str, Any]] | None:
    """Broadcasts by their wire names; None for an unknown main track.

    Anyone may ask, as for a single broadcast. When they say more of themselves than
    fits, the last ones say nothing (`metaData` null).
    """
    application = find_application(request.application)
    if application is None:
        return None
    wanted = ListRequest(sort_by=request.sort_by, descending=request.descending)
    rows = ordered(_filtered(application, request, clock), wanted, clock())
    found = [describe(row) for row in with_viewers(rows)[page]]
    if not found and not _is_main(application, request.main_id):
        return None
    left = MAX_META_DATA_CHARS
    for broadcast in found:
        left -= len(broadcast["metaData"] or "")
        if left < 0:
            broadcast["metaData"] = None
    return found


@denies_without_store
def count_subtracks(
    request: SubtracksRequest, clock: Clock = timezone.now
) -> int | None:
    """How many there are; None for an unknown main track."""
    application = find_application(request.application)
    if application is None:
        return None
    count = _filtered(application, request, clock).count()
    return count if count or _is_main(application, request.main_id) else None


def _filtered(
    application: Application, request: SubtracksRequest, clock: Clock
) -> QuerySet[Broadcast, Broadcast]:
    rows = matching(application.pk, request.search).filter(
        main_track_stream_id=request.main_id
    )
    if request.role == DEFAULT_ROLE:
        rows = rows.filter(role__in=("", DEFAULT_ROLE))
    elif request.role:
        rows = rows.filter(role=request.role)
    if request.status:
        rows = rows.annotate(shown_status=shown_status(clock()))
        rows = rows.filter(shown_status=request.status)
    return rows


def _is_main(application: Application, main_id: str) -> bool:
    """Whether it is a broadcast, or is named as a main track by one."""
    if known(application.pk, main_id).exists():
        return True
    rows = Broadcast.objects.filter(application=application)
    return rows.filter(main_track_stream_id=main_id).exists()


def _check(
    application: Application,
    request: TrackListRequest,
    socket: SocketInfo,
    clock: Clock,
    *,
    is_room: bool,
) -> None:
    claim = Claim(
        role=SessionRole.PLAY,
        stream_id=request.stream_id,
        plays_room=is_room,
        token=request.token,
        subscriber_id=request.subscriber_id,
        subscriber_code=request.subscriber_code,
    )
    # A webhook that decides is not asked: it may count or use up what it is asked.
    approval = approval_of(application.play_webhook_url, Approval.REFUSED)
    check_access(application, claim, socket, approval, _no_question, clock())


def _no_question() -> NoReturn:
    raise AssertionError("it is answered already")


def _publisher() -> QuerySet[LiveSession, LiveSession]:
    return LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
