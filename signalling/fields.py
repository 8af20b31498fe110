"""The fields of one message, read tolerantly (contract 2.0, T4, T5, T24).

Absent, null and "" are the same, and so is a value of a type that says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from signalling.errors import ProtocolError, SignallingError
from signalling.protocol import MAX_STREAM_ID_CHARS, ErrorDefinition

_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_NAME_CHARS = 255
_MAX_TOKEN_CHARS = 4096  # a JWT
_MAX_CANDIDATE_CHARS = 4096
_MAX_META_DATA_CHARS = 16 * 1024
_MAX_ROLE_CHARS = 64
_KEPT_VIEWER_INFO_CHARS = 255
_MAX_LABEL = 65535
_MAX_TRACKS = 512  # of one `trackList`
_MAX_WHOLE = 2**31 - 1
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Fields:
    """Reads the fields of one message; absent, null and "" are the same."""

    values: dict[str, Any]
    stream_id: str
    legacy: bool
    frame: str = ""  # the whole message, as it came

    def frame_for_peer(self) -> str:
        """The message as it came; in the 2017 dialect with its id under both names.

        Its path serves later clients too, and either may be the other peer.
        """
        if not self.legacy:
            return self.frame
        missing = [
            name
            for name in ("streamId", "streamName")
            if is_blank(self.values.get(name))
        ]
        added = "".join(f',"{name}":"{self.stream_id}"' for name in missing)
        return f"{self.frame.rstrip()[:-1]}{added}}}" if added else self.frame

    def text(
        self,
        name: str,
        *,
        limit: int = _MAX_NAME_CHARS,
        definition: ErrorDefinition = ErrorDefinition.MISSING_PARAMETER,
    ) -> str:
        """Raises SignallingError with `definition` when over `limit` characters."""
        text = storable(scalar(self.values.get(name)))
        if len(text) > limit:
            information = f"{name} is longer than {limit} characters"
            raise SignallingError(definition, self.stream_id, information=information)
        return text

    def credential(self, name: str, limit: int = _MAX_NAME_CHARS) -> str:
        return self.text(name, limit=limit, definition=ErrorDefinition.UNAUTHORIZED)

    def token(self) -> str:
        return self.credential("token", _MAX_TOKEN_CHARS)

    def viewer_info(self) -> str:
        """Free text for statistics: its beginning is enough."""
        sent = storable(scalar(self.values.get("viewerInfo")))
        return sent[:_KEPT_VIEWER_INFO_CHARS]

    def flag(self, *names: str) -> bool:
        """The first of `names` that says true or false; true if none does."""
        said = map(self.said_flag, names)
        return next((flag for flag in said if flag is not None), True)

    def said_flag(self, name: str) -> bool | None:
        """True or false, as a string too; nothing where it says neither."""
        value = self.values.get(name)
        if isinstance(value, str):
            value = _BOOLEANS.get(value.strip().lower())
        return value if isinstance(value, bool) else None

    def whole(self, name: str) -> int | None:
        """A whole number, as a string too, within what 32 bits hold; else nothing."""
        text = scalar(self.values.get(name)).strip()
        if not _WHOLE.fullmatch(text):
            return None
        return max(-_MAX_WHOLE, min(_MAX_WHOLE, int(text)))

    def tracks(self) -> tuple[str, ...]:
        """`trackList`: ids, some with "!" before them; anything else is left out."""
        value = self.values.get("trackList")
        if not isinstance(value, list):
            return ()
        texts = [text.strip() for text in value if isinstance(text, str)]
        ids = [text for text in texts if is_stream_id(text.removeprefix("!"))]
        return tuple(dict.fromkeys(ids))[:_MAX_TRACKS]

    def name(self) -> str:
        """The display name; where `streamName` served as the id there is none."""
        if self.legacy and is_blank(self.values.get("streamId")):
            return ""
        return self.text("streamName", definition=ErrorDefinition.INVALID_STREAM_NAME)

    def role(self) -> str:
        return self.text("role", limit=_MAX_ROLE_CHARS)

    def main_track(self) -> str:
        """Raises SignallingError: not an id (the alphabet of 2.0 row 4)."""
        invalid = ErrorDefinition.INVALID_STREAM_NAME
        text = self.text("mainTrack", limit=MAX_STREAM_ID_CHARS, definition=invalid)
        if text and not is_stream_id(text):
            information = "mainTrack has a character outside A-Za-z0-9_.-"
            raise SignallingError(invalid, self.stream_id, information=information)
        return text

    def room(self) -> str:
        """The name of a room, which newer SDKs send as `mainTrack` too.

        Raises SignallingError: none, or not an id.
        """
        name = "mainTrack" if is_blank(self.values.get("room")) else "room"
        text = scalar(self.values.get(name)).strip()
        if not text:
            raise SignallingError(ErrorDefinition.NO_ROOM, self.stream_id or None)
        if not is_stream_id(text):
            invalid = ErrorDefinition.INVALID_STREAM_NAME
            raise SignallingError(invalid, self.stream_id or None)
        return text

    def meta_data(self) -> str:
        name = "metadata" if is_blank(self.values.get("metaData")) else "metaData"
        return self.text(name, limit=_MAX_META_DATA_CHARS)

    def label(self) -> int | None:
        """A number or a numeric string; anything else is as if missing."""
        text = scalar(self.values.get("label")).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 5:
            return None
        return min(int(text), _MAX_LABEL)

    def mid(self) -> str:
        """`id` of a candidate; the reference server takes a missing one for "0"."""
        return storable(scalar(self.values.get("id")))[:_MAX_NAME_CHARS] or "0"

    def candidate(self) -> str:
        """Raises ProtocolError: longer than any real one."""
        text = storable(scalar(self.values.get("candidate")))
        if len(text) > _MAX_CANDIDATE_CHARS:
            raise ProtocolError("candidate too long")
        return text


_BOOLEANS = {"true": True, "false": False}


def storable(text: str) -> str:
    """Without what a database or UTF-8 cannot hold: NUL and lone surrogates."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def is_stream_id(text: str) -> bool:
    """Contract 2.0 row 4, and a bound on its length."""
    return len(text) <= MAX_STREAM_ID_CHARS and bool(_STREAM_ID.fullmatch(text))


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def scalar(value: object) -> str:
    """A string or a number as text; any other JSON value is ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""
