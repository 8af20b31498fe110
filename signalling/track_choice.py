"""What a viewer wants to be sent from the start: `trackList` (contract 2.1). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OFF = "!"  # before an id: that one is not wanted


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """Of a room: `tracks` are ids, with OFF before those that are not sent.

    `enabled`: whether those are sent that `tracks` does not name, who come later
    among them. The id of the room itself names nothing.
    """

    tracks: tuple[str, ...]
    enabled: bool


def choose_of_room(room: str, named: Sequence[str], *, disabled: bool) -> TrackChoice:
    """Ids that are wanted leave all others out; ids that are not, only themselves.

    `disabled`: none is sent but those that are named (disableTracksByDefault).
    """
    tracks = tuple(
        dict.fromkeys(track for track in named if track.removeprefix(OFF) != room)
    )
    some_are_wanted = any(not track.startswith(OFF) for track in tracks)
    return TrackChoice(tracks, enabled=not disabled and not some_are_wanted)


def is_stream_sent(stream_id: str, named: Sequence[str], *, disabled: bool) -> bool:
    """Whether a single stream is sent; the ids of others say nothing about it."""
    if f"{OFF}{stream_id}" in named:
        return False
    return stream_id in named or not disabled
