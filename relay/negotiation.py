"""What is agreed with a publisher or a viewer: pure, descriptions in and out.

The server is ICE-lite and always the DTLS server. A publisher gets one codec a
section, the first of its own order that the application enables. Viewers are
offered what the publisher sends, under payload types, SSRCs and extension ids of
our own choice, so one packet serves all of them (design 5).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from relay.data_sdp import (
    DataAgreement,
    agree_data,
    answer_data,
    data_section,
    offer_data,
)
from relay.formats import format_of
from relay.sdp import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    VIDEO_ORIENTATION,
    Codec,
    LocalDescription,
    LocalMedia,
    Media,
    RemoteDescription,
)

RTP_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF")
# (clock rate, channels): other values of a hostile offer end in divisions by zero.
AUDIO_FORMAT = (48000, 2)
VIDEO_FORMAT = (90000, 0)
FINGERPRINTS = ("sha-256", "sha-384", "sha-512")
WANTED_FEEDBACK = ("goog-remb", "ccm fir", "nack", "nack pli")
SEND_ABS_SEND_TIME_ID = 3
SEND_ORIENTATION_ID = 4
SEND_AUDIO_LEVEL_ID = 1
SEND_EXTENSIONS = {
    "video": (
        (SEND_ABS_SEND_TIME_ID, ABS_SEND_TIME),
        (SEND_ORIENTATION_ID, VIDEO_ORIENTATION),
    ),
    "audio": ((SEND_AUDIO_LEVEL_ID, AUDIO_LEVEL),),
}
RECEIVE_EXTENSIONS = {
    "video": (ABS_SEND_TIME, VIDEO_ORIENTATION),
    "audio": (ABS_SEND_TIME, AUDIO_LEVEL),
}


@dataclass(frozen=True, slots=True)
class Transport:
    """The local end of one peer: ICE credentials, certificate, candidates."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    ice_ufrag: str
    fingerprints: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class IncomingTrack:
    """One track a publisher will send."""

    kind: str
    mid: str
    codec: Codec
    rtx_payload_type: int | None
    abs_send_time_id: int | None
    orientation_id: int | None
    audio_level_id: int | None
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PublisherAgreement:
    answer: str
    remote: RemoteTransport
    tracks: tuple[IncomingTrack, ...]
    data: DataAgreement | None = None


@dataclass(frozen=True, slots=True)
class OutgoingTrack:
    """One track offered to viewers; `payload_type` is the codec's."""

    kind: str
    codec: Codec
    ssrc: int
    rtx_ssrc: int
    cname: str

    @property
    def has_rtx(self) -> bool:
        return self.kind == "video"

    @property
    def rtx_payload_type(self) -> int:
        return self.codec.payload_type + 1  # relay.formats


@dataclass(frozen=True, slots=True)
class ViewerTrack:
    """What a viewer accepted of an offered track."""

    kind: str
    mid: str
    accepted: bool
    rtx: bool


@dataclass(frozen=True, slots=True)
class ViewerAgreement:
    remote: RemoteTransport
    tracks: tuple[ViewerTrack, ...]
    data: DataAgreement | None = None


def answer_publisher(
    offer: RemoteDescription,
    transport: Transport,
    video_codecs: tuple[str, ...],
    kinds: tuple[str, ...] = ("audio", "video"),
    *,
    data_channels: bool = False,
) -> PublisherAgreement:
    """The answer to a publisher's offer: the first section of each kind is taken.

    Raises:
        ValueError: nothing in the offer can be received, or it lacks ICE or DTLS.
    """
    tracks: list[IncomingTrack] = []
    media: list[LocalMedia] = []
    taken: list[Media] = []
    allowed = set(kinds)
    data = data_section(offer) if data_channels else None
    for section in offer.media:
        if section is data:
            media.append(answer_data(section))
            taken.append(section)
            continue
        track = _receivable(section, offer.bundle, video_codecs, allowed)
        media.append(_answer_section(section, track))
        if track is not None:
            tracks.append(track)
            taken.append(section)
            allowed.discard(track.kind)
    if not taken or (not tracks and any(_sends(m, kinds) for m in offer.media)):
        # Refused media is no stream of data alone: its publisher would wait for it.
        raise ValueError("nothing that can be received")
    return PublisherAgreement(
        _describe(transport, "passive", media),
        remote_transport(taken[0], offerer=True),
        tuple(tracks),
        agree_data(data, offer.bundle) if data is not None else None,
    )


