"""Decoding once, scaling, encoding: PyAV as it is used here."""

from __future__ import annotations

import pytest

from relay.encoder.frames import Frame, FrameAssembler
from relay.encoder.link import Ladder, Rung
from relay.encoder.pacer import Waiting
from relay.encoder.pictures import CodecFailed, Decoder, scaled_size
from relay.encoder.reorder import Reorder
from relay.encoder.workshop import MAX_FAILURES, Workshop
from relay.packet import RtpPacket, parse_packet
from tests.relay.encoder.media import Camera, Screen, likeness_db

NOBODY: frozenset[int] = frozenset()


class Bench:
    """A camera before a workshop, and a screen for each rendition."""

    def __init__(self, codec: str, *rungs: Rung, single_nal: bool = False) -> None:
        self.camera = Camera(codec, (320, 240))
        self.target = "H264" if codec == "H264" else "VP8"
        self.workshop = Workshop()
        self.codec = codec
        self.single_nal = single_nal
        self.set_rungs(*rungs)
        self.reorder = Reorder()
        self.assembler = FrameAssembler(codec)
        self.screens = {rung.index: Screen(self.target) for rung in rungs}
        self.source = Screen(codec)
        self.sent: list[Waiting] = []
        self.key_frames: list[int] = []
        self._seqs: dict[int, int] = {}

    def set_rungs(self, *rungs: Rung) -> None:
        self.workshop.change(
            Ladder(self.codec, self.target, rungs, single_nal=self.single_nal)
        )

    def frames(self) -> list[Frame]:
        found = []
        for wire in self.camera.frame():
            self.source.show(wire)
            self.reorder.add(parse_packet(wire), 0.0)
            for ordered in self.reorder.take(0.0):
                found += self.assembler.add(ordered, 0.0)
        return found

    def run(
        self, count: int, key_frames: frozenset[int] = NOBODY, *, late: bool = False
    ) -> None:
        for _ in range(count):
            for frame in self.frames():
                product = self.workshop.run(frame, key_frames, late=late)
                assert not product.is_broken
                self.key_frames += product.key_frames
                self.show(product.packets)

    def show(self, packets: list[Waiting]) -> None:
        self.sent += packets
        for waiting in packets:
            seq = self._seqs[waiting.rendition] = (
                self._seqs.get(waiting.rendition, 0) + 1
            )
            self.screens[waiting.rendition].show(
                RtpPacket(
                    0,
                    waiting.marker,
                    seq,
                    waiting.ticks & 0xFFFFFFFF,
                    0,
                    {},
                    waiting.payload,
                )
            )


@pytest.mark.parametrize(
    ("size", "target", "scaled"),
    [
        ((1280, 720), 480, (854, 480)),
        ((720, 1280), 480, (270, 480)),
        ((640, 480), 241, (320, 240)),
        ((1920, 1080), 1, (4, 2)),
        ((16, 4000), 16, (2, 16)),
        ((16000, 16), 480, (4096, 480)),
    ],
)
def test_a_scaled_picture_keeps_its_shape_in_even_numbers(
    size: tuple[int, int], target: int, scaled: tuple[int, int]
) -> None:
    assert scaled_size(*size, target) == scaled


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9"])
def test_every_rendition_is_the_picture_in_its_size(codec: str) -> None:
    bench = Bench(
        codec, Rung(0, 480, 900_000), Rung(1, 240, 500_000), Rung(2, 120, 99_000)
    )
    bench.run(12)
    sizes = {i: {p[:2] for p in s.pictures} for i, s in bench.screens.items()}
    assert sizes == {0: {(640, 480)}, 1: {(320, 240)}, 2: {(160, 120)}}
    same_size = bench.screens[1].last
    assert same_size is not None
    assert bench.source.last is not None
    assert likeness_db(same_size, bench.source.last) > 25


