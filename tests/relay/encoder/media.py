"""Real VP8 and H.264 streams as RTP, made by PyAV, and pictures from such streams."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from relay.encoder.frames import FrameAssembler
from relay.encoder.payloads import write_h264, write_vp8
from relay.encoder.reorder import Reorder
from relay.packet import RtpPacket, build_extensions, build_packet, parse_packet

TICKS = Fraction(1, 90000)
FRAME_TICKS = 3000
_ENCODERS = {"VP8": "libvpx", "H264": "libx264", "VP9": "libvpx-vp9"}


def draw(size: tuple[int, int]) -> Iterator[VideoFrame]:
    """A moving picture without end."""
    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={size[0]}x{size[1]}:rate=30")
    form = graph.add("format", "yuv420p")
    sink = graph.add("buffersink")
    source.link_to(form)
    form.link_to(sink)
    graph.configure()
    while True:
        yield graph.pull()  # type: ignore[misc]  # of a video filter: a picture


@dataclass
class Camera:
    """A publisher's video: each call makes the packets of one more frame."""

    codec: str = "VP8"
    size: tuple[int, int] = (320, 240)
    bitrate: int = 500_000
    payload_type: int = 96
    ssrc: int = 7
    seq: int = 65000
    ticks: int = 0xFFFFFFFF - 20 * FRAME_TICKS  # both wrap early
    orientation: int | None = None
    _picture_id: int = 0
    _context: VideoCodecContext | None = None
    _pictures: Iterator[VideoFrame] | None = None
    sizes: list[int] = field(default_factory=list)  # of frames, bytes

    def resize(self, size: tuple[int, int]) -> None:
        self.size = size
        self._context = self._pictures = None

    def frame(self, *, key: bool = False) -> list[bytes]:
        """The RTP packets of the next frame; the first one is a key frame."""
        if self._context is None or self._pictures is None:
            self._context, self._pictures = self._open(), draw(self.size)
        picture = next(self._pictures)
        self.ticks += FRAME_TICKS
        picture.pts, picture.time_base = self.ticks, TICKS
        picture.pict_type = PictureType.I if key else PictureType.NONE
        data = b"".join(bytes(packet) for packet in self._context.encode(picture))
        self.sizes.append(len(data))
        return self._packets(data)

    def _packets(self, data: bytes) -> list[bytes]:
        self._picture_id += 1
        payloads = (
            write_h264(data)
            if self.codec == "H264"
            else _write_vp9(data)
            if self.codec == "VP9"
            else write_vp8(data, self._picture_id)
        )
        packets = []
        for number, payload in enumerate(payloads):
            is_last = number == len(payloads) - 1
            self.seq = self.seq + 1 & 0xFFFF
            extensions = b""
            if is_last and self.orientation is not None:
                extensions = build_extensions([(4, bytes((self.orientation,)))])
            packets.append(
                build_packet(
                    payload_type=self.payload_type,
                    marker=is_last,
                    seq=self.seq,
                    timestamp=self.ticks & 0xFFFFFFFF,
                    ssrc=self.ssrc,
                    extensions=extensions,
                    payload=payload,
                )
            )
        return packets

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create(_ENCODERS[self.codec], "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self.size
        context.pix_fmt = "yuv420p"
        context.bit_rate = self.bitrate
        context.time_base, context.framerate = TICKS, Fraction(30)
        context.gop_size = 3000
        context.thread_count = 1
        if self.codec == "H264":
            context.profile = "Baseline"
            context.options = {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "forced-idr": "1",
                "maxrate": str(self.bitrate),
                "bufsize": str(self.bitrate),
            }
        else:
            context.options = {
                "deadline": "realtime",
                "cpu-used": "8",
                "lag-in-frames": "0",
                "minrate": str(self.bitrate),
                "maxrate": str(self.bitrate),
                "bufsize": str(self.bitrate),
            }
        return context


@dataclass
class Microphone:
    """A publisher's Opus: packets of 20 ms of noise. `times`: their timestamps."""

    bitrate: int = 64_000
    seq: int = 100
    ticks: int = 0xFFFFFFFF - 40 * 960
    times: set[int] = field(default_factory=set)
    _encoder: Any = None
    _source: Any = None

    def packet(self) -> bytes:
        if self._encoder is None:
            self._open()
        frame = self._source.pull()
        frame.pts = None
        data = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        self.seq = self.seq + 1 & 0xFFFF
        self.ticks = self.ticks + 960 & 0xFFFFFFFF
        self.times.add(self.ticks)
        return build_packet(
            payload_type=111,
            marker=False,
            seq=self.seq,
            timestamp=self.ticks,
            ssrc=8,
            extensions=b"",
            payload=data,
        )

    def _open(self) -> None:
        graph = av.filter.Graph()
        noise = graph.add("anoisesrc", "color=pink:sample_rate=48000:nb_samples=960")
        form = graph.add("aformat", "sample_fmts=s16:channel_layouts=stereo")
        sink = graph.add("abuffersink")
        noise.link_to(form)
        form.link_to(sink)
        graph.configure()
        self._source = graph
        context = av.CodecContext.create("libopus", "w")
        context.sample_rate = 48000
        context.layout, context.format = "stereo", "s16"
        context.bit_rate = self.bitrate
        self._encoder = context


def _write_vp9(data: bytes) -> list[bytes]:
    """One layer, a two-byte picture id and nothing more (RFC 9628 4.2)."""
    inter = 0x40 if data[0] & 0x04 else 0  # non_shown key frames do not occur
    size = 1100
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    payloads = []
    for number, piece in enumerate(pieces):
        flags = 0x80 | inter
        flags |= 0x08 if number == 0 else 0
        flags |= 0x04 if number == len(pieces) - 1 else 0
        payloads.append(bytes((flags, 0x80, 0x01)) + piece)
    return payloads


@dataclass
class Screen:
    """Decodes one rendition, as a viewer would: whole frames, from a key frame on."""

    codec: str
    pictures: list[tuple[int, int, int]] = field(default_factory=list)  # w, h, ticks
    last: VideoFrame | None = None
    orientations: list[bytes | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = {"VP8": "vp8", "H264": "h264", "VP9": "vp9"}[self.codec]
        self._context: Any = av.CodecContext.create(name, "r")
        self._context.thread_count = 1
        self._reorder = Reorder()
        self._assembler = FrameAssembler(self.codec)

    def show(self, packet: bytes | RtpPacket) -> None:
        parsed = parse_packet(packet) if isinstance(packet, bytes) else packet
        self._reorder.add(parsed, 0.0)
        for ordered in self._reorder.take(0.0):
            for frame in self._assembler.add(ordered, 0.0):
                self.orientations.append(frame.orientation)
                self._decode(frame.data, frame.ticks)

    def _decode(self, data: bytes, ticks: int) -> None:
        for picture in self._context.decode(av.Packet(data)):
            self.last = picture
            self.pictures.append((picture.width, picture.height, ticks & 0xFFFFFFFF))


def likeness_db(one: VideoFrame, other: VideoFrame) -> float:
    """Peak signal-to-noise ratio of the brightness of two pictures of one size."""
    assert (one.width, one.height) == (other.width, other.height)
    a, b = (_brightness(picture) for picture in (one, other))
    error = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    return 10 * math.log10(255**2 / (error + 1e-9))


def _brightness(picture: VideoFrame) -> bytes:
    plane = picture.planes[0]
    data = bytes(plane)
    return b"".join(
        data[row * plane.line_size : row * plane.line_size + picture.width]
        for row in range(picture.height)
    )
