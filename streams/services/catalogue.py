"""Broadcasts as programs register, look up, change and delete them (contract 8).

What comes in has the names of the model's fields; what goes out has wire names.
A stream is known by its application's key and its id. An id that no row can have
is unknown, like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.utils import timezone

from streams.clock import Clock, to_ms
from streams.models import (
    STREAMING,
    Application,
    Broadcast,
    BroadcastStatus,
    Ending,
    LiveSession,
    SessionRole,
)
from streams.models.broadcast import STALE_AFTER
from streams.names import generate_stream_id, is_stream_id, validate_stream_id
from streams.services.descriptions import describe_fully, subtracks_of, with_viewers
from streams.services.endings import end_sessions
from streams.services.lookups import FLOWING
from streams.services.moving import (
    NotPossibleError,
    change_role,
    hold_publisher,
    leave_deleted,
    move,
)

ROOM_FIELDS = {"main_track_stream_id", "role"}  # that the live stream follows
MAX_DATE_S = 253_402_300_799  # the last second of the year 9999


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Which broadcasts, in which order; "" and unknown words ask for nothing."""

    type: str = ""
    sort_by: str = ""  # name, date or status; otherwise as they were registered
    descending: bool = False
    search: str = ""  # in id, name and description, whatever the case


def create_broadcast(
    application: Application, values: Mapping[str, Any], clock: Clock = timezone.now
) -> dict[str, Any]:
    """A registered broadcast exists, with an id of ours where none is given.

    Raises:
        ValidationError: by field; nothing was changed.
    """
    row = Broadcast(application=application, date=to_ms(clock()), **values)
    row.stream_id = row.stream_id or generate_stream_id()
    validate_broadcast(row, {"stream_id", *values})
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({"stream_id": "This id is in use."}) from error
    return described(with_viewers(Broadcast.objects.filter(pk=row.pk)))[0]


def find_broadcast(application_id: int, stream_id: str) -> dict[str, Any] | None:
    found = described(with_viewers(known(application_id, stream_id)))
    return found[0] if found else None


def list_broadcasts(
    application_id: int, wanted: ListRequest, page: slice, clock: Clock = timezone.now
) -> list[dict[str, Any]]:
    """Two queries, however many there are."""
    rows = matching(application_id, wanted.search)
    if wanted.type:
        rows = rows.filter(type=wanted.type)
    return described(with_viewers(ordered(rows, wanted, clock()))[page])


def count_broadcasts(application_id: int, search: str = "") -> int:
    return matching(application_id, search).count()


def change_broadcast(
    application_id: int,
    stream_id: str,
    values: Mapping[str, Any],
    clock: Clock = timezone.now,
) -> bool:
    """The broadcast has those values; what is not among them stays.

    One that is live goes to the room and has the role that are among them.

    Returns:
        False for an unknown broadcast.

    Raises:
        ValidationError: by field; nothing was changed.
    """
    with transaction.atomic():
        publisher = None
        if ROOM_FIELDS & values.keys():
            main_id = str(values.get("main_track_stream_id", ""))
            publisher = hold_publisher(application_id, stream_id, main_id)
        row = known(application_id, stream_id).select_for_update().first()
        if row is None:
            return False
        before = row.main_track_stream_id, row.role
        for name, value in values.items():
            setattr(row, name, value)
        validate_broadcast(row, values)
        if values:
            row.save(update_fields=list(values))
        _follow(row, publisher, *before, clock())
    return True


def _follow(
    row: Broadcast,
    publisher: LiveSession | None,
    main_id: str,
    role: str,
    now: datetime,
) -> None:
    """Who publishes the changed row is where it says; `main_id`, `role`: before."""
    if publisher is None:
        return
    wanted = row.main_track_stream_id
    if wanted != main_id:
        row.main_track_stream_id = main_id  # where it still is
        try:
            move(row, publisher, wanted, now)
        except NotPossibleError as error:
            raise ValidationError({"main_track_stream_id": str(error)}) from error
    if row.role != role:
        change_role(row, publisher)


