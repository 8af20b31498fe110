"""NACKs of a viewer: what is sent again, what is not, and what mends it instead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from relay import retransmission
from relay.lane import Lane
from relay.retransmission import Resent, Retransmissions
from relay.rtcp import Nack
from tests.relay.raw_peer import DELTA_FRAME
from tests.relay.test_lane import Source, Viewer, shared_lane
from tests.relay.test_track import AUDIO, VIDEO

RTT_S = 0.1


class Asking(Viewer):
    """A viewer that asks for packets again. `again`: what it gets so."""

    def __init__(self) -> None:
        super().__init__()
        self.rtt_s = RTT_S
        self.retransmitted_packets = 0
        self.again: list[bytes] = []
        self.lanes_by_ssrc: dict[int, Lane] = {}
        self.dtls = SimpleNamespace(tx=None)
        self.urgent = 0
        self.router = SimpleNamespace(send_urgent_feedback=self._count_urgent)
        self.retransmissions = Retransmissions(cast(Any, self), 0.0)

    def _count_urgent(self, stream: object) -> None:
        self.urgent += 1

    def send_raw(self, data: bytes) -> None:
        self.again.append(data)

    def watch(self, source: Source) -> Lane:
        """What it is sent from now on; a key frame comes first."""
        lane = shared_lane(self, source)
        lane.attach(source.stream, source.track)
        self.lanes_by_ssrc[lane.ssrc] = lane
        return lane

    def nack(self, source: Source, *seqs: int, now: float) -> int:
        """Ask for numbers on the wire; how many come."""
        before = len(self.again)
        ssrc = source.track.outgoing.ssrc
        self.retransmissions.answer(Nack(ssrc, seqs), now)
        return len(self.again) - before

    @property
    def seqs(self) -> list[int]:
        return [int.from_bytes(data[2:4]) for data in self.sent]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """SRTP aside."""
    monkeypatch.setattr(retransmission, "protect_rtp", lambda handle, packet: packet)


@pytest.fixture
def source() -> Source:
    return Source(VIDEO)


@pytest.fixture
def viewer(source: Source) -> Asking:
    """One that was sent a key frame and nine pictures, ten a second."""
    viewer = Asking()
    viewer.watch(source)
    source.key_frame(1.0)
    for index in range(1, 10):
        source.send(1.0 + index / 10, DELTA_FRAME)
    source.track.key_frames.due(0.0)
    return viewer


def wants_key_frame(source: Source, now: float) -> bool:
    return source.track.key_frames.due(now)


def test_what_is_lost_is_sent_again_byte_by_byte(
    viewer: Asking, source: Source
) -> None:
    assert viewer.nack(source, viewer.seqs[3], viewer.seqs[1], now=2.0) == 2
    assert viewer.again == [viewer.sent[3], viewer.sent[1]]
    assert viewer.retransmitted_packets == 2


def test_a_repeat_within_a_round_trip_is_answered_once(
    viewer: Asking, source: Source
) -> None:
    seq = viewer.seqs[5]
    assert viewer.nack(source, seq, seq, now=2.0) == 1
    assert viewer.nack(source, seq, now=2.0 + 0.8 * RTT_S) == 0
    assert viewer.nack(source, seq, now=2.0 + RTT_S) == 1
    assert not wants_key_frame(source, 2.2)


def test_the_round_trip_is_the_viewers_own(viewer: Asking, source: Source) -> None:
    viewer.rtt_s = 0.3
    seq = viewer.seqs[5]
    assert [viewer.nack(source, seq, now=2.0 + t / 10) for t in range(5)] == [
        1,
        0,
        0,
        1,
        0,
    ]


def test_another_viewer_is_answered_all_the_same(
    viewer: Asking, source: Source
) -> None:
    other = Asking()
    other.watch(source)
    source.key_frame(2.0)
    seq = viewer.seqs[-1]
    assert viewer.nack(source, seq, now=2.1) == 1
    assert other.nack(source, seq, now=2.1) == 1


def test_what_it_was_never_sent_is_ignored(viewer: Asking, source: Source) -> None:
    ahead, before = viewer.seqs[-1] + 1, viewer.seqs[0] - 1
    assert viewer.nack(source, ahead & 0xFFFF, before & 0xFFFF, now=2.0) == 0
    assert not wants_key_frame(source, 2.0)


def test_what_is_forgotten_is_mended_by_a_key_frame(
    viewer: Asking, source: Source
) -> None:
    assert viewer.nack(source, viewer.seqs[2], now=9.0) == 0
    assert viewer.urgent == 1
    assert wants_key_frame(source, 9.0)


def test_who_asks_on_and_on_gets_few_key_frames(viewer: Asking, source: Source) -> None:
    asked = 0
    for step in range(30):
        now = 9.0 + step / 10
        viewer.nack(source, viewer.seqs[2], now=now)
        asked += wants_key_frame(source, now)
        source.track.key_frames.key_frame_arrived(now)
    assert asked == 3


def test_what_a_key_frame_has_followed_needs_no_other(
    viewer: Asking, source: Source
) -> None:
    source.key_frame(5.0)
    assert viewer.nack(source, viewer.seqs[2], now=9.0) == 0
    assert not wants_key_frame(source, 9.0)


def test_forgotten_audio_is_gone() -> None:
    source, viewer = Source(AUDIO), Asking()
    viewer.watch(source)
    source.send(1.0)
    assert viewer.nack(source, viewer.seqs[0], now=9.0) == 0
    assert viewer.urgent <= 1
    assert not wants_key_frame(source, 9.0)


# -- losses on the way to us --------------------------------------------------


def test_a_packet_that_still_comes_is_waited_for(
    viewer: Asking, source: Source
) -> None:
    """Each viewer misses it, and each would ask for a key frame ten times."""
    source.send(2.0, DELTA_FRAME, skip=1)
    missing = (viewer.seqs[-1] - 1) & 0xFFFF
    for step in range(8):
        now = 2.0 + step / 10
        assert viewer.nack(source, missing, now=now) == 0
        assert not wants_key_frame(source, now)
    source.queue(2.9, source.seq - 1, b"late")  # a retransmission brought it
    source.track.flush(2.9)
    assert viewer.seqs[-1] == missing
    assert viewer.nack(source, missing, now=2.91) == 1
    assert viewer.again[-1] == viewer.sent[-1]


def test_a_packet_given_up_is_mended_by_one_key_frame(
    viewer: Asking, source: Source
) -> None:
    source.send(2.0, DELTA_FRAME, skip=1)
    source.track.give_up((source.seq - 1) & 0xFFFF, 3.0)
    assert wants_key_frame(source, 3.0)


def test_a_packet_given_up_before_a_key_frame_needs_none(
    viewer: Asking, source: Source
) -> None:
    source.send(2.0, DELTA_FRAME, skip=1)
    source.key_frame(2.5)
    source.track.give_up((source.seq - 2) & 0xFFFF, 3.0)
    assert not wants_key_frame(source, 3.0)


# -- bounds -------------------------------------------------------------------


def test_packets_are_bounded(
    viewer: Asking, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmission, "MAX_RETRANSMITS_PER_S", 4)
    assert viewer.nack(source, *viewer.seqs, now=2.0) == 4
    assert wants_key_frame(source, 2.0)
    assert viewer.nack(source, *viewer.seqs[5:], now=2.5) == 2


def test_bytes_are_bounded_by_the_streams_own(source: Source) -> None:
    """A path too narrow for the stream is not helped by sending it twice."""
    viewer = Asking()
    viewer.watch(source)
    source.key_frame(1.0)
    payload = DELTA_FRAME + bytes(1000)
    for step in range(500):  # 100 kB/s
        source.send(1.0 + step / 100, payload)
    bytes_per_s = source.track.rate.bits_per_s(6.0) / 8
    assert bytes_per_s == pytest.approx(100_000, rel=0.1)
    sent = 0
    for step in range(300):
        seqs = viewer.seqs[-100:]
        viewer.nack(source, *seqs, now=6.0 + step / 100)
        source.send(6.0 + step / 100, payload)
        sent = sum(map(len, viewer.again))
    assert 2.5 * 100_000 < sent < (3 + retransmission.RESEND_BURST_S) * 110_000


def test_a_slow_stream_may_be_repaired_all_the_same(
    viewer: Asking, source: Source
) -> None:
    assert source.track.rate.bits_per_s(2.0) < 10_000
    assert viewer.nack(source, *viewer.seqs, now=2.0) == 10


def test_what_is_remembered_is_bounded() -> None:
    resent = Resent(0.0)
    for seq in range(retransmission.MAX_REMEMBERED + 10):
        resent.note(seq, 1.0)
    assert not resent.is_on_its_way(9, 0.1, 1.0)
    assert resent.is_on_its_way(10, 0.1, 1.0)


def test_what_libsrtp_takes_for_too_old_is_mended_by_a_key_frame(
    viewer: Asking, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmission, "protect_rtp", lambda handle, packet: None)
    assert viewer.nack(source, viewer.seqs[2], now=2.0) == 0
    assert wants_key_frame(source, 2.0)
