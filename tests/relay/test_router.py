"""Commands in, events out: the life of sessions and streams."""

from __future__ import annotations

import asyncio

import pytest

from relay import control
from relay import router as router_module
from relay.control import CloseReason, Failure
from tests.relay.clients import CODECS, new_session
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    KEY_FRAME,
    RawPeer,
    accept_offer,
    connect_publisher,
    play_raw,
    publish_raw,
)

STREAM = "LiveApp/one"


def kinds(events: list[control.Event]) -> list[str]:
    return [type(event).__name__ for event in events]


async def publish_again(relay: RunningRelay, video: str = "VP8") -> RawPeer:
    """Another publisher of the stream, connected, sending nothing yet."""
    peer = await RawPeer.open(relay)
    offer = peer.offer().replace("VP8/90000", f"{video}/90000")
    relay.router.handle(accept_offer(peer, STREAM, offer))
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    return peer


# -- offers of publishers -----------------------------------------------------


async def test_an_answer_carries_the_candidates(still_relay: RunningRelay) -> None:
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(accept_offer(peer, STREAM, peer.offer()))
    answered = await still_relay.event(control.Answered, peer.session)
    assert answered.reply_to == "socket"
    assert answered.candidates == still_relay.router.candidates
    assert f"a={answered.candidates[0]}\r\n" in answered.sdp


async def test_a_repeated_offer_gets_the_same_answer(
    still_relay: RunningRelay,
) -> None:
    peer = await RawPeer.open(still_relay)
    command = accept_offer(peer, STREAM, peer.offer())
    still_relay.router.handle(command)
    still_relay.router.handle(command)
    first, second = still_relay.drain()
    assert first == second
    assert still_relay.router.report(0).peers == 1


@pytest.mark.parametrize("sdp", ["", "nonsense", "v=0\r\n"])
async def test_an_unusable_offer_fails(still_relay: RunningRelay, sdp: str) -> None:
    still_relay.router.handle(
        control.AcceptOffer("s", "socket", STREAM, sdp, CODECS, 8000, 0)
    )
    assert still_relay.drain() == [
        control.Failed("s", "socket", Failure.REMOTE_DESCRIPTION)
    ]
    assert still_relay.router._peers == {}
    assert still_relay.router._streams == {}