def delete_broadcasts(
    application_id: int, stream_ids: Iterable[str], *, delete_subtracks: bool
) -> list[str]:
    """Those broadcasts are gone, and who publishes them is ended.

    Their subtracks go with them, or have no main track any more.

    Returns:
        Which of `stream_ids` there were.
    """
    wanted = [stream_id for stream_id in stream_ids if is_stream_id(stream_id)]
    rows = Broadcast.objects.filter(application=application_id)
    with transaction.atomic():
        doomed = rows.filter(stream_id__in=wanted)
        found = list(doomed.values_list("stream_id", flat=True))
        ids = list(found)
        subtracks = rows.filter(main_track_stream_id__in=found)
        if delete_subtracks:
            ids += subtracks.values_list("stream_id", flat=True)
        else:
            subtracks.update(main_track_stream_id="")
        leave_deleted(application_id, found, ids)
        # Rows first: whoever begins to publish meanwhile waits for them, and then
        # is a publisher of an unregistered id.
        rows.filter(stream_id__in=ids).delete()
        end_sessions(
            Q(
                application=application_id,
                stream_id__in=ids,
                role=SessionRole.PUBLISH,
            ),
            Ending.STOPPED,
        )
    return found


def stop_broadcast(
    application_id: int, stream_id: str, *, stop_subtracks: bool
) -> int | None:
    """Who publishes it ends soon, and on request who publishes its subtracks.

    Returns:
        How many publishers that are; None for an unknown broadcast.
    """
    if not known(application_id, stream_id).exists():
        return None
    streams = Q(stream_id=stream_id)
    if stop_subtracks:
        subtracks = Broadcast.objects.filter(
            application=application_id,
            main_track_stream_id=stream_id,
            stream_id=OuterRef("stream_id"),
        )
        streams |= Q(Exists(subtracks))
    publishers = streams & Q(application=application_id, role=SessionRole.PUBLISH)
    return end_sessions(publishers, Ending.STOPPED)


def known(application_id: int, stream_id: str) -> QuerySet[Broadcast, Broadcast]:
    """The broadcast with that id, if there is one."""
    if not is_stream_id(stream_id):
        return Broadcast.objects.none()
    return Broadcast.objects.filter(application=application_id, stream_id=stream_id)


def live(
    broadcasts: QuerySet[Broadcast, Broadcast],
) -> QuerySet[Broadcast, Broadcast]:
    """Those that viewers can play, or that wait for their publisher's return."""
    publisher = LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    return broadcasts.filter(Exists(publisher))


def described(rows: QuerySet[Broadcast, Broadcast]) -> list[dict[str, Any]]:
    """For who has a key; `rows` of one application, with their viewers."""
    found = list(rows)
    if not found:
        return []
    ids = [row.stream_id for row in found]
    subtracks = subtracks_of(found[0].application_id, ids)
    return [describe_fully(row, subtracks.get(row.stream_id, ())) for row in found]


def validate_broadcast(row: Broadcast, changed: Collection[str]) -> None:
    """Raises ValidationError unless the `changed` fields may be as they are."""
    untouched = {field.name for field in Broadcast._meta.fields} - set(changed)
    row.clean_fields(exclude=untouched)
    start, end = row.planned_start_date, row.planned_end_date
    for name in ("planned_start_date", "planned_end_date"):
        if not 0 <= getattr(row, name) <= MAX_DATE_S:
            raise ValidationError({name: "Give unix time in seconds, or 0 for none."})
    if start and end and start > end:
        raise ValidationError({"planned_end_date": "The end is before the start."})
    if not row.main_track_stream_id:
        return
    try:
        validate_stream_id(row.main_track_stream_id)
    except ValidationError as error:
        raise ValidationError({"main_track_stream_id": error.messages}) from error
    if row.main_track_stream_id == row.stream_id:
        raise ValidationError({"main_track_stream_id": "Name another stream."})


def matching(application_id: int, search: str) -> QuerySet[Broadcast, Broadcast]:
    rows = Broadcast.objects.filter(application=application_id)
    if search:
        rows = rows.filter(
            Q(stream_id__icontains=search)
            | Q(name__icontains=search)
            | Q(description__icontains=search)
        )
    return rows


def ordered(
    rows: QuerySet[Broadcast, Broadcast], wanted: ListRequest, now: datetime
) -> QuerySet[Broadcast, Broadcast]:
    """By what readers see; among equals as registered, for pages to be stable."""
    keys = {"name": "name", "date": "date", "status": "shown_status"}
    order = [keys[wanted.sort_by], "pk"] if wanted.sort_by in keys else ["pk"]
    if wanted.sort_by == "status":
        rows = rows.annotate(shown_status=shown_status(now))
    sign = "-" if wanted.descending else ""
    return rows.order_by(*(f"{sign}{key}" for key in order))


def shown_status(now: datetime) -> Case:
    """`Broadcast.current_status` as the database works it out."""
    return Case(
        When(
            status__in=STREAMING,
            virtual=False,
            update_time__lt=to_ms(now - STALE_AFTER),
            then=Value(BroadcastStatus.TERMINATED_UNEXPECTEDLY.value),
        ),
        default=F("status"),
        output_field=CharField(),
    )
