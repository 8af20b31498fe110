"""A text frame to a frozen dataclass: the generic gate and the tolerant fields.

Pure: no I/O, no awaits. Whatever the text is, `parse_message` returns a message
or raises `ProtocolError` (nothing is answered) or `SignallingError` (its refusal).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from signalling.conference_messages import PARSERS as CONFERENCE_PARSERS
from signalling.conference_messages import ConferenceMessage
from signalling.errors import ProtocolError, SignallingError
from signalling.fields import Fields, is_blank, is_stream_id, scalar
from signalling.information_messages import PARSERS as INFORMATION_PARSERS
from signalling.information_messages import InformationMessage
from signalling.protocol import (
    LEGACY_WITHOUT_STREAM_ID,
    MAX_FRAME_BYTES,
    MAX_SDP_FRAME_BYTES,
    WITHOUT_STREAM_ID,
    Command,
    ErrorDefinition,
)


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
    tracks: tuple[str, ...]  # trackList: ids, some with "!" before them
    tracks_disabled: bool | None  # disableTracksByDefault; None: nothing was said
    link_session: str


@dataclass(frozen=True, slots=True)
class Stop:
    stream_id: str  # "" (2017 dialect only): everything of this socket


@dataclass(frozen=True, slots=True)
class TakeConfiguration:
    stream_id: str
    is_offer: bool
    sdp: str
    frame: str = field(default="", compare=False)  # for the other peer, verbatim


@dataclass(frozen=True, slots=True)
class TakeCandidate:
    stream_id: str
    label: int | None  # m-line index; None = to be found by `mid`
    mid: str
    candidate: str  # "" = end of candidates
    frame: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Into a peer-to-peer room."""

    stream_id: str
    mode: str  # "both" or "play"


@dataclass(frozen=True, slots=True)
class Leave:
    stream_id: str  # "" (2017 dialect only): every room of this socket


@dataclass(frozen=True, slots=True)
class JoinRoom:
    stream_id: str  # "" for one of the server's choice
    room: str


@dataclass(frozen=True, slots=True)
class LeaveFromRoom:
    stream_id: str
    room: str


@dataclass(frozen=True, slots=True)
class GetRoomInfo:
    stream_id: str  # of the caller, left out of the answer
    room: str


@dataclass(frozen=True, slots=True)
class PeerMessage:
    """Anything at all, from one peer to the other."""

    stream_id: str
    frame: str


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
    | Join
    | Leave
    | PeerMessage
    | JoinRoom
    | LeaveFromRoom
    | GetRoomInfo
    | Ping
    | GetIceServerConfig
    | GetStreamInfo
    | GetBroadcastObject
    | ConferenceMessage
    | InformationMessage
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
    return parser(stream_id, Fields(body, stream_id, legacy, text))


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
    if legacy and is_blank(value):
        value = body.get("streamName")
    exempt = LEGACY_WITHOUT_STREAM_ID if legacy else WITHOUT_STREAM_ID
    if command == Command.PING:
        return ""
    if is_blank(value):
        if command in exempt:
            return ""
        raise SignallingError(ErrorDefinition.NO_STREAM_NAME)
    text = scalar(value)
    if not is_stream_id(text):
        raise SignallingError(ErrorDefinition.INVALID_STREAM_NAME, text)
    return text


def _publish(stream_id: str, fields: Fields) -> Publish:
    return Publish(
        stream_id=stream_id,
        name=fields.name(),
        video=fields.flag("video", "enableVideo"),
        audio=fields.flag("audio", "enableAudio"),
        main_track=fields.main_track(),
        meta_data=fields.meta_data(),
        role=fields.role(),
        token=fields.token(),
        subscriber_id=fields.credential("subscriberId"),
        subscriber_code=fields.credential("subscriberCode"),
        link_session=fields.text("linkSession"),
    )


def _play(stream_id: str, fields: Fields) -> Play:
    return Play(
        stream_id=stream_id,
        viewer_info=fields.viewer_info(),
        role=fields.role(),
        token=fields.token(),
        room=fields.text("room"),
        subscriber_id=fields.credential("subscriberId"),
        subscriber_code=fields.credential("subscriberCode"),
        subscriber_name=fields.text("subscriberName"),
        user_publish_id=fields.text("userPublishId"),
        tracks=fields.tracks(),
        tracks_disabled=fields.said_flag("disableTracksByDefault"),
        link_session=fields.text("linkSession"),
    )


def _take_configuration(stream_id: str, fields: Fields) -> TakeConfiguration:
    # Anything but "offer" is an answer, as the reference server reads it.
    return TakeConfiguration(
        stream_id=stream_id,
        is_offer=scalar(fields.values.get("type")) == "offer",
        sdp=fields.text("sdp", limit=MAX_SDP_FRAME_BYTES),
        frame=fields.frame_for_peer(),
    )


def _take_candidate(stream_id: str, fields: Fields) -> TakeCandidate:
    return TakeCandidate(
        stream_id=stream_id,
        label=fields.label(),
        mid=fields.mid(),
        candidate=fields.candidate(),
        frame=fields.frame_for_peer(),
    )


def _join(stream_id: str, fields: Fields) -> Join:
    mode = fields.text("mode")
    return Join(stream_id, "play" if mode == "play" else "both")


_PARSERS: dict[str, Callable[[str, Fields], Message]] = {
    Command.PUBLISH: _publish,
    Command.PLAY: _play,
    Command.STOP: lambda stream_id, _: Stop(stream_id),
    Command.TAKE_CONFIGURATION: _take_configuration,
    Command.TAKE_CANDIDATE: _take_candidate,
    Command.JOIN: _join,
    Command.LEAVE: lambda stream_id, _: Leave(stream_id),
    Command.PEER_MESSAGE: lambda stream_id, fields: PeerMessage(
        stream_id, fields.frame_for_peer()
    ),
    Command.JOIN_ROOM: lambda stream_id, fields: JoinRoom(stream_id, fields.room()),
    Command.LEAVE_FROM_ROOM: lambda stream_id, fields: LeaveFromRoom(
        stream_id, fields.room()
    ),
    Command.GET_ROOM_INFO: lambda stream_id, fields: GetRoomInfo(
        stream_id, fields.room()
    ),
    Command.PING: lambda *_: Ping(),
    Command.GET_ICE_SERVER_CONFIG: lambda *_: GetIceServerConfig(),
    Command.GET_STREAM_INFO: lambda stream_id, _: GetStreamInfo(stream_id),
    Command.GET_BROADCAST_OBJECT: lambda stream_id, _: GetBroadcastObject(stream_id),
    **CONFERENCE_PARSERS,
    **INFORMATION_PARSERS,
}
