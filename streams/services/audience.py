"""Who publishes and plays a stream as a subscriber, and who may know it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, Max, QuerySet, Value, When

from streams.models import (
    Application,
    Broadcast,
    CredentialType,
    LiveSession,
    SessionRole,
    SessionState,
    Subscriber,
)
from streams.policy import AccessDenied, Denial
from streams.services.lookups import find_application
from streams.services.store import denies_without_store


@dataclass(frozen=True, slots=True)
class Presence:
    """What one socket publishes and plays now, by stream ids."""

    publishes: Collection[str] = ()
    plays: Collection[str] = ()


@denies_without_store
def connected_subscribers(
    application: str, stream_id: str, asking: Presence, page: slice
) -> list[dict[str, Any]]:
    """Those that are connected now, by wire names, in the order of their ids.

    Nothing of secrets, blocks and addresses.

    Raises:
        AccessDenied: UNAUTHORIZED; see `_admit`.
    """
    found = _admit(application, stream_id, asking)
    rows = list(
        _sessions(found, stream_id)
        .values("subscriber_id")
        .annotate(
            name=Max("subscriber_name"),
            publishes=Max(
                Case(
                    When(role=SessionRole.PUBLISH, then=Value(1)),
                    default=Value(0),
                    output_field=IntegerField(),
                )
            ),
        )
        .order_by("subscriber_id")[page]
    )
    ids = [row["subscriber_id"] for row in rows]
    registered = {
        subscriber_id: (name, kind)
        for subscriber_id, name, kind in Subscriber.objects.filter(
            application=found, stream_id=stream_id, subscriber_id__in=ids
        ).values_list("subscriber_id", "subscriber_name", "type")
    }
    return [_describe(row, stream_id, registered) for row in rows]


@denies_without_store
def count_connected_subscribers(
    application: str, stream_id: str, asking: Presence
) -> int:
    """Raises AccessDenied: as `connected_subscribers`."""
    found = _admit(application, stream_id, asking)
    rows = _sessions(found, stream_id).aggregate(
        count=Count("subscriber_id", distinct=True)
    )
    return int(rows["count"])


def _describe(
    row: Mapping[str, Any], stream_id: str, registered: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """What an operator has registered goes before what the client says of itself."""
    kind = CredentialType.PUBLISH if row["publishes"] else CredentialType.PLAY
    name, type_ = registered.get(row["subscriber_id"], ("", kind.value))
    return {
        "subscriberId": row["subscriber_id"],
        "subscriberName": name or row["name"] or None,
        "streamId": stream_id,
        "type": type_,
        "connected": True,
    }


def _sessions(
    application: Application, stream_id: str
) -> QuerySet[LiveSession, LiveSession]:
    return (
        LiveSession.objects.filter(
            application=application,
            stream_id=stream_id,
            role__in=(SessionRole.PUBLISH, SessionRole.PLAY),
            state=SessionState.LIVE,
        )
        .exclude(subscriber_id="")
        .order_by()
    )


def _admit(name: str, stream_id: str, asking: Presence) -> Application:
    """The application, for who publishes or plays the stream, or plays its room.

    Nobody else: subscriber ids are people's names and addresses, and the command has
    no credentials. Who publishes into a room is not asked whether he may play there:
    that alone does not do.

    Raises:
        AccessDenied: UNAUTHORIZED, whether there is such a stream or not.
    """
    application = find_application(name)
    if application is None or not _is_present(application, stream_id, asking):
        raise AccessDenied(Denial.UNAUTHORIZED)
    return application


def _is_present(application: Application, stream_id: str, asking: Presence) -> bool:
    if stream_id in asking.publishes or stream_id in asking.plays:
        return True
    rooms = Broadcast.objects.filter(
        application=application,
        stream_id=stream_id,
        main_track_stream_id__in=list(asking.plays),
    )
    return bool(asking.plays) and rooms.exists()
