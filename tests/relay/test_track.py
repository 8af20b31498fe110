"""Numbering: what viewers see of one track, whatever its sources do."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.fanout import MAX_AHEAD, MAX_LATE_PACKETS, MAX_PENDING
from relay.negotiation import (
    SEND_ABS_SEND_TIME_ID,
    SEND_AUDIO_LEVEL_ID,
    SEND_ORIENTATION_ID,
    IncomingTrack,
)
from relay.packet import MAX_PACKET_BYTES, RtpPacket, parse_packet
from relay.rtcp import SenderReport, parse_compound
from relay.sdp import Codec
from relay.seqno import seq_diff, timestamp_diff
from relay.track import Track
from tests.relay.raw_peer import DELTA_FRAME, KEY_FRAME

VIDEO = IncomingTrack(
    kind="video",
    mid="1",
    codec=Codec("VP8", 100, 90000),
    rtx_payload_type=101,
    abs_send_time_id=2,
    orientation_id=5,
    audio_level_id=None,
    ssrcs=(),
)
AUDIO = IncomingTrack(
    kind="audio",
    mid="0",
    codec=Codec("opus", 109, 48000, 2),
    rtx_payload_type=None,
    abs_send_time_id=None,
    orientation_id=None,
    audio_level_id=7,
    ssrcs=(),
)


class RecordingFanOut:
    """Instead of the network: all that would be sent to every viewer."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, group: list[bytes], highest: int) -> None:
        self.sent += group


class Source:
    """Feeds a track packet by packet."""

    def __init__(self, agreed: IncomingTrack = AUDIO) -> None:
        self.track = Track(agreed, "name")
        self.agreed = agreed
        self.fan_out = RecordingFanOut()
        self.track.fan_out = self.fan_out  # type: ignore[assignment]
        self.now = 1000.0

    def send(
        self,
        seq: int,
        payload: bytes = b"x",
        *,
        timestamp: int = 0,
        extensions: dict[int, bytes] | None = None,
    ) -> bool:
        packet = RtpPacket(
            self.agreed.codec.payload_type,
            False,
            seq & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            5,
            extensions or {},
            payload,
        )
        taken = self.track.forward(packet, self.agreed, self.now)
        self.track.flush(self.now)
        return taken

    @property
    def sent(self) -> list[RtpPacket]:
        return [parse_packet(data) for data in self.fan_out.sent]

    @property
    def seqs(self) -> list[int]:
        """What was sent, counted from the first packet."""
        sent = self.sent
        return [seq_diff(packet.seq, sent[0].seq) for packet in sent]


# -- numbers ------------------------------------------------------------------


def test_a_packet_gets_the_tracks_own_type_ssrc_and_numbers() -> None:
    source = Source()
    source.send(500, b"media", timestamp=77)
    (packet,) = source.sent
    assert packet.payload_type == 111
    assert packet.ssrc == source.track.outgoing.ssrc
    assert packet.payload == b"media"
    assert packet.seq <= 1 << 15


def test_gaps_and_order_are_kept_across_the_wrap() -> None:
    source = Source()
    for seq in (65533, 65534, 0, 65535, 3, 1):
        assert source.send(seq)
    assert source.seqs == [0, 1, 3, 2, 6, 4]


def test_a_gap_that_nobody_repairs_is_closed() -> None:
    source = Source()
    source.send(0)
    source.send(MAX_AHEAD)
    source.send(2 * MAX_AHEAD + 1)
    assert not source.send(2 * MAX_AHEAD)
    source.send(2 * MAX_AHEAD + 2)
    assert source.seqs == [0, MAX_AHEAD, MAX_AHEAD + 1, MAX_AHEAD + 2]


def test_packets_that_are_dropped_do_not_bring_numbers_back() -> None:
    """SRTP would take what lies a whole cycle ahead for what was sent before."""
    source = Source()
    source.send(0)
    for seq in (30_000, 60_000):
        assert not source.send(seq, bytes(MAX_PACKET_BYTES))
    source.send(65_536 - 100)
    assert source.seqs == [0, 1]


def test_numbers_go_on_by_less_than_srtp_can_tell_in_one_wake_up() -> None:
    source = Source()
    source.send(0)
    for seq in range(1, 60):
        packet = RtpPacket(109, False, seq * 2000 & 0xFFFF, 0, 5, {}, b"x")
        source.track.forward(packet, AUDIO, source.now)
    source.track.flush(source.now)
    assert 0 < source.seqs[-1] <= MAX_AHEAD + MAX_PENDING


def test_timestamps_move_by_what_the_source_says() -> None:
    source = Source()
    source.send(1, timestamp=0xFFFFFFFF)
    source.send(2, timestamp=959)
    first, second = source.sent
    assert timestamp_diff(second.timestamp, first.timestamp) == 960


