"""aiortc publishes, a process encodes, aiortc watches: everything is real."""

from __future__ import annotations

import asyncio
import fractions
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack
from av.video.frame import VideoFrame

from relay import control
from relay.control import EncoderSetting
from tests.relay.clients import CODECS, new_peer, new_session, play
from tests.relay.conftest import RunningRelay
from tests.relay.encoder.media import draw
from tests.relay.encoder.studio import is_alive, kill, until
from tests.relay.test_forwarding import received_track

KEY = "LiveApp/ladder"


class Film(VideoStreamTrack):
    """640x480 at 30 frames a second."""

    def __init__(self) -> None:
        super().__init__()
        self._pictures: Iterator[VideoFrame] = draw((640, 480))

    async def recv(self) -> Any:
        pts, time_base = await self.next_timestamp()
        picture = next(self._pictures)
        picture.pts, picture.time_base = pts, fractions.Fraction(time_base)
        return picture


async def publish(
    relay: RunningRelay, codec: str, *settings: EncoderSetting
) -> tuple[str, RTCPeerConnection]:
    session, peer = new_session(), new_peer()
    transceiver = peer.addTransceiver(Film(), direction="sendonly")
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if c.name in (codec, "rtx")])
    await peer.setLocalDescription(await peer.createOffer())
    relay.router.handle(
        control.AcceptOffer(
            session,
            "socket",
            KEY,
            peer.localDescription.sdp,
            CODECS,
            8000,
            5000,
            encoder_settings=settings,
        )
    )
    answered = await relay.event(control.Answered, session)
    await peer.setRemoteDescription(RTCSessionDescription(answered.sdp, "answer"))
    await relay.event(control.Started, session)
    return session, peer


@asynccontextmanager
async def watched(
    relay: RunningRelay, codec: str
) -> AsyncIterator[tuple[str, RTCPeerConnection, list[VideoFrame]]]:
    """A stream with a rendition of 240 lines, its viewer, and what that one sees."""
    _, publisher = await publish(relay, codec, EncoderSetting(240, 300_000))
    stream = relay.router.stream(KEY)
    assert stream is not None
    await until(lambda: len(stream.renditions) == 2)
    session, viewer = await play(relay, KEY)
    seen: list[VideoFrame] = []

    async def watch() -> None:
        track = received_track(viewer, "video")
        while True:
            seen.append(await track.recv())  # type: ignore[arg-type]  # of video

    task = asyncio.create_task(watch())
    try:
        yield session, viewer, seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await viewer.close()
        await publisher.close()


async def wait_for_height(seen: list[VideoFrame], height: int) -> None:
    """Until the last of the frames seen is so high."""
    await until(lambda: seen and seen[-1].height == height)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_viewer_goes_to_a_rendition_and_back(
    relay: RunningRelay, codec: str
) -> None:
    async with watched(relay, codec) as (session, _, seen):
        for height in (240, 480, 240):
            relay.router.handle(control.ForceQuality(session, "", height))
            await wait_for_height(seen, height)
        await asyncio.sleep(0.5)
        times = [frame.pts for frame in seen if frame.pts is not None]
        steps = [b - a for a, b in itertools.pairwise(times)]
        assert min(steps) > 0  # one timeline, whatever is shown
        assert max(steps) < 90000 * 2


async def test_a_viewer_of_a_rendition_survives_the_encoders_death(
    relay: RunningRelay,
) -> None:
    async with watched(relay, "VP8") as (session, _, seen):
        relay.router.handle(control.ForceQuality(session, "", 240))
        await wait_for_height(seen, 240)
        stream = relay.router.stream(KEY)
        assert stream is not None
        encoder = relay.router.encoders.of(stream)
        assert encoder is not None
        pid = encoder.pid
        kill(pid, 9)
        await wait_for_height(seen, 480)
        assert not is_alive(pid)
        await wait_for_height(seen, 240)  # it is back, and still what was asked for
