"""Who joins starts with the pictures of the last second, not with a key frame each."""

from __future__ import annotations

import pytest

from relay import control, fanout, fast_start
from relay.fanout import MAX_AHEAD, Target
from relay.fast_start import MAX_AGE_S, MAX_BYTES, PictureGroup, start_from_recent
from relay.lane import LAST_SHARED_START, Lane
from relay.packet import parse_packet
from relay.rtcp import PictureLoss, SenderReport
from relay.track import Track
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    KEY_FRAME,
    RawPeer,
    play_raw,
    publish_raw,
)
from tests.relay.test_lane import Source, Viewer, as_sent, make_lane, shared_lane
from tests.relay.test_track import VIDEO

STREAM = "LiveApp/one"


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to one viewer alone is kept as what goes to all (test_lane)."""

    def send_again(packets: list[bytes], target: Target) -> None:
        viewer = target.handle
        if isinstance(viewer, Viewer):
            viewer.sent += [as_sent(packet, target) for packet in packets]
        else:
            fanout.send_again(packets, target)

    monkeypatch.setattr(fast_start, "send_again", send_again)


@pytest.fixture
def source() -> Source:
    """A key frame at 1.0 s and two pictures after it."""
    source = Source(VIDEO)
    source.key_frame(1.0)
    source.send(1.1, DELTA_FRAME)
    source.send(1.2, b"newest")
    return source


def join(source: Source, now: float, *, own_ssrc: bool = False) -> tuple[Viewer, Lane]:
    """As relay.stream does it."""
    viewer = Viewer()
    lane = make_lane(viewer) if own_ssrc else shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    if not start_from_recent(lane, source.track, now):
        source.track.request_key_frame(now)
    return viewer, lane


def payloads(viewer: Viewer) -> list[bytes]:
    return [parse_packet(data).payload for data in viewer.sent]


def seqs(viewer: Viewer) -> list[int]:
    return [parse_packet(data).seq for data in viewer.sent]


# -- what is fit --------------------------------------------------------------


def test_a_group_of_pictures_is_fit_while_it_is_young_and_small() -> None:
    group = PictureGroup()
    assert not group.is_fit(0, 0.0)
    group.begin(7, 1000, 5.0)
    assert group.is_fit(1000 + MAX_BYTES, 5.0 + MAX_AGE_S)
    assert not group.is_fit(1001 + MAX_BYTES, 5.0)
    assert not group.is_fit(1000, 5.01 + MAX_AGE_S)
    group.end()
    assert not group.is_fit(1000, 5.0)
    assert group.first == 7


# -- starts -------------------------------------------------------------------


def test_who_joins_gets_the_pictures_since_the_key_frame_as_they_were(
    source: Source,
) -> None:
    early = Viewer()
    shared_lane(early, source).attach(source.stream, source.track)
    source.key_frame(1.3)
    source.send(1.4, DELTA_FRAME)
    viewer, lane = join(source, 1.5)
    assert viewer.sent == early.sent
    assert lane.is_shared
    source.send(1.6, DELTA_FRAME)
    assert viewer.sent == early.sent
    source.track.key_frames.due(1.5)
    assert not source.track.key_frames.due(9.0)  # nobody asked


def test_an_old_group_is_not_sent_and_the_next_key_frame_is_the_start(
    source: Source,
) -> None:
    viewer, lane = join(source, 2.1)
    assert source.track.key_frames.due(2.1)
    source.send(2.2, DELTA_FRAME)
    assert viewer.sent == []
    source.key_frame(2.3)
    source.send(2.4, DELTA_FRAME)
    assert payloads(viewer) == [KEY_FRAME, DELTA_FRAME]
    assert lane.is_shared


def test_what_the_publisher_before_sent_is_no_start(source: Source) -> None:
    source.track.change_source(1.3)
    viewer, _ = join(source, 1.4)
    assert viewer.sent == []


def test_nothing_is_no_start() -> None:
    source = Source(VIDEO)
    viewer, _ = join(source, 0.0)
    source.send(0.1, DELTA_FRAME)
    assert viewer.sent == []


def test_a_forgotten_key_frame_is_no_start(source: Source) -> None:
    source.track.history.clear()
    viewer, _ = join(source, 1.3)
    assert viewer.sent == []
    assert source.track.key_frames.due(1.3)


def test_numbers_that_leap_are_not_walked_through(source: Source) -> None:
    for _ in range(3):
        source.send(1.25, b"leap", skip=MAX_AHEAD - 100)
    viewer, _ = join(source, 1.3)
    assert viewer.sent == []
    assert source.track.key_frames.due(1.3)


def test_a_lane_of_another_ssrc_gets_them_under_its_own_numbers(
    source: Source,
) -> None:
    viewer, lane = join(source, 1.3, own_ssrc=True)
    source.send(1.4, DELTA_FRAME)
    assert payloads(viewer) == [KEY_FRAME, DELTA_FRAME, b"newest", DELTA_FRAME]
    assert {parse_packet(data).ssrc for data in viewer.sent} == {lane.ssrc}
    first = seqs(viewer)[0]
    assert seqs(viewer) == [first, first + 1, first + 2, first + 3]


def test_a_gap_in_the_group_stays_one_and_is_filled_later() -> None:
    source = Source(VIDEO)
    source.key_frame(1.0)
    source.send(1.1, DELTA_FRAME, skip=1)
    viewer, lane = join(source, 1.2)
    source.queue(1.3, source.seq - 1, b"late")
    source.track.flush(1.3)
    first, second, late = seqs(viewer)
    assert (second - first, late - first) == (2, 1)
    assert lane.find(late, 1.3) == (viewer.sent[2], source.track)


def test_a_packet_from_before_the_start_is_not_sent() -> None:
    source = Source(VIDEO)
    source.send(0.8, DELTA_FRAME)
    source.send(0.9, DELTA_FRAME, skip=1)
    source.key_frame(1.0)
    viewer, _ = join(source, 1.2)
    source.queue(1.3, source.seq - 2, b"late")
    source.track.flush(1.3)
    assert payloads(viewer) == [KEY_FRAME]


def test_a_key_frame_that_comes_late_starts_those_who_wait() -> None:
    """Its first packet was lost, the rest of it has gone out already."""
    source = Source(VIDEO)
    source.send(0.9, DELTA_FRAME)
    viewer, lane = join(source, 1.0)
    source.send(1.0, b"second part", skip=1)
    source.send(1.1, DELTA_FRAME)
    source.queue(1.2, source.seq - 2, KEY_FRAME)
    source.track.flush(1.2)
    source.send(1.3, b"newest")
    assert payloads(viewer) == [KEY_FRAME, b"second part", DELTA_FRAME, b"newest"]
    assert lane.is_shared


def test_the_start_comes_with_the_clock(source: Source) -> None:
    source.track.remember_report(SenderReport(5, 7 << 32, 0, 1, 1), 1.2)
    viewer, lane = join(source, 1.2)
    (report,) = viewer.reports
    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.ntp) == (lane.ssrc, 7 << 32)


def test_what_is_sent_at_once_counts_as_sent(source: Source) -> None:
    viewer, lane = join(source, 1.3)
    source.send(1.4, DELTA_FRAME)
    assert lane.sent_bytes == sum(map(len, viewer.sent))


# -- SRTP's rollover counter (RFC 3711 3.3.1) ---------------------------------


def place(track: Track, number: int) -> None:
    """The track's next packet gets the number after `number`."""
    track._highest = track.flushed = number


