"""Viewers are offered the codec of a stream's ladder besides its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from relay.encoder.choice import target_codec
from relay.formats import formats_of
from relay.negotiation import WANTED_FEEDBACK
from relay.sdp import Codec

if TYPE_CHECKING:
    from relay.control import EncoderSetting
    from relay.stream import Stream


def offer_ladder(stream: Stream, settings: tuple[EncoderSetting, ...]) -> None:
    """From now on viewers are offered what its encoder makes of it, too.

    At once, although the encoder starts later: a viewer gets one offer.
    """
    video = stream.tracks.get("video")
    if video is None:
        return
    is_encoded = bool(settings) and not any(r.is_layer for r in stream.renditions)
    codecs = ladder_codecs(video.source_codec.name) if is_encoded else ()
    video.outgoing = replace(video.outgoing, alternatives=codecs)


def ladder_codecs(source: str) -> tuple[Codec, ...]:
    """Those of renditions of a stream in `source`, where they are others than it."""
    target = target_codec(source)
    if target == source.upper():
        return ()
    return tuple(known.codec(WANTED_FEEDBACK) for known in formats_of((target,)))
