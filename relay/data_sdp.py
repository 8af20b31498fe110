"""Data channels in descriptions: the m=application section, both directions.

The form of RFC 8841 (`UDP/DTLS/SCTP webrtc-datachannel` with a=sctp-port); a publisher
that offers the one before it (`DTLS/SCTP 5000` with a=sctpmap: Chrome and Safari until
2019) is answered in that. Both mean the same association.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay.sdp import DATA_CHANNEL, LocalMedia, Media, RemoteDescription

KIND = "application"
PROTOCOL = "UDP/DTLS/SCTP"
PROTOCOLS = (PROTOCOL, "TCP/DTLS/SCTP")
OLD_PROTOCOL = "DTLS/SCTP"  # draft-ietf-mmusic-sctp-sdp-07: the format is the port
SCTP_PORT = 5000  # of ours; only numbers inside the association
MAX_MESSAGE_BYTES = 256 * 1024  # what we take; the browsers' own bound too


@dataclass(frozen=True, slots=True)
class DataAgreement:
    """The remote end of an SCTP association."""

    mid: str
    sctp_port: int
    max_message_bytes: int  # 0 = of any size


def offer_data(mid: str) -> LocalMedia:
    """The data section of an offer of ours."""
    return _section(mid, PROTOCOL)


def answer_data(section: Media) -> LocalMedia:
    """The answer to a section for which `agree_data` gave an agreement."""
    return _section(section.mid, section.protocol)


def _section(mid: str, protocol: str) -> LocalMedia:
    return LocalMedia(
        KIND,
        mid,
        protocol,
        (str(SCTP_PORT) if protocol == OLD_PROTOCOL else DATA_CHANNEL,),
        sctp_port=SCTP_PORT,
        max_message_bytes=MAX_MESSAGE_BYTES,
    )


def agree_data(section: Media, bundle: tuple[str, ...]) -> DataAgreement | None:
    """What a remote section agrees to; nothing when it is no usable data section."""
    if (
        section.kind != KIND
        or section.port == 0
        or not _is_data_channel(section)
        or not 0 < section.sctp_port < 65536
        or section.max_message_bytes < 0
        or (bundle and section.mid not in bundle)
    ):
        return None
    return DataAgreement(section.mid, section.sctp_port, section.max_message_bytes)


def _is_data_channel(section: Media) -> bool:
    if section.protocol == OLD_PROTOCOL:
        return section.formats == (str(section.sctp_port),)
    return section.protocol in PROTOCOLS and section.formats == (DATA_CHANNEL,)


def data_section(description: RemoteDescription) -> Media | None:
    """The first usable data section; an offer may hold one that counts."""
    for section in description.media:
        if agree_data(section, description.bundle) is not None:
            return section
    return None
