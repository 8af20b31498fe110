"""A text frame to a frozen dataclass: the generic gate and the tolerant fields.

Pure: no I/O, no awaits. Whatever the text is, `parse_message` returns a message
or raises `ProtocolError` (nothing is answered) or `SignallingError` (its refusal).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from signalling.errors import ProtocolError, SignallingError
from signalling.protocol import (
    LEGACY_WITHOUT_STREAM_ID,
    MAX_FRAME_BYTES,
    MAX_SDP_FRAME_BYTES,
    MAX_STREAM_ID_CHARS,
    WITHOUT_STREAM_ID,
    Command,
    ErrorDefinition,
)

_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_NAME_CHARS = 255
_MAX_TOKEN_CHARS = 4096  # a JWT
_MAX_CANDIDATE_CHARS = 4096
_MAX_META_DATA_CHARS = 16 * 1024
_MAX_ROLE_CHARS = 64
_KEPT_VIEWER_INFO_CHARS = 255
_MAX_LABEL = 65535


@dataclass(frozen=True, slots=True)
class Publish:
    stream_id: str
    name: str
    video: bool
    audio: bool
    main_track: str
    meta_data: str
    role: str
    token: str
    subscriber_id: str
    subscriber_code: str
    link_session: str


@dataclass(frozen=True, slots=True)
class Play:
    stream_id: str
    viewer_info: str
    role: str
    token: str
    room: str
    subscriber_id: str
    subscriber_code: str
    subscriber_name: str
    user_publish_id: str
    link_session: str


@dataclass(frozen=True, slots=True)
class Stop:
    stream_id: str  # "" (2017 dialect only): everything of this socket


@dataclass(frozen=True, slots=True)
class TakeConfiguration:
    stream_id: str
    is_offer: bool
    sdp: str


@dataclass(frozen=True, slots=True)
class TakeCandidate:
    stream_id: str
    label: int | None  # m-line index; None = to be found by `mid`
    mid: str
    candidate: str  # "" = end of candidates


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class GetIceServerConfig:
    pass


@dataclass(frozen=True, slots=True)
class GetStreamInfo:
    stream_id: str


@dataclass(frozen=True, slots=True)
class GetBroadcastObject:
    stream_id: str


Message = (
    Publish
    | Play
    | Stop
    | TakeConfiguration
    | TakeCandidate
    | Ping
    | GetIceServerConfig
    | GetStreamInfo
    | GetBroadcastObject
)


def parse_message(text: str, *, legacy: bool = False) -> Message:
    """The message of one frame; `legacy` is the 2017 dialect (contract 1, 2.0).

    Raises:
        ProtocolError: to be ignored with a log line.
        SignallingError: to be answered with its definition.
    """
    body = _load(text)
    command = _command(body)
    stream_id = _stream_id(body, command, legacy=legacy)
    parser = _PARSERS.get(command)
    if parser is None:
        raise ProtocolError("unknown command")
    return parser(stream_id, _Fields(body, stream_id, legacy))


def _load(text: str) -> dict[str, Any]:
    # A character is 1 to 4 bytes: only the frames between need to be counted.
    if len(text) * 4 > MAX_FRAME_BYTES:
        size = len(text.encode("utf-8", "surrogatepass"))
    else:
        size = len(text)
    if size > MAX_SDP_FRAME_BYTES:
        raise ProtocolError("frame too big")
    try:
        body = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("malformed JSON") from None
    if not isinstance(body, dict):
        raise ProtocolError("not an object")
    if size > MAX_FRAME_BYTES and body.get("command") != Command.TAKE_CONFIGURATION:
        raise ProtocolError("frame too big")
    return body


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(name)


def _command(body: dict[str, Any]) -> str:
    command = body.get("command")
    if not isinstance(command, str) or not command:
        raise ProtocolError("no command")
    return command


def _stream_id(body: dict[str, Any], command: str, *, legacy: bool) -> str:
    """The checked stream id, "" where the command needs none (contract 2.0)."""
    value = body.get("streamId")
    if legacy and _is_blank(value):
        value = body.get("streamName")
    exempt = LEGACY_WITHOUT_STREAM_ID if legacy else WITHOUT_STREAM_ID
    if command == Command.PING:
        return ""
    if _is_blank(value):
        if command in exempt:
            return ""
        raise SignallingError(ErrorDefinition.NO_STREAM_NAME)
    text = _scalar(value)
    if not _STREAM_ID.fullmatch(text) or len(text) > MAX_STREAM_ID_CHARS:
        raise SignallingError(ErrorDefinition.INVALID_STREAM_NAME, text)
    return text


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _scalar(value: object) -> str:
    """A string or a number as text; any other JSON value is ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