def test_timestamps_are_the_sources() -> None:
    bench = Bench("VP8", Rung(0, 120, 100_000))
    bench.run(30)  # the camera's wrap after 20
    assert [p[2] for p in bench.screens[0].pictures] == [
        p[2] for p in bench.source.pictures
    ]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_key_frame_is_made_for_whom_it_is_asked(codec: str) -> None:
    bench = Bench(codec, Rung(0, 180, 200_000), Rung(1, 120, 100_000))
    bench.run(5)
    bench.run(1, frozenset({1}))
    assert bench.key_frames == [1]
    # Who comes now sees the one at once, the other not at all.
    bench.screens = {0: Screen(bench.target), 1: Screen(bench.target)}
    bench._seqs.clear()
    bench.run(1, frozenset({1}))
    assert len(bench.screens[1].pictures) == 1
    assert not bench.screens[0].pictures


def test_the_renditions_follow_the_sources_size() -> None:
    bench = Bench("VP8", Rung(0, 120, 100_000))
    bench.run(3)
    bench.camera.resize((240, 320))
    bench.run(3)
    sizes = [picture[:2] for picture in bench.screens[0].pictures]
    assert sizes == [(160, 120)] * 3 + [(90, 120)] * 3


def test_late_frames_are_decoded_but_not_encoded() -> None:
    bench = Bench("VP8", Rung(0, 120, 100_000))
    bench.run(2)
    bench.run(5, late=True)
    bench.run(2)
    assert len(bench.screens[0].pictures) == 4


def test_a_change_of_the_ladder_leaves_the_others_alone() -> None:
    bench = Bench("VP8", Rung(0, 180, 200_000), Rung(1, 120, 100_000))
    bench.run(3)
    bench.set_rungs(Rung(1, 120, 100_000))
    bench.run(3)
    assert len(bench.screens[0].pictures) == 3
    assert len(bench.screens[1].pictures) == 6


def test_mode_0_of_h264_gets_packets_of_one_unit() -> None:
    bench = Bench("H264", Rung(0, 480, 3_000_000), single_nal=True)
    bench.run(5)
    kinds = {waiting.payload[0] & 0x1F for waiting in bench.sent}
    assert kinds <= {1, 5, 6, 7, 8}
    assert len(bench.screens[0].pictures) == 5


def test_a_frame_of_noise_is_broken_and_nothing_worse() -> None:
    workshop = Workshop()
    workshop.change(Ladder("VP8", "VP8", (Rung(0, 120, 100_000),)))
    noise = b"\x10\x02\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + b"\x55" * 500
    product = workshop.run(Frame(noise, 1, True, None, 0.0), NOBODY, late=False)
    assert product.is_broken


def test_a_picture_larger_than_any_camera_is_refused() -> None:
    camera = Camera("VP8", (4096, 2306), 4_000_000)
    assembler = FrameAssembler("VP8")
    reorder = Reorder()
    (frame,) = [
        frame
        for wire in camera.frame()
        for frame in _assemble(reorder, assembler, wire)
    ]
    with pytest.raises(CodecFailed):
        Decoder("VP8").decode(frame)


def _assemble(reorder: Reorder, assembler: FrameAssembler, wire: bytes) -> list[Frame]:
    reorder.add(parse_packet(wire), 0.0)
    return [f for o in reorder.take(0.0) for f in assembler.add(o, 0.0)]


def test_an_encoder_that_does_not_open_is_given_up() -> None:
    bench = Bench("VP8", Rung(0, 180, 200_000), Rung(1, 120, 100_000))
    bench.set_rungs(Rung(0, 180, 2**70), Rung(1, 120, 100_000))
    failed = []
    for _ in range(MAX_FAILURES + 2):
        for frame in bench.frames():
            product = bench.workshop.run(frame, NOBODY, late=False)
            failed += product.failed
            bench.show(product.packets)
    assert failed == [0]
    assert len(bench.screens[1].pictures) == MAX_FAILURES + 2
