"""What viewers are offered where an encoder makes another codec of a stream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay import control
from relay.control import EncoderSetting
from relay.ladder_codecs import ladder_codecs, offer_ladder
from relay.rendition import Rendition
from relay.sdp import Codec, parse_sdp
from relay.stream import Stream
from relay.track import Track
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import RawPeer, accept_offer
from tests.relay.test_sources import AUDIO, PLAIN

LADDER = (EncoderSetting(240),)
VP9 = replace(PLAIN, codec=Codec("VP9", 98, 90000, fmtp="profile-id=0"))


@pytest.mark.parametrize(
    ("source", "codecs"),
    [("VP8", []), ("vp8", []), ("H264", []), ("VP9", [("VP8", 96)]), ("AV1", [])],
)
def test_vp8_is_made_of_what_is_costly(
    source: str, codecs: list[tuple[str, int]]
) -> None:
    assert [(c.name, c.payload_type) for c in ladder_codecs(source)] == codecs


def offered(stream: Stream) -> list[str]:
    return [codec.name for codec in stream.tracks["video"].outgoing.alternatives]


def test_it_is_offered_while_there_are_settings() -> None:
    stream = Stream("A/x", (VP9,))
    assert offered(stream) == []
    offer_ladder(stream, LADDER)
    assert offered(stream) == ["VP8"]
    offer_ladder(stream, ())
    assert offered(stream) == []


def test_layers_are_not_encoded_again() -> None:
    stream = Stream("A/x", (VP9,))
    stream.add_rendition(Rendition(Track(VP9, "name"), is_layer=True))
    offer_ladder(stream, LADDER)
    assert offered(stream) == []


def test_a_stream_of_sound_has_no_ladder() -> None:
    stream = Stream("A/x", (AUDIO,))
    offer_ladder(stream, LADDER)
    assert stream.outgoing()[0].alternatives == ()


async def test_a_viewer_is_offered_both(still_relay: RunningRelay) -> None:
    peer = await RawPeer.open(still_relay)
    offer = peer.offer(audio=False).replace("VP8/90000", "VP9/90000")
    command = accept_offer(peer, "LiveApp/one", offer)
    still_relay.router.handle(replace(command, encoder_settings=LADDER))
    answered = await still_relay.event(control.Answered, peer.session)
    assert "VP8" not in answered.sdp
    await peer.connect(answered.sdp)
    peer.send_video(1)
    await still_relay.event(control.Started, peer.session)
    still_relay.router.handle(control.CreateOffer("v", "socket", "LiveApp/one", 8000))
    viewer_offer = await still_relay.event(control.Offered, "v")
    (video, *_) = parse_sdp(viewer_offer.sdp).media
    assert [(c.name, c.payload_type) for c in video.codecs] == [
        ("VP9", 98),
        ("rtx", 99),
        ("VP8", 96),
        ("rtx", 97),
    ]
