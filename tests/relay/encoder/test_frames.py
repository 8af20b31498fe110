"""Whole frames out of packets, and only those that can be decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.encoder.frames import Frame, FrameAssembler
from relay.encoder.link import ORIENTATION_ID
from relay.encoder.payloads import write_h264, write_vp8
from relay.encoder.reorder import Ordered
from relay.packet import RtpPacket

KEY = b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(3000)
DELTA = b"\x11\x02\x00" + bytes(2000)


def test_layers_that_are_left_out_leave_nothing() -> None:
    feed = Feed("VP9")
    for _ in range(100):
        assert feed.packet(b"\x28\x02\x00data", 3000) == []
    assert feed.assembler._parts == []


class Feed:
    def __init__(self, codec: str = "VP8") -> None:
        self.assembler = FrameAssembler(codec)
        self.picture_id = 0

    def packet(
        self,
        payload: bytes,
        timestamp: int,
        *,
        marker: bool = False,
        after_gap: bool = False,
        extensions: dict[int, bytes] | None = None,
    ) -> list[Frame]:
        packet = RtpPacket(96, marker, 0, timestamp, 1, extensions or {}, payload)
        return self.assembler.add(Ordered(packet, after_gap), 5.0)

    def vp8(
        self, frame: bytes, timestamp: int, *, after_gap: bool = False
    ) -> list[Frame]:
        self.picture_id += 1
        payloads = write_vp8(frame, self.picture_id)
        found = []
        for number, payload in enumerate(payloads):
            found += self.packet(
                payload,
                timestamp,
                marker=number == len(payloads) - 1,
                after_gap=after_gap and number == 0,
            )
        return found


def test_a_frame_is_whole_with_its_last_packet() -> None:
    (frame,) = Feed().vp8(KEY, 1000)
    assert frame == Frame(KEY, 1000, True, None, 5.0)


def test_timestamps_are_unwrapped() -> None:
    feed = Feed()
    ticks = [
        feed.vp8(KEY, 0xFFFFFF00)[0].ticks,
        feed.vp8(DELTA, 0x00000100)[0].ticks,
    ]
    assert ticks == [0xFFFFFF00, 0x100000100]


def test_nothing_comes_before_the_first_key_frame() -> None:
    feed = Feed()
    assert feed.vp8(DELTA, 0) == []
    assert feed.assembler.needs_key_frame
    assert feed.vp8(KEY, 3000)
    assert feed.vp8(DELTA, 6000)
    assert not feed.assembler.needs_key_frame


def test_after_a_gap_nothing_comes_before_a_key_frame() -> None:
    feed = Feed()
    feed.vp8(KEY, 0)
    assert feed.vp8(DELTA, 3000, after_gap=True) == []
    assert feed.assembler.needs_key_frame
    assert feed.vp8(DELTA, 6000) == []
    assert feed.vp8(KEY, 9000)


def test_a_key_frame_behind_a_gap_is_whole() -> None:
    feed = Feed()
    feed.vp8(KEY, 0)
    assert [frame.is_key for frame in feed.vp8(KEY, 3000, after_gap=True)] == [True]


def test_a_gap_within_a_key_frame_spoils_it() -> None:
    feed = Feed()
    first, *_, last = write_vp8(KEY, 1)
    assert feed.packet(first, 0) == []
    assert feed.packet(last, 0, marker=True, after_gap=True) == []
    assert feed.assembler.needs_key_frame


def test_a_frame_without_its_mark_is_whole_when_the_next_begins() -> None:
    feed = Feed()
    for payload in write_vp8(KEY, 1):
        assert feed.packet(payload, 0) == []
    (frame,) = feed.packet(write_vp8(DELTA, 2)[0], 3000)
    assert frame.data == KEY


def test_padding_is_no_part_of_a_frame() -> None:
    feed = Feed()
    feed.vp8(KEY, 0)
    assert feed.packet(b"", 0) == []
    assert feed.vp8(DELTA, 3000)


def test_the_orientation_is_the_frames_own() -> None:
    feed = Feed()
    turned = {ORIENTATION_ID: b"\x01"}
    payload = write_vp8(KEY[:100], 1)[0]
    (frame,) = feed.packet(payload, 0, marker=True, extensions=turned)
    assert frame.orientation == b"\x01"
    assert feed.vp8(DELTA, 3000)[0].orientation is None


def test_an_h264_key_frame_with_its_parameter_sets_is_one_frame() -> None:
    units = b"\0\0\0\1\x67\x42\xe0\0\0\0\1\x68\xce\x01\0\0\0\1\x65\x88" + b"\1" * 3000
    feed = Feed("H264")
    payloads = write_h264(units)
    assert len(payloads) > 3
    found = []
    for number, payload in enumerate(payloads):
        found += feed.packet(payload, 0, marker=number == len(payloads) - 1)
    (frame,) = found
    assert frame.is_key
    assert frame.data == units


def test_a_frame_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.encoder.frames.MAX_FRAME_BYTES", 2500)
    assert Feed().vp8(KEY, 0) == []


@given(
    st.sampled_from(["VP8", "VP9", "H264"]),
    st.lists(
        st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans()), max_size=30
    ),
)
def test_hostile_packets_only_make_frames_or_nothing(
    codec: str, packets: list[tuple[bytes, int, bool]]
) -> None:
    feed = Feed(codec)
    for payload, timestamp, marker in packets:
        for frame in feed.packet(payload, timestamp, marker=marker):
            assert frame.data
