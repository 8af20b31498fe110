"""The events a room's viewer gets on its data channel (contract 3.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from relay.audio_level import SILENCE

MAX_AUDIBLE = 3  # whose level is told; a message costs more than a packet

Event = dict[str, object]
Shown = Sequence[tuple[str, str, bool]]  # label, stream id, whether it is pinned


def as_text(event: Mapping[str, object]) -> str:
    return json.dumps(event, separators=(",", ":"))


def _event(kind: str, stream_id: str) -> Event:
    return {"command": "event", "eventType": kind, "streamId": stream_id}


def track_list_updated(main_id: str) -> Event:
    return _event("TRACK_LIST_UPDATED", main_id)


def video_assignments(main_id: str, shown: Shown) -> Event:
    """Which label shows whom; labels that show nobody are left out."""
    payload = [
        {"videoLabel": label, "trackId": who, "reserved": pinned}
        for label, who, pinned in shown
    ]
    return _event("VIDEO_TRACK_ASSIGNMENT_LIST", main_id) | {"payload": payload}


def audio_assignments(main_id: str, shown: Shown, levels: Mapping[str, int]) -> Event:
    payload = [
        {"audioLabel": label, "trackId": who, "audioLevel": levels.get(who, SILENCE)}
        for label, who, _ in shown
    ]
    return _event("AUDIO_TRACK_ASSIGNMENT", main_id) | {"payload": payload}


def audio_level(stream_id: str, level: int) -> Event:
    return _event("UPDATE_AUDIO_LEVEL", stream_id) | {"audioLevel": level}


def audible(
    loudest: Iterable[str], levels: Mapping[str, int], threshold: int
) -> dict[str, int]:
    """The levels of the first few of `loudest` who are not silent."""
    heard = (who for who in loudest if levels[who] <= threshold)
    return {who: levels[who] for who in islice(heard, MAX_AUDIBLE)}