def test_a_duplicate_is_dropped_and_counted() -> None:
    source = Source()
    assert source.send(10)
    assert source.send(11)
    assert not source.send(10, b"other bytes")
    assert source.track.counters.duplicates == 1
    assert len(source.sent) == 2


def test_a_late_packet_is_sent_while_it_may_help() -> None:
    source = Source()
    source.send(1)
    source.send(1 + MAX_LATE_PACKETS)
    assert source.send(2)
    source.send(3 + MAX_LATE_PACKETS)
    assert not source.send(3)
    assert source.track.counters.late == 1


def test_what_is_older_than_the_first_packet_is_late() -> None:
    source = Source()
    source.send(10)
    assert not source.send(9)
    assert len(source.sent) == 1


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["next", "skip", "late", "same", "jump", "source"]),
            st.integers(0, 0xFFFF),
        ),
        min_size=1,
        max_size=300,
    ),
    st.integers(0, 0xFFFF),
)
def test_no_number_is_ever_sent_twice(steps: list[tuple[str, int]], seq: int) -> None:
    """AES-GCM: a number with other bytes would give the key's stream away."""
    source = Source()
    sent: dict[int, bytes] = {}
    number = last = None
    for index, (step, value) in enumerate(steps):
        moves = {"next": 1, "skip": value % 50, "late": -(value % 600), "jump": value}
        if step == "source":
            seq = value
            source.track.change_source(source.now)
        seq = (seq + moves.get(step, 0)) & 0xFFFF
        source.now += 0.01
        source.send(seq, index.to_bytes(2))
        for data in source.fan_out.sent:
            wrapped = parse_packet(data).seq
            number = wrapped if last is None else last + seq_diff(wrapped, last)
            assert number not in sent
            sent[number] = data
            last = max(number, last or number)
        source.fan_out.sent.clear()


# -- sizes --------------------------------------------------------------------


def test_a_packet_that_would_not_fit_is_dropped_and_counted() -> None:
    source = Source()
    assert source.send(1, bytes(MAX_PACKET_BYTES - 12))
    assert not source.send(2, bytes(MAX_PACKET_BYTES - 11))
    assert source.track.counters.oversized == 1


def test_waiting_packets_are_bounded() -> None:
    source = Source()
    track = source.track
    for seq in range(MAX_PENDING + 5):
        packet = RtpPacket(109, False, seq, 0, 5, {}, b"x")
        assert track.forward(packet, AUDIO, 0) is (seq < MAX_PENDING)
    track.flush(0)
    assert len(source.sent) == MAX_PENDING


def test_probing_padding_keeps_its_number() -> None:
    source = Source()
    source.send(1)
    source.send(2, b"")
    source.send(3)
    assert source.seqs == [0, 1, 2]
    assert source.fan_out.sent[1][0] & 0x20
    assert source.sent[1].payload == b""


def test_what_was_sent_is_remembered_byte_by_byte() -> None:
    source = Source()
    for seq, size in enumerate((100, 90, 100, 3)):
        packet = RtpPacket(109, False, seq, 0, 5, {}, bytes(size))
        source.track.forward(packet, AUDIO, source.now)
    source.track.flush(source.now)
    assert len(source.fan_out.sent) == 4
    for data in source.fan_out.sent:
        seq = parse_packet(data).seq
        assert source.track.history.get(seq, source.now) == data


# -- extensions ---------------------------------------------------------------


def test_video_carries_our_send_time_and_the_sources_orientation() -> None:
    source = Source(VIDEO)
    source.send(1, KEY_FRAME, extensions={5: b"\x01", 2: b"abc", 9: b"unknown"})
    (packet,) = source.sent
    assert packet.extensions.keys() == {SEND_ABS_SEND_TIME_ID, SEND_ORIENTATION_ID}
    assert packet.extensions[SEND_ORIENTATION_ID] == b"\x01"
    assert packet.extensions[SEND_ABS_SEND_TIME_ID] != b"abc"


def test_audio_carries_its_level_only() -> None:
    source = Source()
    source.send(1, extensions={7: b"\x85", 2: b"abc"})
    assert source.sent[0].extensions == {SEND_AUDIO_LEVEL_ID: b"\x85"}


@pytest.mark.parametrize("value", [b"", b"ab", bytes(255)])
def test_an_extension_of_an_odd_length_is_left_out(value: bytes) -> None:
    source = Source()
    assert source.send(1, extensions={7: value})
    assert source.sent[0].extensions == {}


# -- another source -----------------------------------------------------------


def test_a_new_sources_numbers_follow_the_old_ones() -> None:
    source = Source()
    for seq in (40000, 40001, 40002):
        source.send(seq)
    source.track.change_source(source.now)
    for seq in (7, 8, 6, 9):
        source.send(seq)
    assert source.seqs == [0, 1, 2, 3, 4, 5]  # 6 came before its source's first