def _sends(section: Media, kinds: Collection[str]) -> bool:
    """Whether the publisher means to send it, and may."""
    return (
        section.kind in kinds
        and section.port != 0
        and section.direction in ("sendrecv", "sendonly")
    )


def _describe(transport: Transport, setup: str, media: list[LocalMedia]) -> str:
    description = LocalDescription(
        session_id=secrets.randbits(62),
        version=2,
        ice_ufrag=transport.ice_ufrag,
        ice_pwd=transport.ice_pwd,
        fingerprint=transport.fingerprint,
        setup=setup,
        candidates=transport.candidates,
        media=tuple(media),
    )
    return str(description)


def remote_transport(section: Media, *, offerer: bool) -> RemoteTransport:
    """ICE and DTLS of the peer.

    Raises:
        ValueError: they are missing, or the peer wants to be the DTLS server.
    """
    if not section.ice_ufrag or not section.ice_pwd:
        raise ValueError("no ICE credentials")
    if not any(name in FINGERPRINTS for name, _ in section.fingerprints):
        raise ValueError("no DTLS fingerprint of a known algorithm")
    if section.setup not in (("active", "actpass") if offerer else ("active",)):
        raise ValueError("the peer must be the DTLS client")
    return RemoteTransport(section.ice_ufrag, section.fingerprints)


def _receivable(
    section: Media,
    bundle: tuple[str, ...],
    video_codecs: tuple[str, ...],
    kinds: set[str],
) -> IncomingTrack | None:
    if (
        not _sends(section, kinds)
        or section.protocol not in RTP_PROTOCOLS
        or (bundle and section.mid not in bundle)
        or not section.rtcp_mux
    ):
        return None
    codec = _choose_codec(section, video_codecs)
    if codec is None:
        return None
    return IncomingTrack(
        kind=section.kind,
        mid=section.mid,
        codec=codec,
        rtx_payload_type=_rtx_payload_type(section, codec),
        abs_send_time_id=section.extensions.get(ABS_SEND_TIME),
        orientation_id=section.extensions.get(VIDEO_ORIENTATION),
        audio_level_id=section.extensions.get(AUDIO_LEVEL),
        ssrcs=section.ssrcs,
    )


def _choose_codec(section: Media, video_codecs: tuple[str, ...]) -> Codec | None:
    """The first in the publisher's order (its m-line) that is enabled."""
    enabled = {name.upper() for name in video_codecs}
    clock_and_channels = VIDEO_FORMAT
    if section.kind == "audio":
        enabled, clock_and_channels = {"OPUS"}, AUDIO_FORMAT
    by_type = {str(codec.payload_type): codec for codec in section.codecs}
    for payload_type in section.formats:
        codec = by_type.get(payload_type)
        if (
            codec is not None
            and codec.name.upper() in enabled
            and (codec.clock_rate, codec.channels) == clock_and_channels
        ):
            return codec
    return None


def _rtx_payload_type(section: Media, codec: Codec) -> int | None:
    for other in section.codecs:
        if other.name.lower() == "rtx" and other.parameter("apt") == str(
            codec.payload_type
        ):
            return other.payload_type
    return None


def _answer_section(section: Media, track: IncomingTrack | None) -> LocalMedia:
    if track is None:
        return LocalMedia(section.kind, section.mid, section.protocol, section.formats)
    codec = track.codec
    feedback = tuple(f for f in codec.feedback if f in WANTED_FEEDBACK)
    codecs = [
        Codec(
            codec.name,
            codec.payload_type,
            codec.clock_rate,
            codec.channels,
            codec.fmtp,
            feedback,
        )
    ]
    if track.rtx_payload_type is not None:
        codecs.append(
            Codec(
                "rtx",
                track.rtx_payload_type,
                codec.clock_rate,
                fmtp=f"apt={codec.payload_type}",
            )
        )
    wanted = RECEIVE_EXTENSIONS[track.kind]
    return LocalMedia(
        kind=section.kind,
        mid=section.mid,
        protocol=section.protocol,
        formats=section.formats,
        direction="recvonly",
        codecs=tuple(codecs),
        extensions=tuple(
            (number, uri) for uri, number in section.extensions.items() if uri in wanted
        ),
    )


def send_codec(codec: Codec) -> Codec:
    """The publisher's codec under our payload type, fmtp unchanged (contract M10)."""
    feedback = WANTED_FEEDBACK if codec.name.lower() != "opus" else ()
    return Codec(
        codec.name,
        format_of(codec).payload_type,
        codec.clock_rate,
        codec.channels,
        codec.fmtp,
        feedback,
    )


