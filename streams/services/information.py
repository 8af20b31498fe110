"""What clients may ask about applications and streams."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef

from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
)
from streams.services.descriptions import describe, subtracks_of, with_viewers
from streams.services.lookups import FLOWING
from streams.services.records import IceServerConfig, StreamInfo
from streams.services.store import denies_without_store


@denies_without_store
def application_exists(name: str) -> bool:
    return Application.objects.filter(name=name).exists()


@denies_without_store
def ice_server_config(application: str) -> IceServerConfig:
    """What the application's operator gives to clients; empty where unknown."""
    found = (
        Application.objects.filter(name=application)
        .values_list(
            "stun_server_uri", "turn_server_username", "turn_server_credential"
        )
        .first()
    )
    return IceServerConfig(*(found or ("", "", "")))


@denies_without_store
def stream_info(application: str, stream_id: str) -> StreamInfo | None:
    """Of a stream that viewers can play now; otherwise nothing."""
    publisher = LiveSession.objects.filter(
        FLOWING,
        application=OuterRef("application"),
        stream_id=OuterRef("stream_id"),
        role=SessionRole.PUBLISH,
    )
    found = (
        Broadcast.objects.filter(
            Exists(publisher), application__name=application, stream_id=stream_id
        )
        .values_list("width", "height", "video_bitrate", "audio_bitrate", "video_codec")
        .first()
    )
    return StreamInfo(*found) if found else None


@denies_without_store
def broadcast_object(application: str, stream_id: str) -> dict[str, Any] | None:
    """A broadcast by its wire names (contract 7.1), or nothing for an unknown id.

    Anyone may ask for it: the publisher's address and device are left out.
    """
    rows = Broadcast.objects.filter(application__name=application, stream_id=stream_id)
    row = with_viewers(rows).first()
    if row is None:
        return None
    subtracks = subtracks_of(row.application_id, [stream_id])
    return describe(row, subtracks.get(stream_id, ()))
