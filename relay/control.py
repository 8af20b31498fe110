"""The vocabulary between signalling and a relay process.

Commands go to a relay, events come back. Both are frozen dataclasses that
travel as one JSON object a line. A command may be repeated safely: `session` is
the id of one attempt (32 hex digits, never reused), so an event of an abandoned
attempt names a session that nobody knows any more and is dropped.

Standard library only: importing this module must not load aiortc or av.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

VERSION = 1
# A description of 256 KiB, each character of which JSON writes as six.
MAX_LINE_BYTES = 2 * 1024 * 1024


class CloseReason(StrEnum):
    """Why a relay closed a session by itself."""

    START_TIMEOUT = "start_timeout"  # no media (publisher) / no DTLS (viewer) in time
    LOST = "lost"  # ICE consent or DTLS gone; a publisher's stream waits for its return
    STREAM_ENDED = (
        "stream_ended"  # viewers: the publisher stopped or its window is over
    )


class Failure(StrEnum):
    """Why a relay could not do what a command asked."""

    REMOTE_DESCRIPTION = "remote_description"  # SDP unusable
    LOCAL_DESCRIPTION = "local_description"  # no answer or offer could be made
    NO_STREAM = "no_stream"  # no such live stream here
    OVERLOADED = "overloaded"  # a bound of the relay is reached


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """A publisher's offer. Answered by `Answered` or `Failed`, later `Started`.

    A stream that waits for its publisher's return gets this one as its new source.
    """

    session: str
    reply_to: str  # channel-layer name of the consumer that owns the socket
    stream: str  # "<application>/<stream id>"
    sdp: str
    video_codecs: tuple[str, ...]  # enabled ones, e.g. ("VP8", "H264", "VP9", "AV1")
    start_timeout_ms: int  # until media must have arrived
    return_window_ms: int  # how long viewers stay when the publisher is lost
    max_bitrate_bps: int = 0  # bound of the REMB sent upstream; 0 = none
    accept_video: bool = True
    accept_audio: bool = True


@dataclass(frozen=True, slots=True)
class CreateOffer:
    """A viewer wants `stream`. Answered by `Offered` or `Failed`."""

    session: str
    reply_to: str
    stream: str
    start_timeout_ms: int


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """The viewer's answer to `Offered`. Followed by `Started` or `Failed`."""

    session: str
    sdp: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """End a session; unknown ids are ignored. No event answers it.

    `park`: a publisher whose socket was lost. Its stream and viewers stay for the
    return window; without `park` the stream ends at once.
    """

    session: str
    park: bool = False


@dataclass(frozen=True, slots=True)
class EndStream:
    """End a stream whoever publishes it; unknown streams are ignored."""

    stream: str


@dataclass(frozen=True, slots=True)
class Answered:
    session: str
    reply_to: str
    sdp: str
    candidates: tuple[str, ...]  # "candidate:…" lines, also in the SDP


@dataclass(frozen=True, slots=True)
class Offered:
    session: str
    reply_to: str
    sdp: str
    candidates: tuple[str, ...]
    id_mapping: dict[str, str]  # mid -> "ARDAMSv<id>" / "ARDAMSa<id>"


@dataclass(frozen=True, slots=True)
class Started:
    """Publisher: first media arrived. Viewer: connected and attached."""

    session: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The command had no effect; the session does not exist (any more)."""

    session: str
    reply_to: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Closed:
    session: str
    reply_to: str
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A stream's return window passed; `session` was its last publisher."""

    stream: str
    session: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What one live stream does, sent every few seconds. Bitrates in bit/s."""

    stream: str
    session: str
    video_codec: str  # "" when the stream has no video
    audio_codec: str
    width: int  # of the last key frame, 0 = unknown
    height: int
    video_bitrate: int
    audio_bitrate: int
    received_bytes: int
    packets_lost: int
    jitter_ms: int
    rtt_ms: int
    viewers: int
    key_frame_requests: int
    dropped_sends: int


@dataclass(frozen=True, slots=True)
class Report:
    """A relay's heartbeat."""

    relay: str
    streams: tuple[StreamReport, ...]
    peers: int


@dataclass(frozen=True, slots=True)
class Ready:
    """First event of a relay: its media port is bound."""

    relay: str
    pid: int
    port: int
    version: int = VERSION


Command = AcceptOffer | CreateOffer | AcceptAnswer | CloseSession | EndStream
SessionEvent = Answered | Offered | Started | Failed | Closed
Event = SessionEvent | StreamEnded | Report | Ready

_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        AcceptOffer,
        CreateOffer,
        AcceptAnswer,
        CloseSession,
        EndStream,
        Answered,
        Offered,
        Started,
        Failed,
        Closed,
        StreamEnded,
        Report,
        Ready,
    )
}


def encode(message: Command | Event) -> bytes:
    """One line of JSON, newline included."""
    body = {"kind": type(message).__name__, **asdict(message)}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Command | Event:
    """The message of one line.

    Raises:
        ValueError: not a message of this vocabulary.
    """
    try:
        body = json.loads(line)
    except RecursionError as error:
        raise ValueError("a control message is not that deep") from error
    if not isinstance(body, dict):
        raise ValueError("a control message is a JSON object")
    cls = _TYPES.get(str(body.pop("kind", "")))
    if cls is None:
        raise ValueError("unknown kind of control message")
    message: Command | Event = _from_dict(cls, body)
    return message


def _from_dict(cls: type[Any], body: dict[str, Any]) -> Any:
    names = {field.name for field in fields(cls)}
    if not body.keys() <= names:
        raise ValueError(f"unknown fields for {cls.__name__}")
    try:
        if cls is Report:
            body["streams"] = tuple(
                StreamReport(**stream) for stream in body["streams"]
            )
        for name in ("video_codecs", "candidates"):
            if name in body:
                body[name] = tuple(body[name])
        if cls is Failed:
            body["failure"] = Failure(body["failure"])
        if cls is Closed:
            body["reason"] = CloseReason(body["reason"])
        return cls(**body)
    except (TypeError, KeyError) as error:
        raise ValueError(f"malformed {cls.__name__}") from error