def offer_viewer(
    stream_id: str,
    tracks: tuple[OutgoingTrack, ...],
    transport: Transport,
    *,
    data_channels: bool = False,
) -> tuple[str, dict[str, str]]:
    """The offer for a viewer and its idMapping (contract 3.3).

    Audio and video share one msid stream; track ids are ARDAMSv / ARDAMSa + id. The
    data section comes last.
    """
    media = []
    id_mapping = {}
    for index, track in enumerate(tracks):
        mid = str(index)
        label = f"ARDAMS{track.kind[0]}{stream_id}"
        id_mapping[mid] = label
        media.append(_offer_section(mid, f"{stream_id} {label}", track))
    if data_channels:
        media.append(offer_data(str(len(tracks))))
    return _describe(transport, "actpass", media), id_mapping


def rtx_codec(codec: Codec) -> Codec:
    """The RTX format of one of our own."""
    number = codec.payload_type
    return Codec("rtx", number + 1, codec.clock_rate, fmtp=f"apt={number}")


def _offer_section(mid: str, msid: str, track: OutgoingTrack) -> LocalMedia:
    codecs = [track.codec]
    if track.has_rtx:
        codecs.append(rtx_codec(track.codec))
    return LocalMedia(
        kind=track.kind,
        mid=mid,
        protocol=RTP_PROTOCOLS[0],
        formats=(),
        direction="sendonly",
        codecs=tuple(codecs),
        extensions=SEND_EXTENSIONS[track.kind],
        msid=msid,
        ssrc=track.ssrc,
        rtx_ssrc=track.rtx_ssrc if track.has_rtx else 0,
        cname=track.cname,
    )


def accept_answer(
    answer: RemoteDescription,
    tracks: tuple[OutgoingTrack, ...],
    *,
    data_channels: bool = False,
) -> ViewerAgreement:
    """What the viewer's answer takes of the offered `tracks`, in their order.

    Raises:
        ValueError: it does not fit the offer, takes nothing, or lacks ICE or DTLS.
    """
    if len(answer.media) != len(tracks) + data_channels:
        raise ValueError("the answer has another number of sections than the offer")
    sections = answer.media[: len(tracks)]
    accepted = tuple(
        _viewer_track(section, track)
        for section, track in zip(sections, tracks, strict=True)
    )
    taken = [
        section
        for section, track in zip(sections, accepted, strict=True)
        if track.accepted
    ]
    data = agree_data(answer.media[-1], answer.bundle) if data_channels else None
    if data is not None:
        taken.append(answer.media[-1])
    if not taken:
        raise ValueError("the answer accepts no section")
    return ViewerAgreement(remote_transport(taken[0], offerer=False), accepted, data)


def _viewer_track(section: Media, track: OutgoingTrack) -> ViewerTrack:
    if section.kind != track.kind:
        raise ValueError("the answer's sections are in another order")
    types, rtx = accepted_payload_types(section, (track.codec,))
    accepted = (
        section.port != 0
        and section.direction in ("recvonly", "sendrecv")
        and bool(types)
    )
    return ViewerTrack(track.kind, section.mid, accepted, accepted and bool(rtx))


def accepted_payload_types(
    section: Media, offered: tuple[Codec, ...]
) -> tuple[frozenset[int], frozenset[int]]:
    """Which of the offered codecs' payload types are answered, and which with RTX."""
    answered = {codec.payload_type: codec for codec in section.codecs}
    types = frozenset(
        codec.payload_type
        for codec in offered
        if codec.name.lower() != "rtx"
        and (found := answered.get(codec.payload_type)) is not None
        and found.name.lower() == codec.name.lower()
        and _same_h264(found, codec)
    )
    protected = {
        codec.parameter("apt")
        for codec in section.codecs
        if codec.name.lower() == "rtx" and section.kind == "video"
    }
    return types, frozenset(t for t in types if str(t) in protected)


def _same_h264(answered: Codec, offered: Codec) -> bool:
    """H264 needs the same profile and packetization mode (RFC 6184 8.2.2)."""
    if offered.name.upper() != "H264":
        return True
    return (
        answered.parameter("packetization-mode") or "0",
        answered.parameter("profile-level-id")[:2].lower(),
    ) == (
        offered.parameter("packetization-mode") or "0",
        offered.parameter("profile-level-id")[:2].lower(),
    )
