"""The vocabulary between signalling and a relay process.

Commands go to a relay, events come back. Both are frozen dataclasses that
travel as one JSON object a line. A command may be repeated safely: `session` is
the id of one attempt (32 hex digits, never reused), so an event of an abandoned
attempt names a session that nobody knows any more and is dropped.

Standard library only: importing this module must not load aiortc or av.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

VERSION = 3
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


class EncoderProblem(StrEnum):
    """What became of a stream's ladder. The stream itself goes on in any case."""

    NO_SETTINGS = "no_settings"  # none of those asked for fits what the publisher sends
    NOT_OPENED = "not_opened"  # the encoder does not start, or keeps dying
    BLOCKED = "blocked"  # it falls behind: renditions were dropped


class Failure(StrEnum):
    """Why a relay could not do what a command asked."""

    REMOTE_DESCRIPTION = "remote_description"  # SDP unusable
    LOCAL_DESCRIPTION = "local_description"  # no answer or offer could be made
    NO_STREAM = "no_stream"  # no such live stream here
    OVERLOADED = "overloaded"  # a bound of the relay is reached


@dataclass(frozen=True, slots=True)
class EncoderSetting:
    """A rendition that the operator wants of a stream (contract 7.2). Bit/s; 0 = as
    the encoder sees fit, for audio: as the publisher sends it.
    """

    height: int  # pixels
    video_bitrate: int = 0
    audio_bitrate: int = 0
    force_encode: bool = True  # also where the publisher's picture is lower
    force_same_resolution: bool = False  # also where it is exactly as high


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
    encoder_settings: tuple[EncoderSetting, ...] = ()  # the ladder to encode, if any
    tcp_candidates: bool = True


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
    adaptive: bool = True  # its rendition follows its path; False: only `ForceQuality`
    tcp_candidates: bool = True


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
    adaptive: bool = True
    tcp_candidates: bool = True


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
class ForceQuality:
    """Send this viewer the rendition of `height` pixels; 0 = as its path bears.

    A height that no rendition has is the next lower one, or the lowest. `track` as in
    `SetTracks`. Unknown sessions and tracks are ignored; `RenditionChanged` tells of
    each switch.
    """

    session: str
    track: str
    height: int


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
class RenditionChanged:
    """From now on a viewer is sent a rendition of `height` pixels of `track`."""

    session: str
    reply_to: str
    track: str  # stream id
    height: int


@dataclass(frozen=True, slots=True)
class EncoderFailed:
    """Told to the publisher of the stream; `heights` are the renditions given up."""

    session: str
    reply_to: str
    problem: EncoderProblem
    heights: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """Publisher: first media arrived. Viewer: connected and attached."""

    session: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing comes from a publisher with media any more, not even checks: its network
    is gone. Or something does come again.
    """

    session: str
    reply_to: str
    silent: bool


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
class RenditionReport:
    """One quality that viewers of a stream may get, the original included."""

    width: int  # of the last key frame, 0 = unknown
    height: int
    video_bitrate: int  # bit/s, as it is just now
    audio_bitrate: int
    video_codec: str


@dataclass(frozen=True, slots=True)
class KindReport:
    """What a publisher sent of one kind. Counters are of this publisher's session."""

    packets: int = 0
    bytes: int = 0
    packets_lost: int = 0  # that no retransmission brought
    packets_recovered: int = 0
    fraction_lost: float = 0.0  # of the last second or so, 0 to 1
    jitter_ms: int = 0
    nacks: int = 0  # NACK packets we sent
    key_frame_requests: int = 0  # PLIs we sent
    frames: int = 0


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
    sent_packets: int = 0  # to all viewers
    allowed_bitrate: int = 0  # what the publisher was told its path bears, 0 = nothing
    video: KindReport = KindReport()
    audio: KindReport = KindReport()
    renditions: tuple[RenditionReport, ...] = ()  # highest first


