"""The offer to a viewer of one stream, and what its answer takes of it: pure."""

from __future__ import annotations

from dataclasses import dataclass

from relay.data_sdp import DataAgreement, agree_data, offer_data
from relay.negotiation import (
    RTP_PROTOCOLS,
    SEND_EXTENSIONS,
    OutgoingTrack,
    RemoteTransport,
    Transport,
    describe,
    remote_transport,
)
from relay.sdp import Codec, LocalMedia, Media, RemoteDescription


@dataclass(frozen=True, slots=True)
class ViewerTrack:
    """What a viewer accepted of an offered track."""

    kind: str
    mid: str
    payload_types: frozenset[int]  # none where it takes nothing
    rtx: frozenset[int]  # of them, those with RTX

    @property
    def accepted(self) -> bool:
        return bool(self.payload_types)


@dataclass(frozen=True, slots=True)
class ViewerAgreement:
    remote: RemoteTransport
    tracks: tuple[ViewerTrack, ...]
    data: DataAgreement | None = None


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
    return describe(transport, "actpass", media), id_mapping


def rtx_codec(codec: Codec) -> Codec:
    """The RTX format of one of our own."""
    number = codec.payload_type
    return Codec("rtx", number + 1, codec.clock_rate, fmtp=f"apt={number}")


def _offer_section(mid: str, msid: str, track: OutgoingTrack) -> LocalMedia:
    codecs = [track.codec, *track.alternatives]
    if track.has_rtx:
        codecs = [both for codec in codecs for both in (codec, rtx_codec(codec))]
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
    types = rtx = frozenset[int]()
    if section.port != 0 and section.direction in ("recvonly", "sendrecv"):
        offered = (track.codec, *track.alternatives)
        types, rtx = accepted_payload_types(section, offered)
    return ViewerTrack(track.kind, section.mid, types, rtx)


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
