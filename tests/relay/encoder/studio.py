"""A live stream with a ladder in a running relay, and a camera that feeds it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from relay import control
from relay.control import EncoderSetting
from relay.encoder.stream_encoder import StreamEncoder
from relay.negotiation import IncomingTrack
from relay.packet import parse_packet
from relay.rendition import Rendition
from relay.sdp import Codec
from relay.stream import Stream
from relay.track import Track
from tests.relay.clients import new_session
from tests.relay.conftest import RunningRelay
from tests.relay.encoder.media import Camera, Microphone, Screen

PATIENCE_S = 60
H264_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
CODECS = {
    "VP8": Codec("VP8", 96, 90000),
    "H264": Codec("H264", 96, 90000, fmtp=H264_FMTP),
    "VP9": Codec("VP9", 96, 90000, fmtp="profile-id=0"),
    "AV1": Codec("AV1", 96, 90000),
}
OPUS = Codec("opus", 111, 48000, 2)


def incoming(codec: Codec) -> IncomingTrack:
    return IncomingTrack(
        kind="audio" if codec.name == "opus" else "video",
        mid="0",
        codec=codec,
        rtx_payload_type=None,
        abs_send_time_id=None,
        orientation_id=4,
        audio_level_id=None,
        ssrcs=(),
    )


class Studio:
    """`sent` has the outgoing timestamps of the stream's own picture."""

    def __init__(
        self,
        relay: RunningRelay,
        *settings: EncoderSetting,
        codec: str = "VP8",
        size: tuple[int, int] = (320, 240),
    ) -> None:
        self.relay = relay
        self.router = relay.router
        self.agreed = incoming(CODECS[codec])
        self.stream = Stream("LiveApp/show", (self.agreed, incoming(OPUS)))
        self.stream.has_started = True
        self.router.add_stream(self.stream)
        self.camera = Camera(codec, size)
        self.settings = settings
        self.session = ""
        self.screens: dict[Track, Screen] = {}
        self.sent: list[int] = []
        self.microphone = Microphone()
        self.has_sound = False
        self._sound_due = 0.0
        self.target = "H264" if codec == "H264" else "VP8"
        self.publish()

    def publish(self) -> None:
        """A publisher's offer was accepted."""
        self.session = new_session()
        self.router.encoders.agree(
            self.stream,
            control.AcceptOffer(
                self.session,
                "socket",
                self.stream.key,
                "",
                ("VP8",),
                8000,
                5000,
                encoder_settings=self.settings,
            ),
        )

    @property
    def video(self) -> Track:
        return self.stream.tracks["video"]

    @property
    def encoder(self) -> StreamEncoder:
        found = self.router.encoders.of(self.stream)
        assert found is not None
        return found

    @property
    def renditions(self) -> list[Rendition]:
        """Those that are encoded."""
        return [r for r in self.stream.renditions if r.video is not self.video]

    @property
    def heights(self) -> list[int]:
        return [rendition.height for rendition in self.renditions]

    def screen(self, rendition: Rendition) -> Screen:
        """What a viewer of the rendition sees, from now on."""
        screen = self.screens[rendition.video] = Screen(self.target)
        rendition.video.tap = screen.show
        rendition.video.request_key_frame(self.router.clock())
        return screen

    def send_frame(self) -> None:
        """The publisher's next frame comes in."""
        now = self.router.clock()
        packets = self.camera.frame(key=self.video.key_frames.due(now))
        for wire in packets:
            self.video.forward(parse_packet(wire), self.agreed, now)
        if self.has_sound:
            self._send_sound(now)
        self.stream.flush(now)
        self.sent.append(self.video.last_timestamp)

    def _send_sound(self, now: float) -> None:
        self._sound_due = max(self._sound_due, now - 0.1)
        while self._sound_due <= now:
            self._sound_due += 0.02
            packet = parse_packet(self.microphone.packet())
            self.stream.tracks["audio"].forward(packet, incoming(OPUS), now)

    async def film(self, until: Callable[[], object], fps: float = 30) -> None:
        """Send frames in real time until something holds."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.timeout(PATIENCE_S):
            while not until():
                self.send_frame()
                due = max(due + 1 / fps, loop.time() - 1)
                await asyncio.sleep(max(due - loop.time(), 0))

    async def film_ladder(self, *heights: int) -> None:
        """Until these are the renditions."""
        await self.film(lambda: self.heights == list(heights))

    async def problem(self) -> control.EncoderFailed:
        return await self.relay.event(control.EncoderFailed, self.session)

    def problems(self) -> list[control.EncoderFailed]:
        """Those told of since somebody asked."""
        events = self.relay.drain()
        return [e for e in events if isinstance(e, control.EncoderFailed)]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that is only not reaped yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.02)


def kill(pid: int, signal: int) -> None:
    """A signal to a process that the test's own relay started."""
    assert pid > 0
    os.kill(pid, signal)
