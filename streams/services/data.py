"""Text that a program sends to the data channels of a stream or a room."""

from __future__ import annotations

from enum import StrEnum

from django.db.models import Q

from relay.control import SendData
from streams.models import Application, LiveSession, SessionRole
from streams.services.lookups import FLOWING
from streams.services.relays import relay_key, tell_relay


class DataRefusal(StrEnum):
    """Why nothing was sent."""

    TURNED_OFF = "Data channels are turned off in this application"
    NOT_LIVE = "This stream is not live"


def send_data(
    application: Application, stream_id: str, text: str
) -> DataRefusal | None:
    """Have `text` said to everybody at the stream, or in the room, of that id.

    It is on its way then; who has no channel open, or a full one, does not get it.
    """
    if not application.data_channel_enabled:
        return DataRefusal.TURNED_OFF
    relays = _relays_of(application.pk, stream_id)
    if not relays:
        return DataRefusal.NOT_LIVE
    command = SendData(relay_key(application.name, stream_id), text)
    for relay in relays:
        tell_relay(relay, command)
    return None


def _relays_of(application_id: int, stream_id: str) -> list[str]:
    """Where its publisher is live, awaited or returning, or those of the room are."""
    sessions = LiveSession.objects.filter(
        FLOWING,
        Q(stream_id=stream_id) | Q(room=stream_id),
        application=application_id,
        role=SessionRole.PUBLISH,
    )
    relays = sessions.order_by().values_list("relay", flat=True).distinct()
    return [relay for relay in relays if relay]