async def test_an_unusable_offer_leaves_the_running_stream_alone(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(
        control.AcceptOffer("s", "socket", STREAM, "v=0", CODECS, 8000, 0)
    )
    first.send_video(2)
    await viewer.until(lambda: viewer.rtp)


async def test_without_video_only_audio_is_accepted(
    still_relay: RunningRelay,
) -> None:
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(
        control.AcceptOffer(
            "s", "", STREAM, peer.offer(), CODECS, 8000, 0, accept_video=False
        )
    )
    assert list(still_relay.router._streams[STREAM].tracks) == ["audio"]


# -- viewers ------------------------------------------------------------------


async def test_a_viewer_of_nothing_is_refused(still_relay: RunningRelay) -> None:
    still_relay.router.handle(control.CreateOffer("s", "socket", STREAM, 8000))
    assert still_relay.drain() == [control.Failed("s", "socket", Failure.NO_STREAM)]


async def test_a_stream_that_has_not_started_has_no_viewers(
    still_relay: RunningRelay,
) -> None:
    await connect_publisher(still_relay, STREAM)
    still_relay.router.handle(control.CreateOffer("s", "socket", STREAM, 8000))
    assert still_relay.drain() == [control.Failed("s", "socket", Failure.NO_STREAM)]


async def test_a_repeated_play_gets_the_same_offer(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    command = control.CreateOffer("s", "socket", STREAM, 8000)
    still_relay.router.handle(command)
    still_relay.router.handle(command)
    first, second = still_relay.drain()
    assert first == second
    assert isinstance(first, control.Offered)
    assert set(first.id_mapping.values()) == {"ARDAMSaone", "ARDAMSvone"}


async def test_an_unusable_answer_fails_and_ends_the_session(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CreateOffer("s", "socket", STREAM, 8000))
    still_relay.router.handle(control.AcceptAnswer("s", "v=0\r\n"))
    failed = await still_relay.event(control.Failed)
    assert failed == control.Failed("s", "socket", Failure.REMOTE_DESCRIPTION)
    assert still_relay.router._streams[STREAM].viewers == {}
    assert "s" not in still_relay.router._peers


async def test_a_viewer_that_never_connects_is_closed(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CreateOffer("s", "socket", STREAM, 1))
    closed = await still_relay.event(control.Closed)
    assert closed == control.Closed("s", "socket", CloseReason.START_TIMEOUT)
    assert still_relay.router._streams[STREAM].viewers == {}


@pytest.mark.parametrize(
    "command",
    [
        control.AcceptAnswer("unknown", "v=0"),
        control.CloseSession("unknown"),
        control.EndStream("unknown"),
    ],
)
async def test_commands_for_the_unknown_are_ignored(
    still_relay: RunningRelay, command: control.Command
) -> None:
    still_relay.router.handle(command)
    assert still_relay.drain() == []


async def test_a_repeated_answer_is_ignored(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.AcceptAnswer(viewer.session, "v=0"))
    assert still_relay.drain() == []
    publisher.send_video(2)
    await viewer.until(lambda: viewer.rtp)


async def test_a_closed_viewer_gets_nothing_more(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer, other = [await play_raw(still_relay, STREAM) for _ in range(2)]
    still_relay.router.handle(control.CloseSession(viewer.session))
    publisher.send_video(2)
    await other.until(lambda: other.rtp)
    await viewer.until(lambda: viewer._dtls.state == "closed")
    assert viewer.rtp == []
    assert still_relay.drain() == []


# -- bounds -------------------------------------------------------------------


async def test_peers_are_bounded(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish_raw(still_relay, STREAM)
    monkeypatch.setattr(router_module, "MAX_PEERS", 2)
    await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.CreateOffer("v", "socket", STREAM, 8000))
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(accept_offer(peer, "A/b", peer.offer()))
    assert still_relay.drain() == [
        control.Failed("v", "socket", Failure.OVERLOADED),
        control.Failed(peer.session, "socket", Failure.OVERLOADED),
    ]


async def test_ended_peers_leave_nothing_behind(still_relay: RunningRelay) -> None:
    router = still_relay.router
    for _ in range(3):
        publisher = await publish_raw(still_relay, STREAM)
        await play_raw(still_relay, STREAM)
        router.handle(control.CloseSession(publisher.session))
        await asyncio.gather(*router._tasks)
    assert router._peers == {}
    assert router._by_ufrag == {}
    assert router._by_address == {}
    assert router._streams == {}
    assert router._tasks == set()


# -- ends ---------------------------------------------------------------------


async def test_a_stop_ends_the_stream_and_tells_its_viewers(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(publisher.session))
    assert still_relay.drain() == [
        control.Closed(viewer.session, "socket", CloseReason.STREAM_ENDED)
    ]
    assert still_relay.router._streams == {}


async def test_an_ended_stream_tells_its_publisher_too(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.EndStream(STREAM))
    closed = still_relay.drain()
    assert set(closed) == {
        control.Closed(peer.session, "socket", CloseReason.STREAM_ENDED)
        for peer in (publisher, viewer)
    }


async def test_no_target_outlives_its_stream(still_relay: RunningRelay) -> None:
    """Targets hold handles of libsrtp whose memory goes with the viewer."""
    publisher = await publish_raw(still_relay, STREAM)
    await play_raw(still_relay, STREAM)
    stream = still_relay.router._streams[STREAM]
    still_relay.router.handle(control.CloseSession(publisher.session))
    for track in stream.tracks.values():
        assert track.fan_out._groups == []


async def test_a_parked_stream_keeps_its_viewers(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(publisher.session, park=True))
    assert still_relay.drain() == []
    assert still_relay.router._streams[STREAM].publisher is None
    assert still_relay.router.report(0).peers == 1


async def test_a_parked_stream_still_takes_viewers(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(publisher.session, park=True))
    viewer = await play_raw(still_relay, STREAM)
    back = await publish_again(still_relay)
    back.send_video(1, KEY_FRAME)
    await viewer.until(lambda: viewer.rtp)


async def test_a_stream_that_never_started_is_not_parked(
    still_relay: RunningRelay,
) -> None:
    peer = await connect_publisher(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(peer.session, park=True))
    assert still_relay.router._streams == {}


async def test_the_window_ends_the_stream(still_relay: RunningRelay) -> None:
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(
        control.AcceptOffer(peer.session, "c", STREAM, peer.offer(), CODECS, 8000, 1)
    )
    await peer.connect((await still_relay.event(control.Answered)).sdp)
    peer.send_video(1, KEY_FRAME)
    await still_relay.event(control.Started)
    viewer = await play_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(peer.session, park=True))
    closed = await still_relay.event(control.Closed)
    assert closed.session == viewer.session
    ended = await still_relay.event(control.StreamEnded, peer.session)
    assert ended == control.StreamEnded(STREAM, peer.session)
    assert still_relay.router._streams == {}


async def test_a_publisher_that_is_lost_parks_its_stream(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    await play_raw(still_relay, STREAM)
    await publisher.close()
    closed = await still_relay.event(control.Closed)
    assert closed == control.Closed(publisher.session, "socket", CloseReason.LOST)
    assert STREAM in still_relay.router._streams
    assert still_relay.drain() == []


# -- returns ------------------------------------------------------------------


async def test_a_returning_publisher_continues_the_numbers(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    first.send_video(2)
    await viewer.until(lambda: len(viewer.rtp) == 1)
    still_relay.router.handle(control.CloseSession(first.session, park=True))
    second = await publish_again(still_relay)
    still_relay.clock.now += 3
    second.send_video(700, DELTA_FRAME)
    second.send_video(701, KEY_FRAME)
    second.send_video(702, DELTA_FRAME)
    await viewer.until(lambda: len(viewer.rtp) == 3)
    before, key, after = viewer.rtp
    assert key.payload == KEY_FRAME
    assert [(p.seq - before.seq) & 0xFFFF for p in (key, after)] == [1, 2]
    assert (key.timestamp - before.timestamp) & 0xFFFFFFFF == 3 * 90000
    assert before.ssrc == key.ssrc
    assert kinds(still_relay.drain()) == ["Started"]
    assert still_relay.router._streams[STREAM].expiry is None


async def test_a_replaced_publisher_is_not_heard_any_more(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    second = await publish_again(still_relay)
    first.send_video(2, KEY_FRAME)
    await first.until(lambda: first._dtls.state == "closed")
    second.send_video(90, KEY_FRAME)
    await viewer.until(lambda: viewer.rtp)
    await viewer.check()
    assert len(viewer.rtp) == 1
    still_relay.router.handle(control.CloseSession(first.session))
    assert STREAM in still_relay.router._streams
    assert [e for e in still_relay.drain() if isinstance(e, control.Closed)] == []


async def test_other_codecs_end_the_stream_and_begin_a_new_one(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    old = still_relay.router._streams[STREAM]
    still_relay.router.handle(control.CloseSession(first.session, park=True))
    peer = await RawPeer.open(still_relay)
    offer = peer.offer().replace("VP8/90000", "VP9/90000")
    still_relay.router.handle(accept_offer(peer, STREAM, offer))
    closed, answered = still_relay.drain()
    assert closed == control.Closed(viewer.session, "socket", CloseReason.STREAM_ENDED)
    assert isinstance(answered, control.Answered)
    new = still_relay.router._streams[STREAM]
    assert new is not old
    assert not new.has_started
    assert old.expiry is None


async def test_a_returning_publisher_that_sends_nothing_leaves_the_window(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(first.session, park=True))
    peer = await RawPeer.open(still_relay)
    command = accept_offer(peer, STREAM, peer.offer(), start_timeout_ms=1)
    still_relay.router.handle(command)
    closed = await still_relay.event(control.Closed)
    assert closed.reason is CloseReason.START_TIMEOUT
    stream = still_relay.router._streams[STREAM]
    assert stream.expiry is not None


# -- timers -------------------------------------------------------------------


async def test_it_reports_by_itself(relay: RunningRelay) -> None:
    report = await relay.event(control.Report)
    assert (report.relay, report.streams, report.peers) == ("test", (), 0)
    assert report.rss_bytes > 0
    publisher = await publish_raw(relay, STREAM)
    report = await relay.event(control.Report)
    while not report.streams or not report.streams[0].width:
        report = await relay.event(control.Report)
    assert (report.streams[0].session, report.peers) == (publisher.session, 1)


async def test_closing_says_goodbye_to_all(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    await still_relay.router.close()
    await publisher.until(lambda: publisher._dtls.state == "closed")
    await viewer.until(lambda: viewer._dtls.state == "closed")


async def test_an_unknown_sender_costs_nothing(still_relay: RunningRelay) -> None:
    stranger = await RawPeer.open(still_relay)
    for first in (0, 22, 128):
        stranger.send(bytes((first,)) * 50)
    known = await publish_raw(still_relay, STREAM)
    await known.check()
    assert stranger.wire == []
    assert stranger.dtls == []
    assert new_session() not in still_relay.router._peers


async def test_a_stop_that_comes_after_the_goodbye_ends_the_stream(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    other = await publish_raw(still_relay, "A/other")
    await publisher.close()
    await still_relay.event(control.Closed, publisher.session)
    still_relay.router.handle(control.CloseSession(other.session, park=True))
    still_relay.router.handle(control.CloseSession(publisher.session, park=True))
    assert set(still_relay.router._streams) == {STREAM, "A/other"}
    still_relay.router.handle(control.CloseSession(publisher.session))
    assert set(still_relay.router._streams) == {"A/other"}


async def test_a_late_stop_of_a_replaced_publisher_ends_nothing(
    still_relay: RunningRelay,
) -> None:
    first = await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(first.session, park=True))
    await publish_again(still_relay)
    still_relay.router.handle(control.CloseSession(first.session))
    assert STREAM in still_relay.router._streams


async def test_an_error_in_a_tick_ends_neither_reports_nor_feedback(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = still_relay.router
    errors: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.put_nowait(context))
    monkeypatch.setattr("relay.router.URGENT_INTERVAL_S", 0)
    monkeypatch.setattr(router, "_has_new_size", lambda: 1 / 0)
    timers = asyncio.create_task(router.run())
    for _ in range(2):
        await asyncio.wait_for(errors.get(), 10)
    monkeypatch.undo()
    assert not timers.done()
    timers.cancel()
