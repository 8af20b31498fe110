"""What test publishers send, and how tests see that it arrived."""

from __future__ import annotations

import asyncio
import fractions
import time

from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import MediaStreamTrack
from av import VideoFrame

WIDTH, HEIGHT, FRAMES_PER_S = 160, 120, 15
CLOCK_RATE = 90_000
DARK, BRIGHT = 40, 200
WAIT_S = 20


class Pictures(MediaStreamTrack):
    """Small pictures of one brightness (0-255), in real time."""

    kind = "video"

    def __init__(self, brightness: int = DARK) -> None:
        super().__init__()
        self._frame_data = bytes([brightness]) * (WIDTH * HEIGHT) + b"\x80" * (
            WIDTH * HEIGHT // 2
        )
        self._started = 0.0
        self._count = 0

    async def recv(self) -> VideoFrame:
        now = time.monotonic()
        self._started = self._started or now
        due = self._started + self._count / FRAMES_PER_S
        await asyncio.sleep(max(0.0, due - now))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        planes = _split(self._frame_data)
        for plane, data in zip(frame.planes, planes, strict=True):
            plane.update(_padded(data, plane.width, plane.height, plane.line_size))
        frame.pts = self._count * CLOCK_RATE // FRAMES_PER_S
        frame.time_base = fractions.Fraction(1, CLOCK_RATE)
        self._count += 1
        return frame


class Silence(MediaStreamTrack):
    """A track that never has anything to send."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__()

    async def recv(self) -> VideoFrame:
        never: asyncio.Future[VideoFrame] = asyncio.get_running_loop().create_future()
        return await never


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    luma = WIDTH * HEIGHT
    chroma = luma // 4
    return data[:luma], data[luma : luma + chroma], data[luma + chroma :]


def _padded(data: bytes, width: int, height: int, line_size: int) -> bytes:
    rows = (data[row * width : (row + 1) * width] for row in range(height))
    return b"".join(row.ljust(line_size, b"\0") for row in rows)


def new_peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def received_track(peer: RTCPeerConnection, kind: str) -> MediaStreamTrack:
    return next(
        transceiver.receiver.track
        for transceiver in peer.getTransceivers()
        if transceiver.kind == kind
    )


async def wait_for_frames(peer: RTCPeerConnection, kind: str, count: int = 3) -> None:
    """`count` more frames of `kind` were decoded."""
    track = received_track(peer, kind)
    async with asyncio.timeout(WAIT_S):
        for _ in range(count):
            await track.recv()


async def wait_for_brightness(peer: RTCPeerConnection, brightness: int) -> None:
    """A picture of about that brightness was decoded; what came before is skipped."""
    track = received_track(peer, "video")
    async with asyncio.timeout(WAIT_S):
        while True:
            frame = await track.recv()
            assert isinstance(frame, VideoFrame)
            if abs(bytes(frame.planes[0])[0] - brightness) < 30:
                return
