"""All codecs of a stream: what the encoder process's one codec thread does."""

from __future__ import annotations

from dataclasses import dataclass, field

from av.video.frame import VideoFrame

from relay.encoder.frames import Frame
from relay.encoder.link import Ladder
from relay.encoder.pacer import Waiting
from relay.encoder.pictures import CodecFailed, Decoder, Encoded, Rendition

MAX_FAILURES = 3  # of an encoder in a row before it is given up


@dataclass(slots=True)
class Product:
    """What became of one frame."""

    packets: list[Waiting] = field(default_factory=list)
    key_frames: set[int] = field(default_factory=set)  # requests that were fulfilled
    failed: list[int] = field(default_factory=list)  # renditions given up
    is_broken: bool = False  # the frame cannot be decoded


class Workshop:
    """Decodes each frame once and makes every rendition of it."""

    def __init__(self) -> None:
        self._source = ""
        self._decoder: Decoder | None = None
        self._renditions: dict[int, Rendition] = {}
        self._failures: dict[int, int] = {}

    def change(self, ladder: Ladder) -> None:
        """Make `ladder` from now on; renditions that it keeps go on as they are.

        Raises:
            CodecFailed: there is no decoder for its source.
        """
        if ladder.source != self._source:
            self._decoder = Decoder(ladder.source)
            self._source = ladder.source
        known = self._renditions
        self._renditions = {}
        for rung in sorted(ladder.rungs, key=lambda rung: -rung.height):
            rendition = known.get(rung.index)
            if rendition is None or rendition.rung != rung:
                rendition = Rendition(rung, ladder.target, single_nal=ladder.single_nal)
                self._failures[rung.index] = 0
            self._renditions[rung.index] = rendition

    def run(self, frame: Frame, key_frames: frozenset[int], *, late: bool) -> Product:
        """Decode `frame` and, unless it is `late`, encode it.

        `key_frames`: renditions that are asked for one.
        """
        product = Product()
        if self._decoder is None:
            return product
        try:
            pictures = self._decoder.decode(frame)
        except CodecFailed:
            product.is_broken = True
            return product
        if not late:
            for picture in pictures:
                self._encode(picture, frame, key_frames, product)
        return product

    def _encode(
        self,
        picture: VideoFrame,
        frame: Frame,
        key_frames: frozenset[int],
        product: Product,
    ) -> None:
        shape = picture.width, picture.height
        ticks = frame.ticks if picture.pts is None else picture.pts
        source = picture
        for index, rendition in list(self._renditions.items()):
            try:
                scaled = rendition.scale(source, shape)
                encoded = rendition.encode(scaled, ticks, key_frame=index in key_frames)
            except CodecFailed:
                self._count_failure(index, product)
                continue
            # The next one is lower: less is left to scale down.
            source = scaled if scaled.height <= picture.height else picture
            if encoded is not None:
                self._failures[index] = 0
                product.key_frames |= {index} & key_frames
                product.packets += _packets(index, encoded, frame.orientation)

    def _count_failure(self, index: int, product: Product) -> None:
        self._failures[index] += 1
        if self._failures[index] >= MAX_FAILURES:
            del self._renditions[index]
            product.failed.append(index)


def _packets(index: int, encoded: Encoded, orientation: bytes | None) -> list[Waiting]:
    """Orientation travels with the last packet of a frame, as browsers send it."""
    last = len(encoded.payloads) - 1
    return [
        Waiting(
            index,
            payload,
            encoded.ticks,
            number == last,
            orientation if number == last else None,
        )
        for number, payload in enumerate(encoded.payloads)
    ]
