"""Session descriptions: aiortc's parser behind frozen records, and a writer.

The parser asserts and raises many kinds of errors on odd input; here each of
them is a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription, parameters_to_sdp

from relay.simulcast_sdp import Layer, received_lines, sent_layers

MAX_SDP_BYTES = 128 * 1024
MAX_MEDIA_SECTIONS = 64
# The parser compares each rtcp-fb and fmtp line with each codec of its section.
MAX_SECTION_LINES = 384
MAX_SECTION_CODECS = 96

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
TRANSPORT_SEQ = (
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
SCTP_STREAMS = 64  # said in the form before RFC 8841; nobody reads it
DATA_CHANNEL = "webrtc-datachannel"
DEFAULT_MAX_MESSAGE_BYTES = 65536  # RFC 8841 6.1: where nothing is said


@dataclass(frozen=True, slots=True)
class Codec:
    """One rtpmap with its fmtp and feedback. `fmtp` is the text after the number."""

    name: str  # as registered, "VP8", "H264", "opus"; compare without case
    payload_type: int
    clock_rate: int
    channels: int = 0  # 0 where the kind has none
    fmtp: str = ""
    feedback: tuple[str, ...] = ()

    def rtpmap(self) -> str:
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"

    def parameter(self, key: str) -> str:
        """A value of the fmtp, or ""."""
        for item in self.fmtp.split(";"):
            name, _, value = item.strip().partition("=")
            if name.lower() == key:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Media:
    """One m-section of a remote description."""

    kind: str
    mid: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    direction: str
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]  # URI -> id
    ssrcs: tuple[int, ...]
    rtcp_mux: bool
    setup: str  # "active", "passive", "actpass" or ""
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    sctp_port: int = 0  # 0 = none is given
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES  # 0 = of any size
    layers: tuple[Layer, ...] = ()  # of simulcast that it offers to send


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    media: tuple[Media, ...]
    bundle: tuple[str, ...]  # mids of the BUNDLE group


_ROLES = {"auto": "actpass", "client": "active", "server": "passive"}


def parse_sdp(
    text: str, *, max_sections: int = MAX_MEDIA_SECTIONS
) -> RemoteDescription:
    """The description in `text`.

    Raises:
        ValueError: it is too large or not a usable session description.
    """
    _check_size(text, max_sections)
    try:
        parsed = SessionDescription.parse(text)
        media = tuple(
            _media(section, lines)
            for section, lines in zip(parsed.media, _section_lines(text), strict=True)
        )
        bundle = next(
            (tuple(map(str, g.items)) for g in parsed.group if g.semantic == "BUNDLE"),
            (),
        )
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        StopIteration,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError("not a session description") from error
    if not media:
        raise ValueError("no media section")
    return RemoteDescription(media, bundle)


def _check_size(text: str, max_sections: int) -> None:
    """Bound what the parser's time and memory grow with."""
    if len(text) > MAX_SDP_BYTES:
        raise ValueError("session description too large")
    sections = lines = codecs = 0
    for line in text.splitlines():
        if line.startswith("m="):
            sections += 1
            lines = codecs = 0
        lines += 1
        codecs += line.startswith("a=rtpmap:")
        if (
            sections > max_sections
            or lines > MAX_SECTION_LINES
            or codecs > MAX_SECTION_CODECS
        ):
            raise ValueError("too many media sections, or too long a one")


def _section_lines(text: str) -> list[list[str]]:
    """The lines of each m-section."""
    sections: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append([])
        if sections:
            sections[-1].append(line)
    return sections


def _media(section: MediaDescription, lines: list[str]) -> Media:
    # The parser leaves dtls None where no setup attribute stood.
    dtls = section.dtls
    fingerprints = dtls.fingerprints if dtls else []
    ice = section.ice
    sctp = section.sctpCapabilities
    return Media(
        kind=section.kind,
        mid=section.rtp.muxId or "",
        port=section.port,
        protocol=section.profile,
        formats=tuple(map(str, section.fmt)),
        direction=section.direction or "sendrecv",
        codecs=tuple(_codec(codec) for codec in section.rtp.codecs),
        extensions={e.uri: e.id for e in section.rtp.headerExtensions},
        ssrcs=tuple(info.ssrc for info in section.ssrc),
        rtcp_mux=section.rtcp_mux,
        setup=_ROLES.get(dtls.role, "") if dtls else "",
        ice_ufrag=(ice.usernameFragment if ice else "") or "",
        ice_pwd=(ice.password if ice else "") or "",
        fingerprints=tuple((f.algorithm.lower(), f.value) for f in fingerprints),
        sctp_port=section.sctp_port or _mapped_port(section.sctpmap),
        max_message_bytes=sctp.maxMessageSize if sctp else DEFAULT_MAX_MESSAGE_BYTES,
        layers=sent_layers(lines),
    )


