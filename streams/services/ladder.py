"""The renditions that a stream is to be encoded in (contract 7.1, 7.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from relay.control import EncoderSetting
from streams.models import Application, Broadcast
from streams.models.rendition import DEFAULTS, MAX_RENDITIONS, NUMBERS


def ladder_of(
    application: Application, broadcast: Broadcast | None
) -> tuple[EncoderSetting, ...]:
    """The broadcast's own ladder, else the application's; highest first.

    Both rows are loaded already: nothing is queried.
    """
    own = broadcast.encoder_settings if broadcast is not None else []
    entries = complete_ladder(own or application.encoder_settings)
    ladder = [
        EncoderSetting(
            height=entry["height"],
            video_bitrate=entry["videoBitrate"],
            audio_bitrate=entry["audioBitrate"],
            force_encode=entry["forceEncode"],
            force_same_resolution=entry["forceSameResolutionEncode"],
        )
        for entry in entries
    ]
    ladder.sort(key=lambda rung: (rung.height, rung.video_bitrate), reverse=True)
    return tuple(ladder[:MAX_RENDITIONS])


def complete_ladder(entries: Iterable[Any]) -> list[Any]:
    """Each entry with every name of the wire; what is no object stays as it is."""
    return [
        {**DEFAULTS, **entry} if isinstance(entry, dict) else entry for entry in entries
    ]


def parse_ladder(text: str) -> Any:
    """What Ant Media writes as `encoderSettingsString`.

    JSON, or as in older versions "height,videoBitrate,audioBitrate" again and again.

    Raises:
        ValueError: neither.
    """
    if not text.strip():
        return []
    if text.lstrip().startswith("["):
        return _parse_json(text)
    numbers = text.split(",")
    if len(numbers) % len(NUMBERS) or len(numbers) > len(NUMBERS) * MAX_RENDITIONS:
        raise ValueError("Must be JSON, or three numbers for each rendition.")
    try:
        values = [int(number) for number in numbers]
    except ValueError:
        raise ValueError("Must be JSON, or whole numbers.") from None
    return [
        dict(zip(NUMBERS, values[start : start + len(NUMBERS)], strict=True))
        for start in range(0, len(values), len(NUMBERS))
    ]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("Is no JSON.") from None
