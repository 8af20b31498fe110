"""Real frames of each codec, and their RTP payloads, for the payload tests.

aiortc packetises VP8 and H.264. VP9 and AV1 are packetised here in the simplest
form their formats allow.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av.video.codeccontext import VideoCodecContext

MAX_BYTES = 1200
ENCODERS = {
    "VP8": ("libvpx", {"deadline": "realtime", "lag-in-frames": "0"}),
    "VP9": ("libvpx-vp9", {"deadline": "realtime", "lag-in-frames": "0"}),
    "H264": ("libx264", {"tune": "zerolatency"}),
    "AV1": ("libsvtav1", {"preset": "12"}),
}


def encode(codec: str, width: int, height: int, *, frames: int = 3) -> list[bytes]:
    """The encoded frames of an empty picture; the first is the only key frame."""
    name, options = ENCODERS[codec]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 30)
    context.framerate = Fraction(30)
    context.bit_rate = 300_000
    context.thread_count = 1
    context.options = options
    packets: list[av.Packet] = []
    for index in range(frames):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:  # fresh frames hold whatever memory held
            plane.update(bytes(plane.buffer_size))
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    return [bytes(packet) for packet in packets]


def packetize(codec: str, frame: bytes, *, is_key: bool = False) -> list[bytes]:
    """The RTP payloads of one encoded frame."""
    if codec == "VP8":
        return Vp8Encoder._packetize(frame, 4711)
    if codec == "VP9":
        return packetize_vp9(frame, is_key=is_key)
    if codec == "H264":
        return H264Encoder._packetize(H264Encoder._split_bitstream(frame))
    return packetize_av1(frame, is_key=is_key)


def packetize_vp9(frame: bytes, *, is_key: bool) -> list[bytes]:
    """RFC 9628 4.2: picture id and nothing else."""
    parts = [frame[at : at + MAX_BYTES] for at in range(0, len(frame), MAX_BYTES)]
    payloads = []
    for index, part in enumerate(parts):
        flags = 0x80 | (0 if is_key else 0x40)
        flags |= 0x08 if index == 0 else 0
        flags |= 0x04 if index == len(parts) - 1 else 0
        payloads.append(bytes([flags, 0x92, 0x34]) + part)
    return payloads


def split_temporal_unit(unit: bytes) -> Iterator[bytes]:
    """The OBUs of a temporal unit without size fields and temporal delimiter."""
    offset = 0
    while offset < len(unit):
        head, offset = unit[offset], offset + 1
        size = shift = 0
        while True:
            octet, offset = unit[offset], offset + 1
            size |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                break
        if (head >> 3) & 15 != 2:
            yield bytes([head & ~2]) + unit[offset : offset + size]
        offset += size


def packetize_av1(unit: bytes, *, is_key: bool) -> list[bytes]:
    """One OBU element a packet (W = 1), fragmented where it is too long."""
    payloads: list[bytes] = []
    for obu in split_temporal_unit(unit):
        parts = [obu[at : at + MAX_BYTES] for at in range(0, len(obu), MAX_BYTES)]
        for index, part in enumerate(parts):
            head = 0x10
            head |= 0x80 if index else 0
            head |= 0x40 if index < len(parts) - 1 else 0
            head |= 0x08 if is_key and not payloads else 0
            payloads.append(bytes([head]) + part)
    return payloads
