"""The sections of a room's offers, and what an answer takes of them: pure.

A section that was answered keeps its place and its mid for good (JSEP 5.2.2). Who
leaves: first `inactive`, which makes every browser fire removetrack; in the next
offer it is rejected, which ends its transceiver; from then on its place can be
taken by another participant under a new mid. A place taken over at once would have
the track id of the one who left (docs/decisions/0009).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from relay.data_sdp import KIND, DataAgreement, agree_data
from relay.formats import OPUS, formats_of
from relay.negotiation import (
    RTP_PROTOCOLS,
    SEND_EXTENSIONS,
    WANTED_FEEDBACK,
    RemoteTransport,
    Transport,
    remote_transport,
)
from relay.sdp import (
    Codec,
    LocalDescription,
    LocalMedia,
    Media,
    RemoteDescription,
)
from relay.viewer_offer import accepted_payload_types, rtx_codec

MAX_SECTIONS = 128  # Chromium's answer to them is about 115 KiB


class State(Enum):
    LIVE = auto()
    LEFT = auto()  # inactive
    REJECTED = auto()  # its place is free once that was answered


@dataclass(frozen=True, slots=True)
class Section:
    state: State
    media: LocalMedia

    @property
    def mid(self) -> str:
        return self.media.mid

    @property
    def label(self) -> str:
        """ARDAMSv / ARDAMSa and a track id; "" for data and where nobody is."""
        return self.media.msid.partition(" ")[2]


Sections = tuple[Section, ...]


def track_section(
    mid: str,
    track_id: str,
    codecs: Sequence[Codec],
    *,
    msid_stream: str,
    ssrc: int,
    rtx_ssrc: int,
    cname: str,
) -> LocalMedia:
    """A section that sends one track, or what a slot shows."""
    kind = "audio" if codecs[0].name == "opus" else "video"
    if kind == "video":
        codecs = [both for codec in codecs for both in (codec, rtx_codec(codec))]
    return LocalMedia(
        kind=kind,
        mid=mid,
        protocol=RTP_PROTOCOLS[0],
        formats=(),
        direction="sendonly",
        codecs=tuple(codecs),
        extensions=SEND_EXTENSIONS[kind],
        msid=f"{msid_stream} ARDAMS{kind[0]}{track_id}",
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc if kind == "video" else 0,
        cname=cname,
    )


def slot_codecs(kind: str, video_codecs: tuple[str, ...]) -> list[Codec]:
    """Everything a slot of that kind may carry."""
    if kind == "audio":
        return [OPUS.codec()]
    return [known.codec(WANTED_FEEDBACK) for known in formats_of(video_codecs)]


def live(media: LocalMedia) -> Section:
    return Section(State.LIVE, media)


def live_mids(sections: Sections) -> frozenset[str]:
    return frozenset(s.mid for s in sections if s.state is State.LIVE)


def next_sections(
    previous: Sections,
    wanted: Mapping[str, LocalMedia],
    hidden: Collection[str] = (),
) -> Sections:
    """The sections of the next offer, `previous` having been answered.

    `wanted`: all sections that shall be live, by mid. Those that find no place are
    left out; a later offer may have room for them. `hidden`: mids of participants
    that may be seen again; theirs stay inactive, and live again they are the same.
    """
    known = {section.mid for section in previous if section.state is not State.REJECTED}
    new = [media for mid, media in wanted.items() if mid not in known]
    sections = []
    for index, section in enumerate(previous):
        if section.state is State.REJECTED and new:
            section = live(new.pop(0))
        elif section.state is State.LEFT and section.mid in wanted:
            section = live(wanted[section.mid])
        elif section.state is State.LEFT and index and section.mid not in hidden:
            section = _rejected(section)
        elif section.state is State.LIVE and section.mid not in wanted:
            left = replace(
                section.media, direction="inactive", msid="", ssrc=0, rtx_ssrc=0
            )
            section = Section(State.LEFT, left)
        sections.append(section)
    sections += map(live, new[: MAX_SECTIONS - len(sections)])
    return tuple(sections)


def _rejected(section: Section) -> Section:
    media = section.media
    formats = media.formats or tuple(str(c.payload_type) for c in media.codecs)
    return Section(
        State.REJECTED, LocalMedia(media.kind, media.mid, media.protocol, formats)
    )


def is_worth_offering(previous: Sections, following: Sections, missing: bool) -> bool:
    """Whether the next offer brings a change, or a place for who has none."""
    if live_mids(previous) != live_mids(following):
        return True
    return missing and previous != following


def without(sections: Sections, mids: Collection[str]) -> Sections:
    """The sections after an answer that rejected some: those places are free."""
    return tuple(
        _rejected(s) if s.mid in mids and s.state is not State.REJECTED else s
        for s in sections
    )


def id_mapping(sections: Sections) -> dict[str, str]:
    return {s.mid: s.label for s in sections if s.state is State.LIVE and s.label}


def describe(
    sections: Sections, transport: Transport, session_id: int, version: int
) -> str:
    return str(
        LocalDescription(
            session_id=session_id,
            version=version,
            ice_ufrag=transport.ice_ufrag,
            ice_pwd=transport.ice_pwd,
            fingerprint=transport.fingerprint,
            setup="actpass",
            candidates=transport.candidates,
            media=tuple(section.media for section in sections),
        )
    )


@dataclass(frozen=True, slots=True)
class AnsweredSection:
    """The payload types that an answer takes of a live section, and those with RTX."""

    payload_types: frozenset[int]
    rtx: frozenset[int]


@dataclass(frozen=True, slots=True)
class RoomAgreement:
    remote: RemoteTransport
    accepted: dict[str, AnsweredSection]  # by mid, audio and video
    rejected: frozenset[str]  # mids of sections that were offered
    data: DataAgreement | None


def accept_room_answer(answer: RemoteDescription, sections: Sections) -> RoomAgreement:
    """What the answer to an offer of `sections` takes.

    Raises:
        ValueError: it does not fit the offer, takes nothing, or lacks ICE or DTLS.
    """
    if len(answer.media) != len(sections):
        raise ValueError("the answer has another number of sections than the offer")
    accepted: dict[str, AnsweredSection] = {}
    rejected = set()
    carrier: Media | None = None
    data: DataAgreement | None = None
    for answered, section in zip(answer.media, sections, strict=True):
        same_mid = answered.mid == section.mid or (answered.port, answered.mid) == (
            0,
            "",
        )
        if answered.kind != section.media.kind or not same_mid:
            raise ValueError("the answer's sections are in another order")
        if section.state is State.REJECTED:
            continue
        if answered.port == 0:
            rejected.add(section.mid)
            continue
        carrier = carrier or answered
        if answered.kind == KIND:
            data = agree_data(answered, answer.bundle)
        if (
            section.state is State.LIVE
            and section.media.codecs
            and answered.direction in ("recvonly", "sendrecv")
        ):
            types, rtx = accepted_payload_types(answered, section.media.codecs)
            if types:
                accepted[section.mid] = AnsweredSection(types, rtx)
    if carrier is None:
        raise ValueError("the answer accepts no section")
    return RoomAgreement(
        remote_transport(carrier, offerer=False), accepted, frozenset(rejected), data
    )
