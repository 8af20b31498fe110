"""What is agreed with a publisher: pure, descriptions in and out. And what viewers'
offers (relay.viewer_offer, relay.room_offer) have in common with it.

The server is ICE-lite and always the DTLS server. A publisher gets one codec a
section, the first of its own order that the application enables. Viewers are
offered what the publisher sends, under payload types, SSRCs and extension ids of
our own choice, so one packet serves all of them (design 5).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from relay.data_sdp import DataAgreement, agree_data, answer_data, data_section
from relay.formats import format_of
from relay.playout import PLAYOUT_DELAY
from relay.sdp import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    REPAIRED_RID,
    RID,
    TRANSPORT_SEQ,
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
SEND_PLAYOUT_DELAY_ID = 5
SEND_AUDIO_LEVEL_ID = 1
SEND_EXTENSIONS = {
    "video": (
        (SEND_ABS_SEND_TIME_ID, ABS_SEND_TIME),
        (SEND_ORIENTATION_ID, VIDEO_ORIENTATION),
        (SEND_PLAYOUT_DELAY_ID, PLAYOUT_DELAY),
    ),
    "audio": ((SEND_AUDIO_LEVEL_ID, AUDIO_LEVEL),),
}
TRANSPORT_CC = "transport-cc"
# libwebrtc begins at 300 kbit/s otherwise, and probes three and six times that: on a
# lossy path it stays there (docs/decisions/0013). Others pass over it.
START_BITRATE = "x-google-start-bitrate=1000"  # kbit/s
RECEIVE_EXTENSIONS = {"video": (VIDEO_ORIENTATION,), "audio": (AUDIO_LEVEL,)}


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
    transport_seq_id: int | None = None  # one of it and abs_send_time_id at most
    rids: tuple[str, ...] = ()  # layers of simulcast, () = it is one stream
    rid_id: int | None = None
    repaired_rid_id: int | None = None


@dataclass(frozen=True, slots=True)
class PublisherAgreement:
    answer: str
    remote: RemoteTransport
    tracks: tuple[IncomingTrack, ...]
    data: DataAgreement | None = None

    @property
    def transport_seq_id(self) -> int | None:
        """Of the transport's own packet numbers, one id for all of a BUNDLE group."""
        ids = (track.transport_seq_id for track in self.tracks)
        return next((number for number in ids if number is not None), None)


@dataclass(frozen=True, slots=True)
class OutgoingTrack:
    """One track offered to viewers; `payload_type` is the codec's."""

    kind: str
    codec: Codec
    ssrc: int
    rtx_ssrc: int
    cname: str
    # Codecs of other renditions that an encoder may make of it.
    alternatives: tuple[Codec, ...] = ()

    @property
    def has_rtx(self) -> bool:
        return self.kind == "video"

    @property
    def rtx_payload_type(self) -> int:
        return self.codec.payload_type + 1  # relay.formats


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
        describe(transport, "passive", media),
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


def describe(transport: Transport, setup: str, media: list[LocalMedia]) -> str:
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
    ids = section.extensions
    # The sender estimates by transport-wide feedback, or we do by its send times.
    is_transport_wide = TRANSPORT_CC in codec.feedback and TRANSPORT_SEQ in ids
    rids = _rids(section, codec)
    return IncomingTrack(
        kind=section.kind,
        mid=section.mid,
        codec=codec,
        rtx_payload_type=_rtx_payload_type(section, codec),
        abs_send_time_id=None if is_transport_wide else ids.get(ABS_SEND_TIME),
        orientation_id=ids.get(VIDEO_ORIENTATION),
        audio_level_id=ids.get(AUDIO_LEVEL),
        ssrcs=() if rids else section.ssrcs,  # layers' packets name themselves
        transport_seq_id=ids[TRANSPORT_SEQ] if is_transport_wide else None,
        rids=rids,
        rid_id=ids[RID] if rids else None,
        repaired_rid_id=ids.get(REPAIRED_RID) if rids else None,
    )


def _rids(section: Media, codec: Codec) -> tuple[str, ...]:
    """The layers that come in this codec; none where packets do not name theirs."""
    if section.kind != "video" or RID not in section.extensions:
        return ()
    return tuple(
        layer.rid for layer in section.layers if layer.may_have(codec.payload_type)
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
    wanted_feedback = set(WANTED_FEEDBACK)
    if track.transport_seq_id is not None:
        wanted_feedback.add(TRANSPORT_CC)
    feedback = tuple(f for f in codec.feedback if f in wanted_feedback)
    codecs = [
        Codec(
            codec.name,
            codec.payload_type,
            codec.clock_rate,
            codec.channels,
            _answered_fmtp(track),
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
    wanted = _wanted_extensions(track)
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
        rids=track.rids,
    )


def _answered_fmtp(track: IncomingTrack) -> str:
    """The offer's, and where the sender's estimate begins."""
    if track.kind != "video" or track.transport_seq_id is None:
        return track.codec.fmtp
    return ";".join(filter(None, (track.codec.fmtp, START_BITRATE)))


def _wanted_extensions(track: IncomingTrack) -> set[str]:
    """The extensions whose values are of use."""
    wanted = set(RECEIVE_EXTENSIONS[track.kind])
    wanted.add(ABS_SEND_TIME if track.transport_seq_id is None else TRANSPORT_SEQ)
    if track.rids:
        wanted |= {RID, REPAIRED_RID}
    return wanted


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
