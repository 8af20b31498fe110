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

VERSION = 2
# A description of 256 KiB, each character of which JSON writes as six.
MAX_LINE_BYTES = 2 * 1024 * 1024


class CloseReason(StrEnum):
    """Why a relay closed a session by itself."""

    START_TIMEOUT = "start_timeout"  # no media (publisher) / no DTLS (viewer) in time
    LOST = "lost"  # ICE consent or DTLS gone; a publisher's stream waits for its return
    STREAM_ENDED = (
        "stream_ended"  # viewers: the publisher stopped or its window is over
    )


class Distribution(StrEnum):
    """Who gets what a viewer sends on its data channel (contract 3.4).

    What a publisher sends goes to all viewers in any case.
    """

    ALL = "all"  # the publisher and the other viewers
    PUBLISHER = "publisher"
    NONE = "none"


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
    room: str = ""  # "<application>/<main track id>" it is a participant of
    role: str = "default"  # of the participant: who may see it is said by role
    data_channels: bool = True
    distribution: Distribution = Distribution.ALL


@dataclass(frozen=True, slots=True)
class CreateOffer:
    """A viewer wants `stream`. Answered by `Offered` or `Failed`."""

    session: str
    reply_to: str
    stream: str
    start_timeout_ms: int
    send_video: bool = True  # from the start; `SetTracks` changes it
    send_audio: bool = True
    data_channels: bool = True
    distribution: Distribution = Distribution.ALL


@dataclass(frozen=True, slots=True)
class CreateRoomOffer:
    """A viewer wants a room, empty or not. Answered by `Offered` or `Failed`.

    More `Offered` follow as participants come and go, each after the answer to the
    one before, with a `TracksChanged` before each. The viewer stays when the last
    participant has left; who ends it says `CloseSession`.
    """

    session: str
    reply_to: str
    room: str  # "<application>/<main track id>"
    start_timeout_ms: int
    sees_roles: tuple[str, ...]  # participants of other roles do not exist for it
    own_streams: tuple[str, ...] = ()  # stream ids that are never sent back to it
    tracks: tuple[str, ...] = ()  # stream ids sent from the start, "!id": not; () = all
    enabled: bool = True  # whether a track that `tracks` does not name is sent
    video_codecs: tuple[str, ...] = ()  # what slots may carry
    max_video_tracks: int = -1  # slots; -1 = a section for each participant
    max_audio_tracks: int = -1
    audio_levels: bool = False  # UPDATE_AUDIO_LEVEL on the data channel
    audio_level_threshold: int = 120  # 0 (loudest) to 127; above it is silence
    data_channels: bool = True
    distribution: Distribution = Distribution.ALL


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """The viewer's answer to the last `Offered`.

    The first one is followed by `Started` or `Failed`, a later one by nothing, or
    by `Failed` when it does not fit.
    """

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
class SetTracks:
    """Send a kind of a track to this viewer, or not; None leaves it as it is.

    `track`: a stream id, the viewed stream's own or a participant's; a slot's label
    ("videoTrack0"), for whatever that slot shows; "" = all of them. Unknown ones are
    ignored, as is an unknown session. No event answers it, nor the three below.
    """

    session: str
    track: str
    video: bool | None = None
    audio: bool | None = None


@dataclass(frozen=True, slots=True)
class AssignVideoTrack:
    """Pin participant `track` to the slot `label` ("videoTrack0"), or unpin it."""

    session: str
    label: str
    track: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class PageVideoTracks:
    """Fill the slots with the `size` participants from `offset` on."""

    session: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class LimitVideoTracks:
    """Use at most `most` of the viewer's slots; -1 = all it has."""

    session: str
    most: int


@dataclass(frozen=True, slots=True)
class TellAssignments:
    """Say on the viewer's data channel which slots carry what."""

    session: str


@dataclass(frozen=True, slots=True)
class SetRoom:
    """The live stream is in `room` from now on ("" = in none), with that role."""

    stream: str
    room: str
    role: str = "default"


@dataclass(frozen=True, slots=True)
class SendData:
    """Say `text` on the data channels of a stream or room, to everybody in it.

    `target`: "<application>/<stream or main track id>"; an unknown one is ignored.
    """

    target: str
    text: str


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
class TracksChanged:
    """Participants that a room's viewer sees from now on, or no more, by stream id."""

    session: str
    reply_to: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


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


Command = (
    AcceptOffer
    | CreateOffer
    | CreateRoomOffer
    | AcceptAnswer
    | SetTracks
    | AssignVideoTrack
    | PageVideoTracks
    | LimitVideoTracks
    | TellAssignments
    | SetRoom
    | SendData
    | CloseSession
    | EndStream
)
SessionEvent = Answered | Offered | TracksChanged | Started | Failed | Closed
Event = SessionEvent | StreamEnded | Report | Ready

_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        AcceptOffer,
        CreateOffer,
        CreateRoomOffer,
        AcceptAnswer,
        SetTracks,
        AssignVideoTrack,
        PageVideoTracks,
        LimitVideoTracks,
        TellAssignments,
        SetRoom,
        SendData,
        CloseSession,
        EndStream,
        Answered,
        Offered,
        TracksChanged,
        Started,
        Failed,
        Closed,
        StreamEnded,
        Report,
        Ready,
    )
}

_TUPLES = frozenset(
    {
        "video_codecs",
        "candidates",
        "sees_roles",
        "own_streams",
        "tracks",
        "added",
        "removed",
    }
)


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
        for name in _TUPLES & body.keys():
            body[name] = tuple(body[name])
        if "distribution" in body:
            body["distribution"] = Distribution(body["distribution"])
        if cls is Failed:
            body["failure"] = Failure(body["failure"])
        if cls is Closed:
            body["reason"] = CloseReason(body["reason"])
        return cls(**body)
    except (TypeError, KeyError) as error:
        raise ValueError(f"malformed {cls.__name__}") from error
