"""Lower audio qualities: Opus decoded once, encoded for each bitrate (PyAV)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from relay.encoder.link import AUDIO_OUT
from relay.encoder.pacer import Waiting
from relay.encoder.pictures import CodecFailed

SAMPLE_RATE = 48000
FRAME_SAMPLES = 960  # 20 ms
_TICKS = Fraction(1, SAMPLE_RATE)
_MAX_DRIFT = 2 * FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Sound:
    """One Opus packet. `ticks`: its RTP timestamp, unwrapped."""

    data: bytes
    ticks: int


class _Quality:
    """An Opus encoder of one bitrate; its packets keep the stream's clock."""

    def __init__(self, bitrate: int) -> None:
        self.bitrate = bitrate
        self._context: AudioCodecContext = av.CodecContext.create("libopus", "w")
        self._context.sample_rate = SAMPLE_RATE
        self._context.layout = "stereo"
        self._context.format = "s16"
        self._context.bit_rate = bitrate
        self._context.time_base = _TICKS
        self._context.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": "1",
            "packet_loss": "10",
        }

    def encode(self, frame: AudioFrame) -> bytes:
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class AudioWorkshop:
    """Used by the codec thread only, as relay.encoder.workshop."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("libopus", "r")
        self._resampler = av.AudioResampler("s16", "stereo", SAMPLE_RATE)
        self._fifo = AudioFifo()
        self._qualities: dict[int, _Quality] = {}
        self._ticks = -_MAX_DRIFT - 1  # of the first sample in the queue

    def change(self, bitrates: tuple[int, ...]) -> None:
        """Make these bit/s from now on, by index; 0 for an index without one."""
        known, self._qualities = self._qualities, {}
        for index, bitrate in enumerate(bitrates):
            quality = known.get(index)
            if bitrate and (quality is None or quality.bitrate != bitrate):
                quality = _Quality(bitrate)
            if bitrate and quality is not None:
                self._qualities[index] = quality

    def run(self, sound: Sound) -> list[Waiting]:
        """The packets of all qualities that `sound` completes.

        Raises:
            CodecFailed: it cannot be decoded, or not be encoded.
        """
        if not self._qualities:
            return []
        try:
            self._decode(sound)
            return self._encode()
        except (av.FFmpegError, MemoryError, ValueError) as error:
            self._fifo = AudioFifo()
            raise CodecFailed("audio") from error

    def _decode(self, sound: Sound) -> None:
        if abs(sound.ticks - (self._ticks + self._fifo.samples)) > _MAX_DRIFT:
            # The first one, or after silence that was not sent: what waits for the rest
            # of its 20 ms would sound in the wrong place.
            self._fifo = AudioFifo()
            self._ticks = sound.ticks
        packet = av.Packet(sound.data)
        for decoded in self._decoder.decode(packet):
            for frame in self._resampler.resample(decoded):
                frame.pts = None
                self._fifo.write(frame)

    def _encode(self) -> list[Waiting]:
        packets: list[Waiting] = []
        while (frame := self._fifo.read(FRAME_SAMPLES)) is not None:
            ticks = self._ticks
            self._ticks += frame.samples
            frame.pts, frame.time_base = ticks, _TICKS
            for index, quality in self._qualities.items():
                data = quality.encode(frame)
                if data:
                    packets.append(Waiting(AUDIO_OUT + index, data, ticks, False, None))
        return packets
