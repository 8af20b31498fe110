"""Encoder settings: the renditions of an adaptive ladder (contract 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

MAX_RENDITIONS = 10
# Names on the wire, and the highest value of each; bitrates in bit/s.
NUMBERS = {"height": 4320, "videoBitrate": 100_000_000, "audioBitrate": 1_000_000}
# What a setting is that does not say it.
DEFAULTS: Mapping[str, Any] = {
    "height": 0,
    "videoBitrate": 0,
    "audioBitrate": 0,
    "forceEncode": True,
    "forceSameResolutionEncode": False,
}
_FLAGS = DEFAULTS.keys() - NUMBERS.keys()


def validate_encoder_settings(value: Any) -> None:
    """Raise ValidationError unless `value` is a list of EncoderSettings.

    A list with any height that is not positive is refused as a whole.
    """
    if not isinstance(value, list) or len(value) > MAX_RENDITIONS:
        raise ValidationError(f"Give a list of at most {MAX_RENDITIONS} settings.")
    for entry in value:
        _validate(entry)


def _validate(entry: Any) -> None:
    if not isinstance(entry, dict) or entry.keys() - DEFAULTS.keys():
        raise ValidationError(f"Each is an object with {', '.join(DEFAULTS)} only.")
    for name, highest in NUMBERS.items():
        number = entry.get(name, 0)
        if type(number) is not int or not 0 <= number <= highest:
            raise ValidationError(f"{name} must be a whole number up to {highest}.")
    if entry.get("height", 0) <= 0:
        raise ValidationError("Every height must be above 0.")
    for name in _FLAGS:
        if type(entry.get(name, False)) is not bool:
            raise ValidationError(f"{name} must be true or false.")
