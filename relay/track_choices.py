"""Which participants' tracks a room's viewer is sent."""

from __future__ import annotations

from collections.abc import Collection

MAX_CHOICES = 512  # the oldest is forgotten
KINDS = ("video", "audio")
_EVERYBODY = ""


class TrackChoices:
    """What the viewer wants of whom; "" stands for all who are not named.

    `tracks`: stream ids that are sent from the start, "!id": not. `enabled`: whether
    those are sent whom `tracks` does not name.
    """

    def __init__(self, tracks: Collection[str], *, enabled: bool) -> None:
        self._choices = {_EVERYBODY: dict.fromkeys(KINDS, enabled)}
        for track in tracks:
            stream_id = track.removeprefix("!")
            if stream_id and len(self._choices) <= MAX_CHOICES:
                self._choices[stream_id] = dict.fromkeys(KINDS, stream_id == track)

    def __len__(self) -> int:
        return len(self._choices) - 1

    def __contains__(self, stream_id: object) -> bool:
        return stream_id in self._choices

    def is_enabled(self, stream_id: str, kind: str) -> bool:
        default = self._choices[_EVERYBODY][kind]
        return self._choices.get(stream_id, {}).get(kind, default)

    def set_all(self, kind: str, *, enabled: bool) -> None:
        """Of everybody, those who come later too."""
        for choices in self._choices.values():
            choices.pop(kind, None)
        self._choices[_EVERYBODY][kind] = enabled

    def set_one(self, stream_id: str, kind: str, *, enabled: bool) -> None:
        self._choices.setdefault(stream_id, {})[kind] = enabled
        if len(self) > MAX_CHOICES:
            oldest = next(who for who in self._choices if who)
            del self._choices[oldest]
