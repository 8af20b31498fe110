"""A ladder that a program asks for, and what viewers get of it."""

from __future__ import annotations

import asyncio
import fractions
import time

import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from av import VideoFrame

from tests.integration.client import WAIT_S, Body, Client, Clients
from tests.integration.media import CLOCK_RATE, FRAMES_PER_S, received_track
from tests.integration.web import ask, new_key
from tests.rows import add_application
from tests.server_process import ServerProcess

WIDTH, HEIGHT = 320, 240
LOW = 120
LADDER = [
    {"height": LOW, "videoBitrate": 150_000, "audioBitrate": 0, "forceEncode": False}
]


class MovingPictures(MediaStreamTrack):
    """Big enough to be made smaller."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()
        self._count = 0

    async def recv(self) -> VideoFrame:
        due = self._started + self._count / FRAMES_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        shade = bytes([self._count * 3 % 256])
        for plane in frame.planes:
            plane.update(shade * plane.buffer_size)
        frame.pts = self._count * CLOCK_RATE // FRAMES_PER_S
        frame.time_base = fractions.Fraction(1, CLOCK_RATE)
        self._count += 1
        return frame


@pytest.fixture(scope="session")
def laddered(server: ServerProcess) -> str:
    """An application whose ladder was set by REST."""
    name = add_application(server).name
    answer = ask(
        server,
        "PUT",
        f"/{name}/rest/v2/settings",
        {"encoderSettings": LADDER},
        Authorization=f"Bearer {new_key(server)}",
    )
    assert (answer.status, answer.json["success"]) == (200, True), answer.text
    return name


async def stream_info(client: Client, stream_id: str) -> list[Body]:
    await client.send("getStreamInfo", stream_id)
    answer = await client.receive()
    found: list[Body] = answer["streamInfo"]
    return found


async def wait_for_renditions(client: Client, stream_id: str, count: int) -> list[Body]:
    async with asyncio.timeout(2 * WAIT_S):
        while True:
            found = await stream_info(client, stream_id)
            if len(found) == count:
                return found
            await asyncio.sleep(0.2)


async def wait_for_height(peer: RTCPeerConnection, height: int) -> None:
    """A picture of that height was decoded; what came before is skipped."""
    track = received_track(peer, "video")
    async with asyncio.timeout(WAIT_S):
        while True:
            frame = await track.recv()
            assert isinstance(frame, VideoFrame)
            if frame.height == height:
                return


async def test_a_viewer_chooses_among_the_renditions_of_a_stream(
    server: ServerProcess, clients: Clients, stream_id: str, laddered: str
) -> None:
    publisher = await clients.open(server, laddered)
    viewer = await clients.open(server, laddered)
    await publisher.publish(stream_id, (AudioStreamTrack(), MovingPictures()))
    peer = await viewer.play(stream_id)

    high, low = await wait_for_renditions(viewer, stream_id, 2)
    assert (high["streamWidth"], high["streamHeight"]) == (WIDTH, HEIGHT)
    assert low["streamHeight"] == LOW
    assert {high["videoCodec"], low["videoCodec"]} == {"VP8"}

    await viewer.send("forceStreamQuality", stream_id, streamHeight=LOW)
    told = await viewer.hear_of_quality("resolutionChangeInfo", streamHeight=LOW)
    assert told == {
        "command": "notification",
        "definition": "resolutionChangeInfo",
        "streamId": stream_id,
        "streamHeight": LOW,
    }
    await wait_for_height(peer, LOW)

    await viewer.send("forceStreamQuality", stream_id, streamHeight=HEIGHT)
    await viewer.hear_of_quality("resolutionChangeInfo", streamHeight=HEIGHT)
    await wait_for_height(peer, HEIGHT)


async def test_the_renditions_end_with_their_stream(
    server: ServerProcess, clients: Clients, stream_id: str, laddered: str
) -> None:
    publisher = await clients.open(server, laddered)
    await publisher.publish(stream_id, (AudioStreamTrack(), MovingPictures()))
    await wait_for_renditions(publisher, stream_id, 2)

    await publisher.stop_publishing(stream_id)
    await publisher.publish(stream_id, (AudioStreamTrack(), MovingPictures()))

    assert len(await stream_info(publisher, stream_id)) == 1
    await wait_for_renditions(publisher, stream_id, 2)


async def test_a_publisher_whose_picture_is_too_low_hears_so(
    server: ServerProcess, clients: Clients, stream_id: str, laddered: str
) -> None:
    """Pictures of the usual 120 lines: nothing of the ladder is below."""
    publisher = await clients.open(server, laddered)
    await publisher.publish(stream_id)

    await publisher.expect_error("no_encoder_settings", stream_id)

    assert len(await stream_info(publisher, stream_id)) == 1


async def test_a_viewer_hears_what_its_path_bears(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)

    told = await viewer.hear_of_quality("bitrateMeasurement")

    assert told.keys() == {
        "command",
        "definition",
        "streamId",
        "targetBitrate",
        "videoBitrate",
        "audioBitrate",
    }
    assert told["streamId"] == stream_id
    rates = ("targetBitrate", "videoBitrate", "audioBitrate")
    assert all(type(told[rate]) is int for rate in rates)
    assert told["videoBitrate"] > 0