@dataclass(frozen=True, slots=True)
class ViewerReport:
    """What one viewer is sent, and what it says of it. 0 = not known (yet)."""

    session: str
    reply_to: str
    target_bitrate: int  # what its path bears by our estimate, bit/s
    video_bitrate: int  # sent to it, bit/s
    audio_bitrate: int
    height: int  # of the rendition it gets
    video_packets: int  # sent to it so far, retransmissions not counted
    audio_packets: int
    video_bytes: int
    audio_bytes: int
    packets_lost: int  # by its receiver reports
    fraction_lost: float  # of the last report, 0 to 1
    jitter_ms: int
    rtt_ms: int
    dropped_packets: int  # that the kernel had no room for
    retransmitted_packets: int
    nacks: int  # NACK packets it sent
    key_frame_requests: int  # PLIs and FIRs it sent
    join_ms: int  # from its command to its connection


@dataclass(frozen=True, slots=True)
class ViewersMeasured:
    """Some of a relay's viewers; each of them is told of every few seconds."""

    relay: str
    viewers: tuple[ViewerReport, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A relay's heartbeat."""

    relay: str
    streams: tuple[StreamReport, ...]
    peers: int
    cpu_percent: float = 0.0  # of the one core it can use, encoders not counted
    lag_ms: float = 0.0  # how late its loop was at worst since the last report
    rss_bytes: int = 0
    sent_packets: int = 0  # these since it started
    sent_bytes: int = 0
    received_packets: int = 0
    received_bytes: int = 0
    dropped_packets: int = 0
    malformed_packets: int = 0


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
    | ForceQuality
    | AssignVideoTrack
    | PageVideoTracks
    | LimitVideoTracks
    | TellAssignments
    | SetRoom
    | SendData
    | CloseSession
    | EndStream
)
SessionEvent = (
    Answered
    | Offered
    | TracksChanged
    | RenditionChanged
    | EncoderFailed
    | Started
    | Silence
    | Failed
    | Closed
)
Event = SessionEvent | StreamEnded | ViewersMeasured | Report | Ready

_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        AcceptOffer,
        CreateOffer,
        CreateRoomOffer,
        AcceptAnswer,
        SetTracks,
        ForceQuality,
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
        RenditionChanged,
        EncoderFailed,
        Started,
        Silence,
        Failed,
        Closed,
        StreamEnded,
        ViewersMeasured,
        Report,
        Ready,
    )
}

# How a field of this name is read, whatever message it is in.
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            "video_codecs",
            "candidates",
            "sees_roles",
            "own_streams",
            "tracks",
            "added",
            "removed",
            "heights",
        ),
        tuple,
    ),
    "distribution": Distribution,
    "failure": Failure,
    "reason": CloseReason,
    "problem": EncoderProblem,
}
# Fields that hold dataclasses: several of them, or one.
_LISTS: dict[tuple[type[Any], str], type[Any]] = {
    (Report, "streams"): StreamReport,
    (StreamReport, "renditions"): RenditionReport,
    (ViewersMeasured, "viewers"): ViewerReport,
    (AcceptOffer, "encoder_settings"): EncoderSetting,
}
_PARTS: dict[tuple[type[Any], str], type[Any]] = {
    (StreamReport, "video"): KindReport,
    (StreamReport, "audio"): KindReport,
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


def _from_dict(cls: type[Any], body: Any) -> Any:
    names = {field.name for field in fields(cls)}
    if not isinstance(body, dict) or not body.keys() <= names:
        raise ValueError(f"unknown fields for {cls.__name__}")
    try:
        return cls(**{name: _read(cls, name, value) for name, value in body.items()})
    except (TypeError, KeyError) as error:
        raise ValueError(f"malformed {cls.__name__}") from error


def _read(cls: type[Any], name: str, value: Any) -> Any:
    if (cls, name) in _LISTS:
        return tuple(_from_dict(_LISTS[cls, name], part) for part in value)
    if (cls, name) in _PARTS:
        return _from_dict(_PARTS[cls, name], value)
    reader = _READERS.get(name)
    return reader(value) if reader is not None else value