@pytest.mark.parametrize(
    ("number", "is_shared"),
    [
        (LAST_SHARED_START - 1, True),
        (LAST_SHARED_START, False),
        (0xFFFE, False),
        (0xFFFF, True),
        (0x1FFFE, False),
    ],
)
@pytest.mark.parametrize("recent", [True, False])
def test_nobody_starts_with_the_tracks_numbers_just_before_a_wrap(
    number: int, is_shared: bool, recent: bool
) -> None:
    """Who lost all of them would take the numbers behind the wrap for the first."""
    source = Source(VIDEO)
    place(source.track, number)
    if recent:
        source.key_frame(1.0)
        viewer, lane = join(source, 1.1)
    else:
        viewer, lane = join(source, 1.1)
        source.key_frame(1.2)
    source.send(1.3, DELTA_FRAME)
    assert lane.is_shared is is_shared
    assert payloads(viewer) == [KEY_FRAME, DELTA_FRAME]
    first = seqs(viewer)[0]
    assert first <= LAST_SHARED_START
    assert seqs(viewer)[1] == first + 1
    assert parse_packet(viewer.sent[0]).ssrc == source.track.outgoing.ssrc


def test_a_late_packet_from_before_a_wrap_goes_to_nobody_who_started_behind_it() -> (
    None
):
    source = Source(VIDEO)
    place(source.track, 0xFFFD)
    source.send(0.8, DELTA_FRAME)
    source.send(0.9, DELTA_FRAME, skip=1)  # 0xFFFF is missing
    source.key_frame(1.0)
    viewer, lane = join(source, 1.0)
    assert lane.is_shared
    source.queue(1.1, source.seq - 2, b"late")
    source.track.flush(1.1)
    assert seqs(viewer) == [1]


