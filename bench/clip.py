"""The VP8 stream that is published: made once, then kept in bench/out/."""

from __future__ import annotations

import fractions
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.frame import PictureType

OUT = Path(__file__).resolve().parent / "out"
WIDTH, HEIGHT, FRAME_RATE, BITRATE_BPS = 1280, 720, 30, 1_500_000
KEY_INTERVAL_FRAMES = 60
FRAMES = 300
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Clip:
    """Encoded frames; every KEY_INTERVAL_FRAMES-th is a key frame."""

    frames: tuple[bytes, ...]

    def next_key_frame(self, index: int) -> int:
        return (index // KEY_INTERVAL_FRAMES + 1) * KEY_INTERVAL_FRAMES


def load_clip() -> Clip:
    """The clip, encoded by libvpx the first time."""
    path = OUT / f"vp8-{WIDTH}x{HEIGHT}-{FRAME_RATE}-{BITRATE_BPS}.bin"
    if not path.exists():
        OUT.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(
            b"".join(_LENGTH.pack(len(frame)) + frame for frame in _encode())
        )
        partial.rename(path)
    data, at, frames = path.read_bytes(), 0, []
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        frames.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return Clip(tuple(frames))


def _encode() -> list[bytes]:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base = fractions.Fraction(1, FRAME_RATE)
    encoder.framerate = fractions.Fraction(FRAME_RATE)
    encoder.bit_rate = BITRATE_BPS
    encoder.gop_size = KEY_INTERVAL_FRAMES
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "keyint_min": str(KEY_INTERVAL_FRAMES),
        "minrate": str(BITRATE_BPS),
        "maxrate": str(BITRATE_BPS),
        "bufsize": str(BITRATE_BPS),
    }
    packets: list[bytes] = []
    for index, frame in enumerate(_pictures()):
        frame.pts = index
        frame.pict_type = PictureType.NONE  # the source says I: a forced key frame
        frame.time_base = encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return packets


def _pictures() -> Iterator[av.VideoFrame]:
    """A moving test picture with noise, so that the bitrate is really used."""
    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}")
    noise = graph.add("noise", "alls=12:allf=t")
    pixels = graph.add("format", "yuv420p")
    sink = graph.add("buffersink")
    graph.link_nodes(source, noise, pixels, sink)
    graph.configure()
    for _ in range(FRAMES):
        yield graph.vpull()
