"""What signalling hears of each viewer, how often, and whether it is true."""

from __future__ import annotations

import pytest

from relay import control
from relay.control import ViewerReport
from relay.rounds import MAX_TOLD, SLICE_S
from relay.router import Router
from relay.rtcp import SenderReport as SentReport
from relay.rtcp import build_nack, build_pli, build_sender_report
from relay.stream import Stream
from relay.viewer_report import measure
from tests.relay.conftest import RunningRelay
from tests.relay.ladders import STREAM, publish_ladder, report, say, watch_ladder
from tests.relay.raw_peer import KEY_FRAME, VIDEO_SSRC, RawPeer, play_raw, publish_raw


def reports(relay: RunningRelay) -> list[ViewerReport]:
    """Those that came since the last call."""
    events = relay.drain()
    return [
        viewer
        for event in events
        if isinstance(event, control.ViewersMeasured)
        for viewer in event.viewers
    ]


def turn(relay: RunningRelay, seconds: float) -> None:
    """Rounds as the timer has them, without media."""
    for _ in range(round(seconds / SLICE_S)):
        relay.clock.now += SLICE_S
        relay.router.rounds.slice(relay.clock.now)


async def test_the_first_measurement_comes_soon_and_then_every_few_seconds(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    turn(still_relay, 1.8)
    assert not reports(still_relay)
    turn(still_relay, 1.4)
    assert [r.session for r in reports(still_relay)] == [viewer.session]
    turn(still_relay, 30)
    assert len(reports(still_relay)) in (5, 6)


async def test_viewers_have_their_turns_one_after_another(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    sessions = {(await play_raw(still_relay, STREAM)).session for _ in range(8)}
    turn(still_relay, 2)
    still_relay.drain()
    found: list[list[ViewerReport]] = []
    for _ in range(20):
        turn(still_relay, SLICE_S)
        found.append(reports(still_relay))
    assert max(map(len, found)) == 1
    assert {viewer.session for part in found for viewer in part} == sessions


async def test_nothing_is_measured_of_who_has_left(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(viewer.session))
    turn(still_relay, 10)
    assert not reports(still_relay)


def timers(router: Router) -> tuple[bool, bool]:
    """Whether there is one of the rounds, and one of probes."""
    return router.rounds._timer is not None, router.prober._timer is not None


async def test_the_timers_end_with_the_last_viewer(still_relay: RunningRelay) -> None:
    ladder = await publish_ladder(still_relay)
    router = still_relay.router
    first, second = [await watch_ladder(ladder) for _ in range(2)]
    ladder.viewers.clear()
    for peer in (first, second):
        await say(peer, 2_000_000)
        await say(peer, 400_000)
    while not all(ladder.subscriber(p).path.probe for p in (first, second)):
        await ladder.run(0.1)
    assert timers(router) == (True, True)
    router.handle(control.CloseSession(first.session))
    assert timers(router) == (True, True)
    router.handle(control.CloseSession(second.session))
    assert timers(router) == (False, False)
    third = await watch_ladder(ladder)
    assert timers(router) == (True, False)
    router.handle(control.CloseSession(third.session))


async def test_what_was_sent_is_told_as_it_is(still_relay: RunningRelay) -> None:
    ladder = await publish_ladder(still_relay)
    viewer = await watch_ladder(ladder)
    subscriber = ladder.subscriber(viewer)
    first = measure(subscriber, still_relay.clock.now)
    before, size = len(viewer.rtp), sum(map(len, viewer.plain))
    await ladder.run(8)
    found = measure(subscriber, still_relay.clock.now)
    assert (found.session, found.reply_to) == (viewer.session, "socket")
    assert found.height == 240
    sent = found.video_packets - first.video_packets
    assert sent == len(viewer.rtp) - before == 20 * 80
    size = sum(map(len, viewer.plain)) - size
    assert found.video_bytes - first.video_bytes == size
    assert found.video_bitrate == pytest.approx(size)  # bytes in 8 s
    assert (found.audio_packets, found.audio_bytes, found.audio_bitrate) == (0, 0, 0)
    assert found.dropped_packets == 0


async def test_what_a_viewer_says_is_told(still_relay: RunningRelay) -> None:
    ladder = await publish_ladder(still_relay)
    publisher_report = build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name")
    ladder.relay.router.stream(STREAM)
    viewer = await watch_ladder(ladder)
    ssrc = viewer.rtp[0].ssrc
    now = still_relay.clock.now
    stream = ladder.stream
    stream.sent_reports.note(publisher_report, now)
    await report(viewer, ssrc, 1000, 0)
    still_relay.clock.now += 1
    # It got the report after 30 ms, and says this 70 ms before it arrives here.
    await report(viewer, ssrc, 1200, 10, lsr=5 << 16, dlsr=int(0.9 * 65536))
    await say(viewer, 3_000_000)
    for number in (1, 2, 3):
        viewer.send_rtcp(build_nack(1, ssrc, [number]))
    viewer.send_rtcp(build_pli(1, ssrc))
    await viewer.check()
    await ladder.run(6)
    found = reports(still_relay)[-1]
    assert found.rtt_ms == 100
    assert (found.packets_lost, found.fraction_lost) == (10, 0.05)
    assert found.jitter_ms == 10
    assert found.target_bitrate == 3_000_000
    assert (found.nacks, found.key_frame_requests) == (3, 1)


async def test_the_time_to_join_is_told(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    peer = await RawPeer.open(still_relay)
    router = still_relay.router
    router.handle(control.CreateOffer(peer.session, "socket", STREAM, 8000))
    offered = await still_relay.event(control.Offered, peer.session)
    still_relay.clock.now += 0.25
    router.handle(control.AcceptAnswer(peer.session, peer.answer(offered.sdp)))
    await peer.connect(offered.sdp)
    await still_relay.event(control.Started, peer.session)
    turn(still_relay, 4)
    (found,) = reports(still_relay)
    assert found.join_ms == 250


async def test_a_streams_sums_keep_who_has_left(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)

    def sent() -> int:
        return still_relay.router.report(0).streams[0].sent_packets

    before = sent()
    for seq in range(2, 12):
        publisher.send_video(seq)
    await publisher.check()
    assert sent() == before + 10
    still_relay.router.handle(control.CloseSession(viewer.session))
    assert sent() == before + 10


async def test_a_relays_sums_keep_what_has_ended(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    for seq in range(2, 12):
        publisher.send_video(seq)
    await publisher.check()
    await viewer.check()
    before = still_relay.router.report(0)
    (stream,) = before.streams
    assert before.sent_packets == stream.sent_packets >= 10
    assert before.sent_bytes >= sum(map(len, viewer.plain)) > 0
    assert before.received_packets == stream.video.packets == 11
    assert before.received_bytes == stream.received_bytes > 0
    still_relay.router.handle(control.EndStream(STREAM))
    after = still_relay.router.report(0)
    assert after.streams == ()
    for name in ("sent_packets", "sent_bytes", "received_packets", "received_bytes"):
        assert getattr(after, name) == getattr(before, name)


async def test_hundreds_that_move_at_once_are_told_of_bit_by_bit(
    still_relay: RunningRelay,
) -> None:
    ladder = await publish_ladder(still_relay)
    viewer = await watch_ladder(ladder)
    rounds = still_relay.router.rounds
    for _ in range(2 * MAX_TOLD + 1):
        rounds.moved(ladder.subscriber(viewer), ladder.stream, ladder.low.track)
    told = []
    for _ in range(4):
        rounds.slice(still_relay.clock.now)
        told.append(len(ladder.changes()))
    assert told == [MAX_TOLD, MAX_TOLD, 1, 0]


async def test_rounds_go_on_by_themselves(relay: RunningRelay) -> None:
    await publish_raw(relay, STREAM)
    viewer = await play_raw(relay, STREAM)
    measured = await relay.event(control.ViewersMeasured)
    assert [v.session for v in measured.viewers] == [viewer.session]


def test_reports_of_a_stream_without_media_are_none() -> None:
    assert Stream("A/x", ()).report(0).sent_packets == 0


async def test_a_new_viewers_own_report_measures_a_round_trip_too(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    publisher.send_rtcp(build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name"))
    await publisher.check()
    still_relay.clock.now += 2
    viewer = await play_raw(still_relay, STREAM)
    publisher.send_video(2, KEY_FRAME)
    await viewer.until(lambda: viewer.rtcp_of(SentReport))
    (sent,) = viewer.rtcp_of(SentReport)
    still_relay.clock.now += 0.04
    await report(viewer, sent.ssrc, 5, 0, lsr=sent.ntp >> 16 & 0xFFFFFFFF)
    stream = still_relay.router.stream(STREAM)
    assert stream is not None
    found = stream.viewers[viewer.session]
    assert found.rtt_s == pytest.approx(0.04, abs=0.001)
