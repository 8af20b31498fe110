"""Commands about a room's tracks, and their parsers (contract 2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from signalling.errors import ProtocolError
from signalling.fields import Fields, is_stream_id, scalar
from signalling.protocol import Command

_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MAX_PAGE = 1000
MAX_HEIGHT = 16_384  # that a codec of ours can have


@dataclass(frozen=True, slots=True)
class SetTrack:
    """Send a kind of a track to this viewer, or not; None leaves it as it is."""

    stream_id: str  # that is played
    track_id: str  # "" or the played stream's own: all there is of it
    video: bool | None = None
    audio: bool | None = None


@dataclass(frozen=True, slots=True)
class AssignVideoTrack:
    stream_id: str  # of the participant, not of the room
    label: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class PageVideoTracks:
    stream_id: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class LimitVideoTracks:
    stream_id: str
    most: int  # -1: as many as there are


@dataclass(frozen=True, slots=True)
class TellAssignments:
    stream_id: str


@dataclass(frozen=True, slots=True)
class ForceStreamQuality:
    stream_id: str  # that is played
    track_id: str  # "" or the played stream's own: all there is of it
    height: int  # pixels; 0: as its path bears


@dataclass(frozen=True, slots=True)
class UpdateStreamMetaData:
    stream_id: str
    meta_data: str


ConferenceMessage = (
    SetTrack
    | AssignVideoTrack
    | PageVideoTracks
    | LimitVideoTracks
    | TellAssignments
    | ForceStreamQuality
    | UpdateStreamMetaData
)


def _set_track(
    stream_id: str, fields: Fields, *, video: bool = False, audio: bool = False
) -> SetTrack:
    """`video`, `audio`: the kinds that it is about."""
    enabled = fields.flag("enabled")
    return SetTrack(
        stream_id,
        _track_id(fields),
        video=enabled if video else None,
        audio=enabled if audio else None,
    )


def _force_quality(stream_id: str, fields: Fields) -> ForceStreamQuality:
    """Old players say "auto" for 0."""
    automatic = scalar(fields.values.get("streamHeight")).strip().lower() == "auto"
    height = 0 if automatic else fields.whole("streamHeight")
    if height is None or not 0 <= height <= MAX_HEIGHT:
        raise ProtocolError("streamHeight is no height")
    return ForceStreamQuality(stream_id, _track_id(fields), height)


def _track_id(fields: Fields) -> str:
    """Raises ProtocolError: no id at all."""
    track_id = scalar(fields.values.get("trackId")).strip()
    if track_id and not is_stream_id(track_id):
        raise ProtocolError("no such track id")
    return track_id


def _assign_video_track(stream_id: str, fields: Fields) -> AssignVideoTrack:
    label = scalar(fields.values.get("videoTrackId")).strip()
    if not _LABEL.fullmatch(label):
        raise ProtocolError("no such video track label")
    return AssignVideoTrack(stream_id, label, fields.flag("enabled"))


def _page_video_tracks(stream_id: str, fields: Fields) -> PageVideoTracks:
    return PageVideoTracks(
        stream_id, _count(fields, "offset"), min(_count(fields, "size"), MAX_PAGE)
    )


def _limit_video_tracks(stream_id: str, fields: Fields) -> LimitVideoTracks:
    return LimitVideoTracks(stream_id, _count(fields, "maxTrackCount", least=-1))


def _update_meta_data(stream_id: str, fields: Fields) -> UpdateStreamMetaData:
    if isinstance(fields.values.get("metaData"), dict | list | bool):
        raise ProtocolError("metaData is no text")
    return UpdateStreamMetaData(stream_id, fields.meta_data())


def _count(fields: Fields, name: str, least: int = 0) -> int:
    """At least `least`. Raises ProtocolError: no whole number."""
    found = fields.whole(name)
    if found is None:
        raise ProtocolError(f"{name} is no whole number")
    return max(found, least)


PARSERS: dict[str, Callable[[str, Fields], ConferenceMessage]] = {
    Command.TOGGLE_VIDEO: lambda *args: _set_track(*args, video=True),
    Command.TOGGLE_AUDIO: lambda *args: _set_track(*args, audio=True),
    Command.ENABLE_TRACK: lambda *args: _set_track(*args, video=True, audio=True),
    Command.ASSIGN_VIDEO_TRACK: _assign_video_track,
    Command.UPDATE_VIDEO_TRACK_ASSIGNMENTS: _page_video_tracks,
    Command.SET_MAX_VIDEO_TRACK_COUNT: _limit_video_tracks,
    Command.GET_VIDEO_TRACK_ASSIGNMENTS: lambda stream_id, _: TellAssignments(
        stream_id
    ),
    Command.FORCE_STREAM_QUALITY: _force_quality,
    Command.UPDATE_STREAM_META_DATA: _update_meta_data,
}
