"""Encoder settings: the renditions of an adaptive ladder (contract 7.2)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

MAX_RENDITIONS = 10
_INTEGERS = {"height": 4320, "videoBitrate": 100_000_000, "audioBitrate": 1_000_000}
_FLAGS = {"forceEncode", "forceSameResolutionEncode"}


def validate_encoder_settings(value: Any) -> None:
    """Raise ValidationError unless `value` is a list of EncoderSettings.

    A list with any height that is not positive is refused as a whole.
    """
    if not isinstance(value, list) or len(value) > MAX_RENDITIONS:
        raise ValidationError(f"Give a list of at most {MAX_RENDITIONS} settings.")
    for entry in value:
        _validate(entry)


def _validate(entry: Any) -> None:
    if not isinstance(entry, dict) or entry.keys() - _INTEGERS.keys() - _FLAGS:
        raise ValidationError(
            f"Each has {', '.join(_INTEGERS)} and {', '.join(sorted(_FLAGS))} only."
        )
    for name, highest in _INTEGERS.items():
        number = entry.get(name, 0)
        if type(number) is not int or not 0 <= number <= highest:
            raise ValidationError(f"{name} must be a number from 0 to {highest}.")
    if entry.get("height", 0) <= 0:
        raise ValidationError("Every height must be above 0.")
    if any(type(entry.get(name, False)) is not bool for name in _FLAGS):
        raise ValidationError("A flag is true or false.")
