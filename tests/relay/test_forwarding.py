"""A publisher's media reaches viewers: real ICE, DTLS, SRTP and decoding."""

from __future__ import annotations

import asyncio

from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

from relay import control
from tests.relay.clients import play, publish
from tests.relay.conftest import WAIT_S, RunningRelay


def received_track(peer: RTCPeerConnection, kind: str) -> MediaStreamTrack:
    return next(t.receiver.track for t in peer.getTransceivers() if t.kind == kind)


async def decode(peer: RTCPeerConnection, kind: str, frames: int = 3) -> None:
    track = received_track(peer, kind)
    for _ in range(frames):
        await asyncio.wait_for(track.recv(), WAIT_S)


async def test_a_viewer_decodes_what_is_published(relay: RunningRelay) -> None:
    _, publisher = await publish(relay, "LiveApp/one")
    _, viewer = await play(relay, "LiveApp/one")
    await decode(viewer, "video")
    await decode(viewer, "audio")
    await publisher.close()
    await viewer.close()


async def test_audio_only_and_video_only_streams_are_forwarded(
    relay: RunningRelay,
) -> None:
    _, voice = await publish(relay, "LiveApp/voice", [AudioStreamTrack()])
    _, mute = await publish(relay, "LiveApp/mute", [VideoStreamTrack()])
    _, hears = await play(relay, "LiveApp/voice")
    _, sees = await play(relay, "LiveApp/mute")
    await decode(hears, "audio")
    await decode(sees, "video")
    for peer in (voice, mute, hears, sees):
        await peer.close()


async def test_viewers_stay_through_a_publishers_return(relay: RunningRelay) -> None:
    session, first = await publish(relay, "LiveApp/two")
    viewer_session, viewer = await play(relay, "LiveApp/two")
    await decode(viewer, "video")
    relay.router.handle(control.CloseSession(session, park=True))
    await first.close()
    _, second = await publish(relay, "LiveApp/two")
    await decode(viewer, "video", 20)
    await decode(viewer, "audio", 20)
    assert viewer_session not in {
        event.session for event in relay.drain() if isinstance(event, control.Closed)
    }
    await second.close()
    await viewer.close()


async def test_a_stop_ends_the_viewers(relay: RunningRelay) -> None:
    session, publisher = await publish(relay, "LiveApp/three")
    viewer_session, viewer = await play(relay, "LiveApp/three")
    relay.router.handle(control.CloseSession(session))
    closed = await relay.event(control.Closed, viewer_session)
    assert closed.reason is control.CloseReason.STREAM_ENDED
    await publisher.close()
    await viewer.close()


async def test_the_return_window_ends_the_stream(relay: RunningRelay) -> None:
    session, publisher = await publish(relay, "LiveApp/four", window_ms=1)
    viewer_session, viewer = await play(relay, "LiveApp/four")
    relay.router.handle(control.CloseSession(session, park=True))
    closed = await relay.event(control.Closed, viewer_session)
    assert closed.reason is control.CloseReason.STREAM_ENDED
    ended = await relay.event(control.StreamEnded, session)
    assert ended.stream == "LiveApp/four"
    await publisher.close()
    await viewer.close()
    track = received_track(viewer, "video")
    try:
        while True:
            await asyncio.wait_for(track.recv(), WAIT_S)
    except MediaStreamError:
        pass