@dataclass(frozen=True, slots=True)
class _Fields:
    """Reads the fields of one message; absent, null and "" are the same."""

    values: dict[str, Any]
    stream_id: str
    legacy: bool

    def text(
        self,
        name: str,
        *,
        limit: int = _MAX_NAME_CHARS,
        definition: ErrorDefinition = ErrorDefinition.MISSING_PARAMETER,
    ) -> str:
        """Raises SignallingError with `definition` when over `limit` characters."""
        text = _storable(_scalar(self.values.get(name)))
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
        sent = _storable(_scalar(self.values.get("viewerInfo")))
        return sent[:_KEPT_VIEWER_INFO_CHARS]

    def flag(self, *names: str) -> bool:
        """The first of `names` that says true or false; true if none does."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str):
                value = _BOOLEANS.get(value.strip().lower())
            if isinstance(value, bool):
                return value
        return True

    def name(self) -> str:
        """The display name; where `streamName` served as the id there is none."""
        if self.legacy and _is_blank(self.values.get("streamId")):
            return ""
        return self.text("streamName", definition=ErrorDefinition.INVALID_STREAM_NAME)

    def main_track(self) -> str:
        """Raises SignallingError: not an id (the alphabet of 2.0 row 4)."""
        return self._other_id("mainTrack")

    def _other_id(self, name: str) -> str:
        invalid = ErrorDefinition.INVALID_STREAM_NAME
        text = self.text(name, limit=MAX_STREAM_ID_CHARS, definition=invalid)
        if text and not _STREAM_ID.fullmatch(text):
            information = f"{name} has a character outside A-Za-z0-9_.-"
            raise SignallingError(invalid, self.stream_id, information=information)
        return text

    def meta_data(self) -> str:
        name = "metadata" if _is_blank(self.values.get("metaData")) else "metaData"
        return self.text(name, limit=_MAX_META_DATA_CHARS)

    def label(self) -> int | None:
        """A number or a numeric string; anything else is as if missing."""
        text = _scalar(self.values.get("label")).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 5:
            return None
        return min(int(text), _MAX_LABEL)


_BOOLEANS = {"true": True, "false": False}


def _storable(text: str) -> str:
    """Without what a database or UTF-8 cannot hold: NUL and lone surrogates."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _publish(stream_id: str, fields: _Fields) -> Publish:
    return Publish(
        stream_id=stream_id,
        name=fields.name(),
        video=fields.flag("video", "enableVideo"),
        audio=fields.flag("audio", "enableAudio"),
        main_track=fields.main_track(),
        meta_data=fields.meta_data(),
        role=fields.text("role", limit=_MAX_ROLE_CHARS),
        token=fields.token(),
        subscriber_id=fields.credential("subscriberId"),
        subscriber_code=fields.credential("subscriberCode"),
        link_session=fields.text("linkSession"),
    )


def _play(stream_id: str, fields: _Fields) -> Play:
    return Play(
        stream_id=stream_id,
        viewer_info=fields.viewer_info(),
        role=fields.text("role", limit=_MAX_ROLE_CHARS),
        token=fields.token(),
        room=fields.text("room"),
        subscriber_id=fields.credential("subscriberId"),
        subscriber_code=fields.credential("subscriberCode"),
        subscriber_name=fields.text("subscriberName"),
        user_publish_id=fields.text("userPublishId"),
        link_session=fields.text("linkSession"),
    )


def _take_configuration(stream_id: str, fields: _Fields) -> TakeConfiguration:
    # Anything but "offer" is an answer, as the reference server reads it.
    return TakeConfiguration(
        stream_id=stream_id,
        is_offer=_scalar(fields.values.get("type")) == "offer",
        sdp=fields.text("sdp", limit=MAX_SDP_FRAME_BYTES),
    )


def _take_candidate(stream_id: str, fields: _Fields) -> TakeCandidate:
    candidate = _storable(_scalar(fields.values.get("candidate")))
    if len(candidate) > _MAX_CANDIDATE_CHARS:
        raise ProtocolError("candidate too long")
    return TakeCandidate(
        stream_id=stream_id,
        label=fields.label(),
        mid=_storable(_scalar(fields.values.get("id")))[:_MAX_NAME_CHARS] or "0",
        candidate=candidate,
    )


_PARSERS: dict[str, Callable[[str, _Fields], Message]] = {
    Command.PUBLISH: _publish,
    Command.PLAY: _play,
    Command.STOP: lambda stream_id, _: Stop(stream_id),
    Command.TAKE_CONFIGURATION: _take_configuration,
    Command.TAKE_CANDIDATE: _take_candidate,
    Command.PING: lambda *_: Ping(),
    Command.GET_ICE_SERVER_CONFIG: lambda *_: GetIceServerConfig(),
    Command.GET_STREAM_INFO: lambda stream_id, _: GetStreamInfo(stream_id),
    Command.GET_BROADCAST_OBJECT: lambda stream_id, _: GetBroadcastObject(stream_id),
}
