"""Opus carries its own repair (RFC 7587 3.3): agreed both ways, never touched."""

from __future__ import annotations

from relay.negotiation import answer_publisher, send_codec
from relay.packet import RtpPacket, parse_packet
from relay.sdp import Media, parse_sdp
from relay.viewer_offer import offer_viewer
from tests.relay.clients import CODECS
from tests.relay.test_negotiation import AUDIO, OPUS, TRANSPORT
from tests.relay.test_sdp import OFFER
from tests.relay.test_track import AUDIO as INCOMING
from tests.relay.test_track import Source


def audio_fmtp(sdp: str) -> str:
    (audio,) = [m for m in parse_sdp(sdp).media if m.kind == "audio"]
    return opus_fmtp(audio)


def opus_fmtp(media: Media) -> str:
    (fmtp,) = [codec.fmtp for codec in media.codecs if codec.name.lower() == "opus"]
    return fmtp


def test_a_publisher_is_told_that_its_fec_is_of_use() -> None:
    agreement = answer_publisher(parse_sdp(OFFER), TRANSPORT, CODECS)
    assert "useinbandfec=1" in audio_fmtp(agreement.answer).split(";")


def test_viewers_are_told_that_there_is_fec() -> None:
    assert "useinbandfec=1" in send_codec(OPUS).fmtp.split(";")
    offer, _ = offer_viewer("x", (AUDIO,), TRANSPORT)
    assert "useinbandfec=1" in audio_fmtp(offer).split(";")


def test_what_the_encoder_made_of_it_arrives_as_it_was() -> None:
    source = Source(INCOMING)
    payload = bytes(range(200))  # where FEC is in it is the decoder's business
    packet = RtpPacket(109, True, 1, 960, 5, {}, payload)
    assert source.track.forward(packet, INCOMING, source.now)
    source.track.flush(source.now)
    (data,) = source.fan_out.sent
    assert parse_packet(data).payload == payload
