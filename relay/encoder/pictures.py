"""One decoder for a stream, one scaler and encoder for each rendition (PyAV)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from relay.encoder.frames import Frame
from relay.encoder.link import Rung
from relay.encoder.payloads import MAX_PAYLOAD_BYTES, write_h264, write_vp8

TICKS = Fraction(1, 90000)
USUAL_FRAME_RATE = Fraction(30)
MAX_PIXELS = 4096 * 2304
MAX_WIDTH = 4096
# A key frame is made when somebody asks; this is for those who cannot ask.
KEY_FRAME_DISTANCE = 600  # frames
_DECODERS = {"VP8": "vp8", "VP9": "vp9", "H264": "h264"}


class CodecFailed(Exception):
    """FFmpeg cannot open or go on with a codec."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame of a rendition as RTP payloads."""

    payloads: list[bytes]
    ticks: int


def _create_context(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    context = av.CodecContext.create(name, mode)
    if not isinstance(context, VideoCodecContext):
        raise CodecFailed(f"{name} is no video codec")
    return context


class Decoder:
    """FFmpeg's own decoder of the stream's codec, without threads or delay."""

    def __init__(self, codec: str) -> None:
        context = _create_context(_DECODERS[codec.upper()], "r")
        context.thread_count = 1  # frame threads would hold frames back
        context.options = {"flags": "+low_delay", "max_pixels": str(MAX_PIXELS)}
        self._context = context

    def decode(self, frame: Frame) -> list[VideoFrame]:
        """The pictures of a frame: one, as a rule.

        Raises:
            CodecFailed: it cannot be decoded.
        """
        packet = av.Packet(frame.data)
        packet.pts = frame.ticks
        packet.time_base = TICKS
        try:
            pictures: list[VideoFrame] = self._context.decode(packet)
        except (av.FFmpegError, MemoryError, ValueError) as error:
            raise CodecFailed("the frame cannot be decoded") from error
        return pictures


def scaled_size(width: int, height: int, target: int) -> tuple[int, int]:
    """Of a picture made `target` pixels high: its shape kept, both numbers even."""
    high = max(2, target // 2 * 2)
    wide = max(2, round(width * high / height / 2) * 2)
    return min(wide, MAX_WIDTH), high


class Rendition:
    """Scales and encodes for one rung; follows the source's size."""

    def __init__(self, rung: Rung, codec: str, *, single_nal: bool = False) -> None:
        self.rung = rung
        self._codec = codec
        self._single_nal = single_nal
        self._scaler = VideoReformatter()
        self._context: VideoCodecContext | None = None
        self._last_ticks: int | None = None
        self._picture_id = 0

    def scale(self, source: VideoFrame, shape: tuple[int, int]) -> VideoFrame:
        """The picture in the rung's size; `shape` is that of the stream's own.

        Raises:
            CodecFailed: there is no memory for it.
        """
        width, height = scaled_size(*shape, self.rung.height)
        try:
            picture: VideoFrame = self._scaler.reformat(
                source, width, height, "yuv420p", interpolation=Interpolation.BILINEAR
            )
        except (av.FFmpegError, MemoryError, ValueError) as error:
            raise CodecFailed("the picture cannot be scaled") from error
        return picture

    def encode(
        self, picture: VideoFrame, ticks: int, *, key_frame: bool
    ) -> Encoded | None:
        """What it becomes; None when the codec leaves it out, or it is not newer.

        Raises:
            CodecFailed: the encoder does not open or go on.
        """
        if self._last_ticks is not None and ticks <= self._last_ticks:
            return None
        self._last_ticks = ticks
        picture.pts, picture.time_base = ticks, TICKS
        picture.pict_type = PictureType.I if key_frame else PictureType.NONE
        try:
            context = self._context_for(picture)
            data = b"".join(bytes(packet) for packet in context.encode(picture))
            payloads = self._write(data)
        except (av.FFmpegError, MemoryError, ValueError, OverflowError) as error:
            self._context = None
            raise CodecFailed(f"{self._codec} encoder") from error
        return Encoded(payloads, ticks) if payloads else None

    def _write(self, data: bytes) -> list[bytes]:
        if self._codec == "H264":
            return write_h264(data, single_nal=self._single_nal)
        self._picture_id += 1
        return write_vp8(data, self._picture_id)

    def _context_for(self, picture: VideoFrame) -> VideoCodecContext:
        """The encoder of pictures of this size: another size needs another one."""
        size = picture.width, picture.height
        context = self._context
        if context is None or (context.width, context.height) != size:
            context = self._context = self._create(*size)
        return context

    def _create(self, width: int, height: int) -> VideoCodecContext:
        name = "libx264" if self._codec == "H264" else "libvpx"
        context = _create_context(name, "w")
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = TICKS, USUAL_FRAME_RATE
        context.bit_rate = self.rung.video_bitrate
        context.gop_size = KEY_FRAME_DISTANCE
        context.thread_count = 1
        if self._codec == "H264":
            context.profile = "Baseline"
            context.options = self._h264_options()
        else:
            context.qmin, context.qmax = 2, 60
            context.options = self._vp8_options()
        return context

    def _h264_options(self) -> dict[str, str]:
        rate = self.rung.video_bitrate
        options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "maxrate": str(rate),
            "bufsize": str(rate // 2),
            "forced-idr": "1",  # a key frame that was asked for is one to start at
            "sc_threshold": "0",
        }
        if self._single_nal:
            options["x264-params"] = f"slice-max-size={MAX_PAYLOAD_BYTES}"
        return options

    def _vp8_options(self) -> dict[str, str]:
        rate = str(self.rung.video_bitrate)
        return {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "minrate": rate,  # equal to maxrate: constant bitrate
            "maxrate": rate,
            "bufsize": rate,
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "1",
            "error-resilient": "0",
        }
