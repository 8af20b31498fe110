"""What a rendition needs, and whether there is anything of it."""

from __future__ import annotations

import pytest

from relay.packet import RtpPacket
from relay.rendition import FLOWING_S, Rendition
from relay.stream import Stream
from relay.track import Track
from tests.relay.raw_peer import KEY_FRAME
from tests.relay.test_lane import Viewer, make_lane
from tests.relay.test_track import AUDIO, VIDEO

START = 100.0


class Source:
    def __init__(self) -> None:
        self.rendition = Rendition(Track(VIDEO, "x"))
        self.now = START
        self._seq = 0

    def run(self, seconds: float, payload: bytes) -> None:
        """A packet each tenth of a second, the first ever a key frame."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self._seq += 1
            if self._seq == 1:
                payload = KEY_FRAME + payload
            packet = RtpPacket(100, True, self._seq, 3000 * self._seq, 5, {}, payload)
            self.rendition.video.forward(packet, VIDEO, self.now)


def test_before_it_was_measured_its_need_is_unknown() -> None:
    assert Rendition(Track(VIDEO, "x")).need_bps(START) == 0


def test_it_needs_what_came_at_its_recent_peak() -> None:
    source = Source()
    source.run(6, bytes(1000))
    peak = source.rendition.need_bps(source.now)
    assert peak == pytest.approx(1020 * 80, rel=0.1)
    source.run(5, bytes(10))
    faded = source.rendition.need_bps(source.now)
    assert faded == pytest.approx(peak * 0.95**5, rel=0.01)
    assert source.rendition.bits_per_s(source.now) < faded / 5


def test_it_flows_while_packets_come() -> None:
    source = Source()
    assert not source.rendition.is_flowing(START)
    source.run(1, bytes(10))
    assert source.rendition.is_flowing(source.now)
    assert source.rendition.size == (320, 240)
    assert not source.rendition.is_flowing(source.now + FLOWING_S)


def test_an_audio_ends_with_the_last_rendition_that_has_it() -> None:
    stream = Stream("A/x", (VIDEO, AUDIO))
    audio = Track(AUDIO, "low")
    both = [Rendition(Track(VIDEO, "x"), audio) for _ in range(2)]
    for rendition in both:
        stream.add_rendition(rendition)
    lane = make_lane(Viewer(), "audio")
    lane.attach(stream, audio)
    lane.sent_packets = 10
    assert stream.sends.packets == 10
    stream.remove_rendition(both[0])
    assert (lane.track, stream.sends.packets) == (audio, 10)
    stream.remove_rendition(both[1])
    assert (lane.track, stream.sends.packets) == (stream.tracks["audio"], 10)


def test_what_was_sent_of_an_audio_that_ends_is_kept() -> None:
    stream = Stream("A/x", (VIDEO, AUDIO))
    audio = Track(AUDIO, "low")
    rendition = Rendition(Track(VIDEO, "x"), audio)
    stream.add_rendition(rendition)
    lane = make_lane(Viewer(), "audio")
    lane.attach(stream, audio)
    lane.sent_packets = 10
    stream.end_audio(audio)
    assert rendition.audio is None
    assert (lane.track, stream.sends.packets) == (stream.tracks["audio"], 10)
    stream.end_audio(audio)
    assert stream.sends.packets == 10
