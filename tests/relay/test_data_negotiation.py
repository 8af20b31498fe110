"""Data sections in the answers to publishers and in the offers to viewers."""

from __future__ import annotations

import pytest

from relay.data_sdp import DataAgreement
from relay.negotiation import answer_publisher
from relay.sdp import parse_sdp
from relay.viewer_offer import accept_answer, offer_viewer
from tests.relay.clients import CODECS
from tests.relay.test_negotiation import AUDIO, TRANSPORT, video_track
from tests.relay.test_sdp import OFFER

TRACKS = (AUDIO, video_track())
ONLY_DATA = OFFER[: OFFER.index("m=audio")] + OFFER[OFFER.index("m=application") :]
OLD_FORM = (
    OFFER.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
    .replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024")
    .replace("a=max-message-size:262144\r\n", "")
)


def test_a_publishers_section_is_answered() -> None:
    agreement = answer_publisher(
        parse_sdp(OFFER), TRANSPORT, CODECS, data_channels=True
    )
    assert agreement.data == DataAgreement("2", 5000, 262144)
    assert "a=group:BUNDLE 0 1 2\r\n" in agreement.answer
    data = parse_sdp(agreement.answer).media[2]
    assert (data.mid, data.port, data.setup) == ("2", 9, "passive")
    assert (data.sctp_port, data.max_message_bytes) == (5000, 262144)


def test_data_alone_is_enough() -> None:
    offer = parse_sdp(ONLY_DATA.replace("BUNDLE 0 1 2", "BUNDLE 2"))
    agreement = answer_publisher(offer, TRANSPORT, CODECS, (), data_channels=True)
    assert agreement.tracks == ()
    assert agreement.data is not None
    assert agreement.remote.ice_ufrag == offer.media[0].ice_ufrag


def test_refused_media_is_no_stream_of_data_alone() -> None:
    with pytest.raises(ValueError, match="nothing that can be received"):
        answer_publisher(
            parse_sdp(OFFER), TRANSPORT, ("AV9",), ("video",), data_channels=True
        )


def test_but_not_where_data_channels_are_off() -> None:
    offer = parse_sdp(ONLY_DATA.replace("BUNDLE 0 1 2", "BUNDLE 2"))
    with pytest.raises(ValueError, match="nothing"):
        answer_publisher(offer, TRANSPORT, CODECS, ())


def test_the_form_of_old_browsers_is_answered_in_that() -> None:
    agreement = answer_publisher(
        parse_sdp(OLD_FORM), TRANSPORT, CODECS, data_channels=True
    )
    assert agreement.data == DataAgreement("2", 5000, 262144)
    assert len(agreement.tracks) == 2
    assert "m=application 9 DTLS/SCTP 5000\r\n" in agreement.answer


def viewer_answer(*, data_port: int = 9, media_port: int = 9) -> str:
    """What a browser answers to an offer with TRACKS and data."""
    transport = (
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
        "a=fingerprint:sha-256 AA:BB\r\na=setup:active\r\n"
    )
    audio, video = TRACKS
    return (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n"
        f"m=audio {media_port} UDP/TLS/RTP/SAVPF {audio.codec.payload_type}\r\n"
        f"a=rtpmap:{audio.codec.rtpmap()}\r\na=recvonly\r\na=mid:0\r\n{transport}"
        f"m=video {media_port} UDP/TLS/RTP/SAVPF {video.codec.payload_type}\r\n"
        f"a=rtpmap:{video.codec.rtpmap()}\r\na=recvonly\r\na=mid:1\r\n{transport}"
        f"m=application {data_port} UDP/DTLS/SCTP webrtc-datachannel\r\n"
        f"a=sctp-port:5000\r\na=mid:2\r\n{transport}"
    )


def test_a_viewers_offer_has_its_data_section_last() -> None:
    sdp, id_mapping = offer_viewer("s", TRACKS, TRANSPORT, data_channels=True)
    kinds = [media.kind for media in parse_sdp(sdp).media]
    assert kinds == ["audio", "video", "application"]
    assert id_mapping == {"0": "ARDAMSas", "1": "ARDAMSvs"}
    assert "a=group:BUNDLE 0 1 2\r\n" in sdp


def test_the_answer_to_it_is_taken() -> None:
    answer = parse_sdp(viewer_answer())
    agreement = accept_answer(answer, TRACKS, data_channels=True)
    assert [track.accepted for track in agreement.tracks] == [True, True]
    assert agreement.data == DataAgreement("2", 5000, 65536)


@pytest.mark.parametrize(
    ("ports", "tracks", "data"),
    [
        ({"data_port": 0}, [True, True], False),
        ({"media_port": 0}, [False, False], True),
    ],
)
def test_a_viewer_may_refuse_either(
    ports: dict[str, int], tracks: list[bool], data: bool
) -> None:
    answer = parse_sdp(viewer_answer(**ports))
    agreement = accept_answer(answer, TRACKS, data_channels=True)
    assert [track.accepted for track in agreement.tracks] == tracks
    assert (agreement.data is not None) is data


def test_but_not_both() -> None:
    answer = parse_sdp(viewer_answer(data_port=0, media_port=0))
    with pytest.raises(ValueError, match="accepts no section"):
        accept_answer(answer, TRACKS, data_channels=True)


def test_an_answer_to_another_offer_is_refused() -> None:
    with pytest.raises(ValueError, match="another number"):
        accept_answer(parse_sdp(viewer_answer()), TRACKS)
