"""What an encoder sends becomes renditions of the stream.

A rendition is there from its first key frame on: until then nobody could be moved to
it. Its track keeps the timestamps of the stream's own, so its clock is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relay.encoder.link import AUDIO_OUT, MAX_RUNGS, ORIENTATION_ID, Rung
from relay.negotiation import IncomingTrack
from relay.packet import RtpPacket, parse_packet
from relay.payload import parser_for
from relay.rendition import Rendition
from relay.sdp import Codec
from relay.track import Track

if TYPE_CHECKING:
    from relay.stream import Stream


@dataclass(frozen=True, slots=True)
class _Output:
    """A track that an encoder feeds."""

    track: Track
    agreed: IncomingTrack


class Outputs:
    """The renditions of one stream that its encoder feeds."""

    def __init__(self, stream: Stream, target: str) -> None:
        self._stream = stream
        self._target = target
        self._parser = parser_for(target)
        self._rungs: dict[int, Rung] = {}
        self._video: dict[int, _Output] = {}
        self._renditions: dict[int, Rendition] = {}
        self._audio: dict[int, _Output] = {}
        self._audio_rates: tuple[int, ...] = ()

    def expect(self, rungs: tuple[Rung, ...], audio: tuple[int, ...]) -> bool:
        """Whether a rendition ended, for none but these may be there."""
        self._rungs = {rung.index: rung for rung in rungs}
        self._audio_rates = audio
        gone = [i for i in self._renditions if i not in self._rungs]
        for index in [i for i in self._video if i not in self._rungs]:
            self._remove(index)
        for index, output in list(self._audio.items()):
            if index >= len(audio) or not audio[index]:
                del self._audio[index]
                self._stream.end_audio(output.track)
        return bool(gone)

    def clear(self) -> bool:
        return self.expect((), ())

    def tracks(self) -> dict[int, Track]:
        """The videos' tracks, by index."""
        return {index: output.track for index, output in self._video.items()}

    def viewers(self) -> dict[int, int]:
        """How many lanes each rung's picture has, by height."""
        return {
            rung.height: len(self._video[index].track.receivers)
            if index in self._video
            else 0
            for index, rung in self._rungs.items()
        }

    def receive(self, messages: list[bytes], now: float) -> None:
        """Forward the packets of a batch.

        Raises:
            ValueError: one is no RTP packet; those before it were forwarded.
        """
        touched: dict[Track, None] = {}
        try:
            for message in messages:
                packet = parse_packet(message[1:])
                output = self._find(message[0], packet)
                if output is not None:
                    output.track.forward(packet, output.agreed, now)
                    touched[output.track] = None
        finally:
            self._publish()
            for track in touched:
                track.flush(now)

    def _find(self, index: int, packet: RtpPacket) -> _Output | None:
        if index < MAX_RUNGS:
            return self._find_video(index, packet)
        index -= AUDIO_OUT
        output = self._audio.get(index)
        own = self._stream.tracks.get("audio")
        expected = 0 <= index < len(self._audio_rates) and self._audio_rates[index]
        if output is None and own is not None and expected:
            output = self._audio[index] = _follow(own, own.source_codec)
        return output

    def _find_video(self, index: int, packet: RtpPacket) -> _Output | None:
        output = self._video.get(index)
        if output is not None or index not in self._rungs:
            return output
        own = self._stream.tracks.get("video")
        if own is None or not self._parser.is_key_frame_start(packet.payload):
            return None
        codec = own.source_codec
        if codec.name.upper() != self._target:
            codec = Codec(self._target, 0, own.clock_rate)
        output = self._video[index] = _follow(own, codec)
        return output

    def _publish(self) -> None:
        """Renditions whose first packet has come are the stream's from now on."""
        for index, output in self._video.items():
            if index not in self._renditions and output.track.size[1]:
                rendition = Rendition(
                    output.track,
                    self._audio_of(self._rungs[index]),
                    f"{self._rungs[index].height}p",
                )
                self._renditions[index] = rendition
                self._stream.add_rendition(rendition)
        for index, rendition in self._renditions.items():
            if rendition.audio is None:
                rendition.audio = self._audio_of(self._rungs[index])

    def _audio_of(self, rung: Rung) -> Track | None:
        """The lower audio quality that goes with a picture, once it comes."""
        if not rung.audio_bitrate or rung.audio_bitrate not in self._audio_rates:
            return None
        output = self._audio.get(self._audio_rates.index(rung.audio_bitrate))
        return output.track if output and output.track.counters.packets else None

    def _remove(self, index: int) -> None:
        self._video.pop(index, None)
        rendition = self._renditions.pop(index, None)
        if rendition is not None:
            self._stream.remove_rendition(rendition)


def _follow(own: Track, codec: Codec) -> _Output:
    """A track that follows the clock of the stream's own, under its SSRC.

    No viewer gets both at once: it has one lane of the kind (relay.lane).
    """
    agreed = IncomingTrack(
        kind=own.kind,
        mid="",
        codec=codec,
        rtx_payload_type=None,
        abs_send_time_id=None,
        orientation_id=ORIENTATION_ID if own.is_video else None,
        audio_level_id=None,
        ssrcs=(),
    )
    track = Track(agreed, own.outgoing.cname)
    track.outgoing = replace(own.outgoing, codec=track.outgoing.codec)
    track.clock_of = own
    return _Output(track, agreed)
