"""Which of the operator's settings are encoded of a stream: pure."""

from __future__ import annotations

from relay.control import EncoderSetting
from relay.encoder.link import MAX_RUNGS, Rung

DECODABLE = frozenset({"VP8", "VP9", "H264"})
# The codec of the renditions: the stream's own where it is cheap to encode.
_TARGETS = {"H264": "H264"}
# Height and bit/s of a picture of usual motion; in between, a straight line.
_USUAL_BITRATES = (
    (0, 60_000),
    (180, 150_000),
    (240, 250_000),
    (360, 500_000),
    (480, 800_000),
    (720, 1_500_000),
    (1080, 3_000_000),
    (2160, 8_000_000),
)
MIN_HEIGHT, MAX_HEIGHT = 16, 2160
MIN_BITRATE, MAX_BITRATE = 20_000, 50_000_000


def target_codec(source: str) -> str:
    """What renditions of a stream in `source` are encoded in, "" for none of them."""
    name = source.upper()
    return _TARGETS.get(name, "VP8") if name in DECODABLE else ""


def usual_bitrate(height: int) -> int:
    """Bit/s for a picture of `height` pixels."""
    low_height, low = _USUAL_BITRATES[0]
    for high_height, high in _USUAL_BITRATES[1:]:
        if height <= high_height:
            share = (height - low_height) / (high_height - low_height)
            return int(low + share * (high - low))
        low_height, low = high_height, high
    return low


def _bitrate(setting: EncoderSetting, height: int) -> int:
    wanted = setting.video_bitrate or usual_bitrate(height)
    return min(max(wanted, MIN_BITRATE), MAX_BITRATE)


def fits(setting: EncoderSetting, source_height: int) -> bool:
    """Whether it is encoded of a picture of `source_height` pixels (contract 7.2)."""
    if setting.height == source_height:
        return setting.force_same_resolution
    return setting.height < source_height or setting.force_encode


def choose_rungs(
    settings: tuple[EncoderSetting, ...],
    source_height: int,
    given_up: frozenset[int] = frozenset(),
) -> tuple[Rung, ...]:
    """The renditions to encode, highest first, at most MAX_RUNGS.

    Of several settings of one height the first counts. `given_up`: heights that the
    machine cannot encode. A setting keeps its index whatever the source's size.
    """
    chosen: dict[int, Rung] = {}
    for index, setting in enumerate(settings[:MAX_RUNGS]):
        height = min(setting.height, MAX_HEIGHT)
        if height < MIN_HEIGHT or setting.height in given_up or height in chosen:
            continue
        if fits(setting, source_height):
            chosen[height] = Rung(
                index,
                height,
                _bitrate(setting, height),
                setting.audio_bitrate,
            )
    return tuple(chosen[height] for height in sorted(chosen, reverse=True))


def lowest_value(viewers: dict[int, int]) -> int:
    """The height to give up first; `viewers`: how many each height has.

    That with the fewest viewers. Among equals the highest: it costs most, and is
    nearest to the stream's own picture, while a narrow path needs the lowest.
    """
    return min(viewers, key=lambda height: (viewers[height], -height))