# -- many at once -------------------------------------------------------------


@pytest.mark.parametrize("answer_ms", [30, 150, 400])
@pytest.mark.parametrize("is_first_second", [True, False])
def test_a_hundred_who_join_in_a_second_cost_two_key_frames_at_most(
    answer_ms: int, is_first_second: bool
) -> None:
    """30 pictures a second; a key frame `answer_ms` after it was asked for."""
    source = Source(VIDEO)
    source.key_frame(0.0 if is_first_second else -60.0)
    viewers: list[Viewer] = []
    requests: list[int] = []  # ms
    waited: dict[int, int] = {}  # ms, by viewer
    for ms in range(2000):
        now = ms / 1000
        if ms % 10 == 0 and ms < 1000:
            viewers.append(join(source, now)[0])
        if source.track.key_frames.due(now):
            requests.append(ms)
        if ms % 33 == 32:
            answered = [r for r in requests if ms - 33 < r + answer_ms <= ms]
            source.send(now, KEY_FRAME if answered else DELTA_FRAME)
        for index, viewer in enumerate(viewers):
            if viewer.sent:
                waited.setdefault(index, ms - 10 * index)
    assert len([r for r in requests if r < 1000]) <= 2
    assert len(waited) == 100
    assert all(payloads(viewer)[0] == KEY_FRAME for viewer in viewers)
    assert max(waited.values()) <= answer_ms + 33
    if answer_ms < 100:
        assert sorted(waited.values())[50] == 0


async def test_a_real_viewer_gets_the_group_encrypted(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    first = await play_raw(still_relay, STREAM)
    for seq in range(2, 6):
        publisher.send_video(seq)
    await first.until(lambda: len(first.rtp) == 4)
    publisher.rtcp.clear()
    joined = await joining(still_relay)
    await joined.until(lambda: len(joined.rtp) == 5)
    assert joined.rtp[0].payload == KEY_FRAME
    assert joined.plain[1:] == first.plain
    publisher.send_video(6)
    await joined.until(lambda: len(joined.rtp) == 6)
    await publisher.check()
    assert publisher.rtcp_of(PictureLoss) == []


async def joining(relay: RunningRelay) -> RawPeer:
    """A viewer with all that it is sent from its first moment on."""
    peer = await RawPeer.open(relay)
    relay.router.handle(control.CreateOffer(peer.session, "socket", STREAM, 8000))
    offered = await relay.event(control.Offered, peer.session)
    answer = control.AcceptAnswer(peer.session, peer.answer(offered.sdp))
    relay.router.handle(answer)
    await peer.connect(offered.sdp)
    return peer
