"""What the relay and an encoder process say to each other.

One message is one packet of a socket pair: a byte that names its kind, then an RTP
packet or a JSON object. Both sides take the other's messages for hostile.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

VIDEO_IN, AUDIO_IN = 0x00, 0x01  # to the encoder: the stream's own packets
# From the encoder: 0x00 + index is a rendition's video, 0x10 + index an audio quality.
AUDIO_OUT = 0x10
CONTROL = 0x7F
MAX_RUNGS = 8  # renditions of a stream, and audio qualities
MAX_MESSAGE_BYTES = 4096
MAX_REASON = 200  # characters
MAX_NUMBER = (1 << 53) - 1  # any of them can be reckoned with
ORIENTATION_ID = 4  # of the RTP extension, as relay.negotiation has it


@dataclass(frozen=True, slots=True)
class Rung:
    """A rendition to encode. `index` names it on the link, never another one."""

    index: int
    height: int  # pixels
    video_bitrate: int  # bit/s
    audio_bitrate: int = 0  # 0 = the stream's own audio


@dataclass(frozen=True, slots=True)
class Ladder:
    """To the encoder: what to make from now on; what is not named any more ends.

    `source`: codec of the stream's video as in SDP; `single_nal`: H.264 in packets of
    one NAL unit each (packetization-mode 0). `audio`: bit/s by index.
    """

    source: str
    target: str
    rungs: tuple[Rung, ...]
    single_nal: bool = False
    audio: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """To the encoder: the rendition's next frame is to be a key frame."""

    index: int


@dataclass(frozen=True, slots=True)
class Ready:
    """From the encoder: it can take packets."""


@dataclass(frozen=True, slots=True)
class SourceKeyFrame:
    """From the encoder: it can decode nothing before the stream's next key frame."""


@dataclass(frozen=True, slots=True)
class RungFailed:
    """From the encoder: this rendition's encoder does not open."""

    index: int


@dataclass(frozen=True, slots=True)
class Status:
    """From the encoder, once a second; the counts are of that second."""

    frames: int = 0  # that came in whole
    skipped_frames: int = 0  # decoded too late to be worth encoding, or not decoded
    dropped_packets: int = 0  # that the relay had no room for
    broken_frames: int = 0  # that could not be decoded
    age_ms: int = 0  # of the oldest frame when its turn came
    busy_percent: int = 0  # of the time


@dataclass(frozen=True, slots=True)
class Crashed:
    """From the encoder: it ends by itself, for `reason`."""

    reason: str


Message = Crashed | Ladder | KeyFrame | Ready | SourceKeyFrame | RungFailed | Status
_KINDS: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (Crashed, Ladder, KeyFrame, Ready, SourceKeyFrame, RungFailed, Status)
}


def encode(message: Message) -> bytes:
    """The message with its kind byte."""
    body = {"kind": type(message).__name__, **asdict(message)}
    return bytes((CONTROL,)) + json.dumps(body, separators=(",", ":")).encode()


def decode(data: bytes) -> Message:
    """The control message in `data`, kind byte included.

    Raises:
        ValueError: not a message of this vocabulary.
    """
    try:
        body = json.loads(data[1:])
        cls = _KINDS[body.pop("kind")]
        if cls is Ladder:
            return _read_ladder(body)
        if cls is Crashed:
            return Crashed(str(body["reason"])[:MAX_REASON])
        message: Message = cls(**body)
        _check(message)
        return message
    except (
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError("malformed message of the encoder's link") from error


def _read_ladder(body: dict[str, Any]) -> Ladder:
    rungs = tuple(Rung(**rung) for rung in body["rungs"])[:MAX_RUNGS]
    for rung in rungs:
        _check(rung)
    audio = tuple(int(rate) for rate in body["audio"])[:MAX_RUNGS]
    single_nal = bool(body["single_nal"])
    return Ladder(str(body["source"]), str(body["target"]), rungs, single_nal, audio)


def _check(message: Any) -> None:
    """All its fields are numbers.

    Raises:
        ValueError: one is not, or is negative, or huge.
    """
    for field in fields(message):
        value = getattr(message, field.name)
        if type(value) is not int or not 0 <= value <= MAX_NUMBER:
            raise ValueError(f"{field.name} is not a number")
