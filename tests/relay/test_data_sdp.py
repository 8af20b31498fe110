"""The m=application section, read and written."""

from __future__ import annotations

import pytest

from relay.data_sdp import (
    MAX_MESSAGE_BYTES,
    DataAgreement,
    agree_data,
    answer_data,
    data_section,
    offer_data,
)
from relay.sdp import parse_sdp
from tests.relay.test_sdp import HEAD, OFFER, describe

LINE = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
SECTION = LINE + "a=mid:d\r\na=sctp-port:5001\r\na=max-message-size:1000\r\n"

OLD = (
    "m=application 9 DTLS/SCTP 5002\r\na=mid:d\r\n"
    "a=sctpmap:5002 webrtc-datachannel 1024\r\n"
)


def agreed(section: str, head: str = HEAD) -> DataAgreement | None:
    offer = parse_sdp(head + section)
    return agree_data(offer.media[0], offer.bundle)


def test_chromiums_section_is_agreed_to() -> None:
    offer = parse_sdp(OFFER)
    assert agree_data(offer.media[2], offer.bundle) == DataAgreement("2", 5000, 262144)
    assert data_section(offer) is offer.media[2]


def test_port_and_message_size_are_the_peers() -> None:
    assert agreed(SECTION) == DataAgreement("d", 5001, 1000)


def test_without_a_size_it_is_the_standards() -> None:
    section = SECTION.replace("a=max-message-size:1000\r\n", "")
    assert agreed(section) == DataAgreement("d", 5001, 65536)


def test_the_form_of_old_browsers_is_agreed_to_and_answered() -> None:
    (offered,) = parse_sdp(HEAD + OLD).media
    assert agree_data(offered, ()) == DataAgreement("d", 5002, 65536)
    text = str(describe(answer_data(offered)))
    assert "m=application 9 DTLS/SCTP 5000\r\n" in text
    assert "a=sctpmap:5000 webrtc-datachannel 64\r\n" in text
    assert "a=sctp-port" not in text


@pytest.mark.parametrize(
    "section",
    [
        SECTION.replace("m=application 9", "m=application 0"),
        SECTION.replace("a=sctp-port:5001\r\n", ""),
        SECTION.replace("5001", "0"),
        SECTION.replace("5001", "65536"),
        SECTION.replace("size:1000", "size:-1"),
        SECTION.replace("UDP/DTLS/SCTP", "DTLS/SCTP"),
        SECTION.replace("webrtc-datachannel", "5000"),
        SECTION.replace("m=application", "m=audio").replace("webrtc-datachannel", "0"),
        OLD.replace("sctpmap:5002", "sctpmap:5003"),
        OLD.replace("5002", "0"),
        OLD.replace("webrtc-datachannel", "t38"),
        OLD.replace("a=sctpmap:5002 webrtc-datachannel 1024\r\n", ""),
        OLD.replace("DTLS/SCTP", "UDP/DTLS/SCTP"),
    ],
    ids=range(13),
)
def test_other_sections_are_not(section: str) -> None:
    assert agreed(section) is None
    assert data_section(parse_sdp(HEAD + section)) is None


def test_nor_is_one_outside_the_bundle() -> None:
    assert agreed(SECTION, HEAD + "a=group:BUNDLE 0\r\n") is None


def test_our_offer_is_read_back() -> None:
    text = str(describe(offer_data("0")))
    (media,) = parse_sdp(text).media
    assert (media.kind, media.mid, media.port) == ("application", "0", 9)
    assert agree_data(media, ("0",)) == DataAgreement("0", 5000, MAX_MESSAGE_BYTES)
    assert (media.setup, media.ice_ufrag) == ("actpass", "ufrag")
    assert "a=group:BUNDLE 0\r\n" in text
    assert "rtcp" not in text


def test_our_answer_has_the_offers_mid_and_protocol() -> None:
    section = SECTION.replace("UDP/DTLS", "TCP/DTLS")
    (offered,) = parse_sdp(HEAD + section).media
    answer = answer_data(offered)
    assert (answer.mid, answer.protocol) == ("d", "TCP/DTLS/SCTP")
