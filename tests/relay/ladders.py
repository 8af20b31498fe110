"""A stream with two renditions, and what their viewer says and gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from relay import control
from relay.packet import RtpPacket
from relay.rendition import Rendition
from relay.rtcp import ReportBlock, build_receiver_report, build_remb
from relay.stream import Stream
from relay.subscriber import Subscriber
from relay.track import Track
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import KEY_FRAME, RawPeer, play_raw, publish_raw
from tests.relay.test_track import VIDEO

STREAM = "LiveApp/ladder"
HIGH, LOW = 240, 120  # pixels
LOW_KEY_FRAME = bytes.fromhex("10 100200 9d012a a000 7800") + bytes(50)  # 160x120
PACKET_BYTES = 1000
STEP_S = 0.1
HIGH_PACKETS, LOW_PACKETS = 20, 4  # each step: about 1.6 Mbit/s and 320 kbit/s


@dataclass
class Layer:
    """One rendition's source. `key_frames`: those that it answers requests with."""

    track: Track
    key_frame: bytes
    packets: int
    seq: int = 100
    flows: bool = True
    answers: bool = True
    key_frames: int = 0

    def send(self, now: float) -> None:
        if not self.flows:
            return
        payloads = [b"\x10\x11" + bytes(PACKET_BYTES)] * self.packets
        if self.key_frames == 0 or (self.answers and self.track.key_frames.due(now)):
            self.key_frames += 1
            payloads.insert(0, self.key_frame)
        for payload in payloads:
            self.seq += 1
            timestamp = int(now * 90000) & 0xFFFFFFFF
            self.track.forward(
                RtpPacket(100, True, self.seq & 0xFFFF, timestamp, 5, {}, payload),
                VIDEO,
                now,
            )
        self.track.flush(now)


@dataclass
class Ladder:
    """Its clock is the relay's; `run` moves it."""

    relay: RunningRelay
    stream: Stream
    high: Layer
    low: Layer
    viewers: list[RawPeer] = field(default_factory=list)  # who take what comes

    async def run(self, seconds: float) -> None:
        """Both renditions flow, and the relay's rounds go on."""
        for _ in range(round(seconds / STEP_S)):
            self.relay.clock.now += STEP_S
            now = self.relay.clock.now
            for layer in (self.high, self.low):
                layer.send(now)
            for _ in range(2):
                self.relay.router.rounds.slice(now)
            self.relay.router.prober.tick(now)
            for viewer in self.viewers:
                await viewer.check()

    def subscriber(self, peer: RawPeer) -> Subscriber:
        found = self.relay.router.peer(peer.session)
        assert isinstance(found, Subscriber)
        return found

    def shown(self, peer: RawPeer) -> list[int]:
        """The height of each video that the viewer is sent."""
        return [
            lane.track.size[1]
            for lane in self.subscriber(peer).lanes_of("video")
            if lane.track is not None and lane.running
        ]

    def changes(self) -> list[int]:
        """The heights that signalling was told of since the last call."""
        return [
            event.height
            for event in self.relay.drain()
            if isinstance(event, control.RenditionChanged)
        ]


async def publish_ladder(relay: RunningRelay, *, audio: bool = False) -> Ladder:
    """Both renditions flow, and their rates are known."""
    await publish_raw(relay, STREAM, audio=audio)
    stream = relay.router.stream(STREAM)
    assert stream is not None
    own = stream.tracks["video"]
    low = Track(VIDEO, "low")
    low.outgoing = own.outgoing
    stream.add_rendition(Rendition(low, name="low"))
    ladder = Ladder(
        relay,
        stream,
        Layer(own, KEY_FRAME, HIGH_PACKETS),
        Layer(low, LOW_KEY_FRAME, LOW_PACKETS),
    )
    await ladder.run(5)
    return ladder


async def watch_ladder(ladder: Ladder, *, rtx: bool = True) -> RawPeer:
    """A viewer whose first picture has come."""
    peer = await play_raw(ladder.relay, STREAM, rtx=rtx)
    ladder.viewers.append(peer)
    await ladder.run(1)
    ladder.relay.drain()
    return peer


async def say(peer: RawPeer, bitrate_bps: int) -> None:
    """A REMB, as a browser sends it: behind a report of nothing."""
    peer.send_rtcp(build_receiver_report(1, []) + build_remb(1, bitrate_bps, [2]))
    await peer.check()


async def report(
    peer: RawPeer, ssrc: int, highest: int, lost: int, lsr: int = 0, dlsr: int = 0
) -> None:
    """A receiver report that comes alone."""
    block = ReportBlock(ssrc, 0, lost, highest, 900, lsr, dlsr)
    peer.send_rtcp(build_receiver_report(1, [block]))
    await peer.check()
