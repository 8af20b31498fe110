"""The payload type of each codec format: one number, whoever sends it.

A BUNDLE group must not give one payload type to two formats (RFC 8843 9.1), and the
packets of a track are shared by viewers who play it alone and viewers who play it
within a room. So the number follows from the format alone. RTX has the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from relay.sdp import Codec

_OPUS_FMTP = "minptime=10;useinbandfec=1"
H264_PROFILES = ("42001f", "42e01f", "4d001f", "64001f", "640c1f")
H264_MODES = ("1", "0")
AV1_FMTP = "level-idx=5;profile=0;tier=0"
# Formats no browser sends share these by chance; two of them that meet in a room
# under one number cannot both be seen there. 64-95 are RTCP's (RFC 5761 4).
_RARE_PAYLOAD_TYPES = (*range(35, 45, 2), *range(47, 63, 2), 124, 126)


@dataclass(frozen=True, slots=True)
class Format:
    """What must be equal for two tracks to have one payload type.

    `fmtp` is the canonical one: levels and hints, in which senders differ and
    decoders do not, are those of this table.
    """

    name: str  # as registered
    fmtp: str
    payload_type: int

    def codec(self, feedback: tuple[str, ...] = ()) -> Codec:
        """As a room offers it."""
        clock_rate, channels = (48000, 2) if self.name == "opus" else (90000, 0)
        return Codec(
            self.name, self.payload_type, clock_rate, channels, self.fmtp, feedback
        )


def _h264_fmtp(profile: str, mode: str) -> str:
    return (
        "level-asymmetry-allowed=1;"
        f"packetization-mode={mode};profile-level-id={profile}"
    )


_H264 = {
    (profile[:4], mode): Format("H264", _h264_fmtp(profile, mode), number)
    for number, (profile, mode) in zip(
        (*range(102, 110, 2), *range(112, 124, 2)),
        ((profile, mode) for profile in H264_PROFILES for mode in H264_MODES),
        strict=True,
    )
}
OPUS = Format("opus", _OPUS_FMTP, 111)
_VP8 = Format("VP8", "", 96)
_VP9 = {
    "0": Format("VP9", "profile-id=0", 98),
    "2": Format("VP9", "profile-id=2", 100),
}
_AV1 = {"0": Format("AV1", AV1_FMTP, 45)}
_BY_NAME: dict[str, tuple[Format, ...]] = {
    "VP8": (_VP8,),
    "VP9": tuple(_VP9.values()),
    "AV1": tuple(_AV1.values()),
    "H264": tuple(_H264.values()),
}


def format_of(codec: Codec) -> Format:
    """The format of a publisher's codec, with its payload type towards viewers."""
    name = codec.name.upper()
    known: Format | None = None
    match name:
        case "OPUS":
            known = OPUS
        case "VP8":
            known = _VP8
        case "VP9":
            known = _VP9.get(codec.parameter("profile-id") or "0")
        case "AV1":
            known = _AV1.get(codec.parameter("profile") or "0")
        case "H264":
            profile = codec.parameter("profile-level-id").lower() or "42001f"
            mode = codec.parameter("packetization-mode") or "0"
            known = _H264.get((_h264_profile(profile), mode))
    if known is not None:
        return known
    text = f"{name};{codec.fmtp}".lower().encode()
    number = _RARE_PAYLOAD_TYPES[crc32(text) % len(_RARE_PAYLOAD_TYPES)]
    return Format(codec.name, codec.fmtp, number)


def _h264_profile(profile_level_id: str) -> str:
    """The profile without its level; constrained baseline has several spellings."""
    profile = profile_level_id[:4]
    try:
        is_constrained = int(profile[2:], 16) & 0x40
    except ValueError:
        return profile
    return "42e0" if profile[:2] == "42" and is_constrained else profile


def formats_of(video_codecs: tuple[str, ...]) -> tuple[Format, ...]:
    """The formats a slot may carry, in the order of the codec names."""
    return tuple(
        known for name in video_codecs for known in _BY_NAME.get(name.upper(), ())
    )
