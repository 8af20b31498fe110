"""A publisher's layers: renditions of its stream, each with its own repairs."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

import pytest

from relay import control
from relay.packet import RtpPacket, build_extensions, build_packet
from relay.rtcp import (
    Nack,
    PictureLoss,
    ReceiverReport,
    SenderReport,
    build_sender_report,
)
from relay.simulcast import choose_own, place_layers
from relay.stream import Stream
from relay.subscriber import Subscriber
from relay.track import Track
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    VIDEO_LINES,
    RawPeer,
    accept_offer,
    play_raw,
)
from tests.relay.test_sources import LAYERED, PLAIN

STREAM = "LiveApp/one"
RIDS = ("h", "m", "l")
SIZES = {"h": (1280, 720), "m": (640, 360), "l": (320, 180)}
SSRCS = {"h": 11, "m": 12, "l": 13}
RTX_SSRCS = {"h": 21, "m": 22, "l": 23}
RID_ID, REPAIRED_ID = 10, 11
RID_LINES = f"""\
a=extmap:{RID_ID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:{REPAIRED_ID} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
"""


def key_frame(width: int, height: int) -> bytes:
    """The start of a VP8 one, in its RTP payload."""
    size = struct.pack("<HH", width, height)
    return bytes.fromhex("10 100200 9d012a") + size + bytes(50)


def width_of(packet: RtpPacket) -> int:
    """Of the key frame in it."""
    width: int = struct.unpack("<H", packet.payload[7:9])[0]
    return width


# -- placement ----------------------------------------------------------------


def names(stream: Stream) -> dict[str, Track]:
    return {rendition.name: rendition.video for rendition in stream.renditions}


def test_each_layer_has_a_track_and_all_one_identity() -> None:
    stream = Stream("A/x", (LAYERED,))
    own = stream.tracks["video"]
    tracks = place_layers(stream, LAYERED)
    assert tracks == names(stream)
    assert tracks["h"] is own
    assert len(set(tracks.values())) == 2
    assert {track.outgoing for track in tracks.values()} == {own.outgoing}
    assert all(rendition.is_layer for rendition in stream.renditions)


def test_a_publisher_without_layers_has_the_streams_own_track() -> None:
    stream = Stream("A/x", (PLAIN,))
    assert place_layers(stream, PLAIN) == {"": stream.tracks["video"]}
    assert not any(rendition.is_layer for rendition in stream.renditions)


def test_layers_of_a_publisher_that_returns_go_on() -> None:
    stream = Stream("A/x", (LAYERED,))
    before = place_layers(stream, LAYERED)
    returned = replace(LAYERED, rids=("l", "h"))
    assert place_layers(stream, returned) == before
    assert names(stream) == before


def test_without_layers_it_returns_to_the_own_track_and_the_others_end() -> None:
    stream = Stream("A/x", (LAYERED,))
    before = place_layers(stream, LAYERED)
    stream.tracks["video"] = before["l"]  # the highest that came
    assert place_layers(stream, PLAIN) == {"": before["l"]}
    assert names(stream) == {"": before["l"]}
    assert not stream.renditions[0].is_layer


def test_under_other_names_the_own_track_goes_on_first() -> None:
    stream = Stream("A/x", (LAYERED,))
    before = place_layers(stream, LAYERED)
    after = place_layers(stream, replace(LAYERED, rids=("0", "1")))
    assert after["0"] is before["h"]
    assert before["l"] not in after.values()
    assert names(stream) == after


def test_a_name_that_stays_keeps_its_track_beside_a_new_one() -> None:
    stream = Stream("A/x", (LAYERED,))
    before = place_layers(stream, LAYERED)
    after = place_layers(stream, replace(LAYERED, rids=("l", "x")))
    assert after == {"l": before["l"], "x": before["h"]}


def test_the_own_track_goes_on_although_its_layer_comes_no_more() -> None:
    """Its viewers stay where they are; the layer's own track ends."""
    stream = Stream("A/x", (LAYERED,))
    before = place_layers(stream, LAYERED)
    after = place_layers(stream, replace(LAYERED, rids=("l",)))
    assert after == {"l": before["h"]}
    assert names(stream) == after


def test_layers_may_come_where_there_were_none() -> None:
    stream = Stream("A/x", (PLAIN,))
    own = place_layers(stream, PLAIN)[""]
    tracks = place_layers(stream, LAYERED)
    assert tracks["h"] is own
    assert names(stream) == tracks


def test_the_highest_layer_that_comes_is_the_streams_own() -> None:
    stream = Stream("A/x", (LAYERED,))
    tracks = place_layers(stream, replace(LAYERED, rids=("l", "h")))
    low, high = tracks["l"], tracks["h"]
    choose_own(stream, 5.0)
    assert stream.tracks["video"] is low  # nothing is known yet
    low.size, low.last_time = (320, 180), 5.0
    high.size, high.last_time = (1280, 720), 5.0
    choose_own(stream, 5.0)
    assert stream.tracks["video"] is high
    assert stream.size == (1280, 720)
    low.last_time = 50.0
    choose_own(stream, 50.0)  # the path narrowed
    assert stream.tracks["video"] is low
    choose_own(stream, 100.0)  # nothing comes: there is nothing better
    assert stream.tracks["video"] is low


# -- in the relay -------------------------------------------------------------


class Layers:
    """A publisher of layers by hand."""

    def __init__(self, peer: RawPeer) -> None:
        self.peer = peer

    @classmethod
    async def connect(
        cls,
        relay: RunningRelay,
        rids: tuple[str, ...] = RIDS,
        session: str = "",
    ) -> Layers:
        peer = await RawPeer.open(relay)
        peer.session = session or peer.session
        lines = VIDEO_LINES
        if rids:
            lines += RID_LINES + "".join(f"a=rid:{rid} send\n" for rid in rids)
            lines += f"a=simulcast:send {';'.join(rids)}\n"
        head = "m=video 9 UDP/TLS/RTP/SAVPF 100 101\na=sendonly\n"
        offer = peer.describe([head + lines])
        relay.router.handle(accept_offer(peer, STREAM, offer))
        answered = await relay.event(control.Answered, peer.session)
        await peer.connect(answered.sdp)
        return cls(peer)

    def send(
        self, rid: str, seq: int, payload: bytes = DELTA_FRAME, *, named: bool = True
    ) -> None:
        extensions = build_extensions([(RID_ID, rid.encode())] if named else [])
        self.peer.send_rtp(
            build_packet(
                payload_type=100,
                marker=True,
                seq=seq,
                timestamp=seq * 3000,
                ssrc=SSRCS[rid],
                extensions=extensions,
                payload=payload,
            )
        )

    def repair(self, rid: str, seq: int, payload: bytes) -> None:
        self.peer.send_rtp(
            build_packet(
                payload_type=101,
                marker=True,
                seq=seq,
                timestamp=seq * 3000,
                ssrc=RTX_SSRCS.get(rid, 99),
                extensions=build_extensions([(REPAIRED_ID, rid.encode())]),
                payload=struct.pack("!H", seq) + payload,
            )
        )

    def key_frames(self, seq: int, rids: tuple[str, ...] = RIDS) -> None:
        for rid in rids:
            self.send(rid, seq, key_frame(*SIZES[rid]))


async def publish_layers(relay: RunningRelay) -> Layers:
    """Three layers, each of which sent its key frame, number 1."""
    layers = await Layers.connect(relay)
    layers.key_frames(1)
    await relay.event(control.Started, layers.peer.session)
    await layers.peer.check()
    return layers


def stream_of(relay: RunningRelay) -> Stream:
    stream = relay.router.stream(STREAM)
    assert stream is not None
    return stream


def feedback(relay: RunningRelay, seconds: float = 0.0) -> None:
    relay.clock.now += seconds
    relay.router.send_urgent_feedback(stream_of(relay))


def put_on(relay: RunningRelay, viewer: RawPeer, rid: str) -> None:
    """Have the viewer go over to a layer at its next key frame."""
    found = relay.router.peer(viewer.session)
    assert isinstance(found, Subscriber)
    track = names(stream_of(relay))[rid]
    for lane in set(found.lanes_by_ssrc.values()):
        lane.move(track)
    track.request_key_frame(relay.clock.now)
    feedback(relay)


async def test_every_layer_is_reported(still_relay: RunningRelay) -> None:
    await publish_layers(still_relay)
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert [(r.width, r.height) for r in report.renditions] == [
        (1280, 720),
        (640, 360),
        (320, 180),
    ]
    assert {r.video_codec for r in report.renditions} == {"VP8"}
    assert report.video.packets == 3


async def test_a_viewer_gets_the_layer_it_is_put_on(
    still_relay: RunningRelay,
) -> None:
    layers = await publish_layers(still_relay)
    stream_of(still_relay).publisher.estimate()  # type: ignore[union-attr]
    viewer = await play_raw(still_relay, STREAM)
    layers.key_frames(2)
    await viewer.until(lambda: viewer.rtp)
    assert width_of(viewer.rtp[-1]) == 1280  # the highest, unless it is told otherwise
    for seq, rid in ((3, "l"), (4, "h"), (5, "m")):
        still_relay.clock.now += 1
        put_on(still_relay, viewer, rid)
        layers.key_frames(seq)
        width = SIZES[rid][0]
        await viewer.until(lambda width=width: width_of(viewer.rtp[-1]) == width)  # type: ignore[misc]
    widths = [width_of(packet) for packet in viewer.rtp]
    changes = [new for old, new in itertools.pairwise(widths) if new != old]
    assert changes == [320, 1280, 640]
    assert len({packet.ssrc for packet in viewer.rtp}) == 1
    first = viewer.rtp[0].seq
    seqs = [(packet.seq - first) & 0xFFFF for packet in viewer.rtp]
    assert seqs == list(range(len(seqs)))
    assert not any(
        identifier in (RID_ID, REPAIRED_ID)
        for packet in viewer.rtp
        for identifier in packet.extensions
    )


async def test_layers_are_known_without_names_once_they_were_reported(
    still_relay: RunningRelay,
) -> None:
    layers = await publish_layers(still_relay)
    publisher = stream_of(still_relay).publisher
    assert publisher is not None
    layers.peer.rtcp.clear()
    publisher.send_periodic_feedback(still_relay.clock.now)
    await layers.peer.until(lambda: layers.peer.rtcp_of(ReceiverReport))
    blocks = layers.peer.rtcp_of(ReceiverReport)[-1].reports
    assert {block.ssrc for block in blocks} == set(SSRCS.values())
    for rid in RIDS:
        layers.send(rid, 2, named=False)
    await layers.peer.check()
    assert publisher.kind_report("video").packets == 6


async def test_each_layer_is_repaired_by_its_own_retransmissions(
    still_relay: RunningRelay,
) -> None:
    layers = await publish_layers(still_relay)
    for seq in (2, 4, 5, 6, 7):
        layers.send("m", seq)
    await layers.peer.check()
    feedback(still_relay, 0.05)
    await layers.peer.until(lambda: layers.peer.rtcp_of(Nack))
    assert layers.peer.rtcp_of(Nack) == [Nack(SSRCS["m"], (3,))]
    layers.repair("l", 3, DELTA_FRAME)  # not missing there
    layers.repair("m", 3, DELTA_FRAME)
    await layers.peer.check()
    publisher = stream_of(still_relay).publisher
    assert publisher is not None
    report = publisher.kind_report("video")
    assert (report.packets, report.packets_recovered, report.packets_lost) == (9, 1, 0)
    assert report.nacks == 1
    middle = names(stream_of(still_relay))["m"]
    assert middle.counters.packets == 7


async def test_a_probe_before_its_layer_starts_nothing(
    still_relay: RunningRelay,
) -> None:
    layers = await Layers.connect(still_relay)
    layers.repair("h", 1, b"")
    layers.repair("x", 1, b"")
    await layers.peer.check()
    assert still_relay.drain() == []


async def test_only_the_layer_that_is_wanted_and_comes_is_asked_for_a_key_frame(
    still_relay: RunningRelay,
) -> None:
    layers = await publish_layers(still_relay)
    feedback(still_relay, 0.6)
    await layers.peer.check()
    layers.peer.rtcp.clear()
    tracks = names(stream_of(still_relay))
    still_relay.clock.now += 10
    layers.send("m", 2)
    await layers.peer.check()
    for track in tracks.values():
        track.request_key_frame(still_relay.clock.now)
    for _ in range(10):  # one second
        feedback(still_relay, 0.09)
    await layers.peer.check()
    asked = [loss.media_ssrc for loss in layers.peer.rtcp_of(PictureLoss)]
    assert set(asked) == {SSRCS["m"]}
    assert len(asked) == 2
    layers.send("h", 2)  # it comes again
    await layers.peer.check()
    feedback(still_relay)
    await layers.peer.check()
    assert layers.peer.rtcp_of(PictureLoss)[-1].media_ssrc == SSRCS["h"]


async def test_reports_of_a_layer_are_those_of_its_track(
    still_relay: RunningRelay,
) -> None:
    layers = await publish_layers(still_relay)
    viewer = await play_raw(still_relay, STREAM)
    put_on(still_relay, viewer, "l")
    layers.key_frames(2)
    await viewer.until(lambda: viewer.rtp)
    layers.peer.send_rtcp(build_sender_report(SSRCS["h"], 5 << 32, 3000, 1, 1, "name"))
    layers.peer.send_rtcp(build_sender_report(SSRCS["l"], 9 << 32, 3000, 1, 1, "name"))
    await viewer.until(lambda: viewer.rtcp_of(SenderReport))
    assert {report.ntp for report in viewer.rtcp_of(SenderReport)} == {9 << 32}


@pytest.mark.parametrize("rids", [RIDS, ("l", "h"), ("a", "b"), ()])
async def test_a_publisher_that_returns_goes_on_with_its_viewers(
    still_relay: RunningRelay, rids: tuple[str, ...]
) -> None:
    layers = await publish_layers(still_relay)
    stream = stream_of(still_relay)
    viewer = await play_raw(still_relay, STREAM)
    layers.key_frames(2)
    await viewer.until(lambda: viewer.rtp)
    still_relay.router.handle(control.CloseSession(layers.peer.session, park=True))
    again = await Layers.connect(still_relay, rids)
    assert stream_of(still_relay) is stream
    assert [r.name for r in stream.renditions] == [
        r.name for r in sorted(stream.renditions, key=lambda r: -r.height)
    ]
    assert set(names(stream)) == set(rids or ("",))
    known = len(viewer.rtp)
    for index, rid in enumerate(rids or ("",)):
        again.peer.send_rtp(
            build_packet(
                payload_type=100,
                marker=True,
                seq=500,
                timestamp=7000,
                ssrc=900 + index,
                extensions=build_extensions([(RID_ID, rid.encode())] if rid else []),
                payload=key_frame(640, 360),
            )
        )
    await viewer.until(lambda: len(viewer.rtp) > known)
    last, first = viewer.rtp[known - 1], viewer.rtp[known]
    assert (first.seq - last.seq) & 0xFFFF == 1
    assert first.ssrc == last.ssrc


async def test_another_codec_ends_the_stream(still_relay: RunningRelay) -> None:
    await publish_layers(still_relay)
    stream = stream_of(still_relay)
    other = replace(LAYERED, codec=replace(LAYERED.codec, name="VP9"))
    assert not stream.fits((other,))