def _mapped_port(sctpmap: dict[int, str]) -> int:
    """The port of data channels in the form before RFC 8841; 0 = none."""
    channels = (port for port, use in sctpmap.items() if use.startswith(DATA_CHANNEL))
    return next(channels, 0)


def _codec(codec: RTCRtpCodecParameters) -> Codec:
    return Codec(
        name=codec.name,
        payload_type=codec.payloadType or 0,  # the parser always sets it
        clock_rate=codec.clockRate,
        channels=codec.channels or 0,
        fmtp=parameters_to_sdp(codec.parameters) if codec.parameters else "",
        feedback=tuple(
            f"{f.type} {f.parameter}" if f.parameter else f.type
            for f in codec.rtcpFeedback
        ),
    )


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """One m-section we write. Without codecs or SCTP port it is refused (port 0)."""

    kind: str
    mid: str
    protocol: str
    formats: tuple[str, ...]  # of the offer, echoed when refused
    direction: str = "inactive"
    codecs: tuple[Codec, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    msid: str = ""  # "<stream> <track>"
    ssrc: int = 0
    rtx_ssrc: int = 0
    cname: str = ""
    sctp_port: int = 0
    max_message_bytes: int = 0
    rids: tuple[str, ...] = ()  # layers of simulcast that are received

    @property
    def accepted(self) -> bool:
        return bool(self.codecs or self.sctp_port)


@dataclass(frozen=True, slots=True)
class LocalDescription:
    """What all m-sections share, and the sections."""

    session_id: int
    version: int
    ice_ufrag: str
    ice_pwd: str
    fingerprint: str  # sha-256, upper-case hex with colons
    setup: str
    candidates: tuple[str, ...]
    media: tuple[LocalMedia, ...] = field(default=())

    def __str__(self) -> str:
        mids = " ".join(media.mid for media in self.media if media.accepted)
        lines = [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            f"a=group:BUNDLE {mids}".rstrip(),
            "a=msid-semantic: WMS *",
        ]
        for media in self.media:
            lines += self._section(media) if media.accepted else _refused(media)
        return "\r\n".join(lines) + "\r\n"

    def _section(self, media: LocalMedia) -> list[str]:
        if media.sctp_port:
            return self._data_section(media)
        payload_types = " ".join(str(codec.payload_type) for codec in media.codecs)
        lines = [
            f"m={media.kind} 9 {media.protocol} {payload_types}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            *self._transport(media),
            *(f"a=extmap:{number} {uri}" for number, uri in media.extensions),
            f"a={media.direction}",
        ]
        if media.msid:
            lines.append(f"a=msid:{media.msid}")
        lines += ["a=rtcp-mux", "a=rtcp-rsize"]
        for codec in media.codecs:
            lines.append(f"a=rtpmap:{codec.rtpmap()}")
            lines += [f"a=rtcp-fb:{codec.payload_type} {f}" for f in codec.feedback]
            if codec.fmtp:
                lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
        return lines + received_lines(media.rids) + _ssrc_lines(media)

    def _data_section(self, media: LocalMedia) -> list[str]:
        port = media.sctp_port
        has_old_form = media.formats == (str(port),)
        return [
            f"m={media.kind} 9 {media.protocol} {' '.join(media.formats)}",
            "c=IN IP4 0.0.0.0",
            *self._transport(media),
            f"a=sctpmap:{port} {DATA_CHANNEL} {SCTP_STREAMS}"
            if has_old_form
            else f"a=sctp-port:{port}",
            f"a=max-message-size:{media.max_message_bytes}",
        ]

    def _transport(self, media: LocalMedia) -> list[str]:
        return [
            *(f"a={candidate}" for candidate in self.candidates),
            "a=end-of-candidates",
            f"a=ice-ufrag:{self.ice_ufrag}",
            f"a=ice-pwd:{self.ice_pwd}",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            f"a=setup:{self.setup}",
            f"a=mid:{media.mid}",
        ]


def _refused(media: LocalMedia) -> list[str]:
    lines = [
        f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
    ]
    if media.mid:
        lines.append(f"a=mid:{media.mid}")
    return lines


def _ssrc_lines(media: LocalMedia) -> list[str]:
    if not media.ssrc:
        return []
    lines = []
    ssrcs = [media.ssrc]
    if media.rtx_ssrc:
        ssrcs.append(media.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {media.ssrc} {media.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [
            f"a=ssrc:{ssrc} cname:{media.cname}",
            f"a=ssrc:{ssrc} msid:{media.msid}",
        ]
    return lines