def test_a_new_sources_timestamps_move_on_by_the_elapsed_time() -> None:
    source = Source()
    source.send(1, timestamp=1_000_000)
    source.track.change_source(source.now)
    source.now += 2.5
    source.send(900, timestamp=5)
    source.send(901, timestamp=965)
    first, second, third = source.sent
    assert timestamp_diff(second.timestamp, first.timestamp) == int(2.5 * 48000)
    assert timestamp_diff(third.timestamp, second.timestamp) == 960


def test_a_source_that_follows_at_once_has_another_timestamp() -> None:
    source = Source()
    source.send(1)
    source.track.change_source(source.now)
    source.send(2)
    first, second = source.sent
    assert timestamp_diff(second.timestamp, first.timestamp) >= 1


def test_video_of_a_new_source_waits_for_its_key_frame() -> None:
    source = Source(VIDEO)
    source.send(1, KEY_FRAME)
    source.track.key_frames.due(source.now)
    source.track.change_source(source.now)
    assert not source.send(50, DELTA_FRAME)
    assert source.send(51, KEY_FRAME)
    assert source.send(52, DELTA_FRAME)
    assert source.seqs == [0, 1, 2]


def test_a_new_video_source_is_asked_for_a_key_frame() -> None:
    source = Source(VIDEO)
    source.track.change_source(source.now)
    assert source.track.key_frames.due(source.now)


def test_the_first_source_need_not_begin_with_a_key_frame() -> None:
    source = Source(VIDEO)
    source.track.change_source(source.now)
    assert source.send(1, DELTA_FRAME)


def test_audio_of_a_new_source_waits_for_nothing() -> None:
    source = Source()
    source.send(1)
    source.track.change_source(source.now)
    assert source.send(50)


# -- key frames ---------------------------------------------------------------


def test_a_key_frame_tells_the_size() -> None:
    source = Source(VIDEO)
    source.send(1, KEY_FRAME)
    assert source.track.size == (320, 240)


def test_a_key_frame_fulfils_the_wish() -> None:
    source = Source(VIDEO)
    source.track.request_key_frame(source.now)
    source.send(1, KEY_FRAME)
    assert not source.track.key_frames.due(source.now)


def test_a_late_repeat_of_a_key_frame_fulfils_nothing() -> None:
    source = Source(VIDEO)
    source.send(1, KEY_FRAME, timestamp=3000)
    source.send(2, DELTA_FRAME, timestamp=6000)
    source.track.request_key_frame(source.now)
    source.send(3, KEY_FRAME, timestamp=3000)
    assert source.track.key_frames.due(source.now)


def test_audio_needs_no_key_frame() -> None:
    source = Source()
    source.track.request_key_frame(source.now)
    assert not source.track.key_frames.due(source.now)


# -- sender reports -----------------------------------------------------------


def test_there_is_no_report_before_the_source_made_one() -> None:
    source = Source()
    source.send(1)
    assert source.track.sender_report(source.now) is None


def test_our_report_has_our_numbers_and_moves_on_with_time() -> None:
    source = Source()
    source.send(1, b"abc", timestamp=480)
    source.track.change_source(source.now)
    source.now += 1
    source.send(1, b"de", timestamp=0)
    offset = source.track.timestamp_offset
    source.track.remember_report(SenderReport(5, 7 << 32, 960, 9, 9), source.now)
    data = source.track.sender_report(source.now + 0.5)
    assert data is not None
    (report,) = parse_compound(data)
    assert report == SenderReport(
        source.track.outgoing.ssrc,
        (7 << 32) + (1 << 31),
        (960 + offset + 24000) & 0xFFFFFFFF,
        2,
        5,
    )


def test_a_report_of_the_old_source_is_forgotten() -> None:
    source = Source()
    source.send(1)
    source.track.remember_report(SenderReport(5, 1, 2, 3, 4), source.now)
    source.track.change_source(source.now)
    source.send(2)
    assert source.track.sender_report(source.now) is None


def test_reports_of_a_wrapping_clock_are_built() -> None:
    source = Source()
    source.send(1, timestamp=0xFFFFFF00)
    report = SenderReport(5, (1 << 64) - 1, 0xFFFFFFFF, 0, 0)
    source.track.remember_report(report, source.now)
    assert source.track.sender_report(source.now + 3600) is not None


def test_a_long_stream_never_repeats_a_number_in_its_window() -> None:
    source = Source()
    rng = random.Random(1)
    for start in range(0, 70_000, 64):
        seqs = list(range(start, start + 64))
        rng.shuffle(seqs)
        for seq in seqs:
            source.send(seq)
        recent = [packet.seq for packet in source.sent]
        assert len(set(recent)) == len(recent)
        source.fan_out.sent.clear()
    assert source.track.counters.duplicates == 0
