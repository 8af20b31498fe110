from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from streams.models.rendition import validate_encoder_settings

GOOD = {"height": 480, "videoBitrate": 500_000, "audioBitrate": 32_000}


@pytest.mark.parametrize("value", [[], [GOOD], [{**GOOD, "forceEncode": False}]])
def test_it_accepts_encoder_settings(value: Any) -> None:
    validate_encoder_settings(value)


@pytest.mark.parametrize(
    "value",
    [
        "text",
        {},
        [1],
        [GOOD, {**GOOD, "height": 0}],
        [{**GOOD, "height": -1}],
        [{**GOOD, "height": True}],
        [{**GOOD, "height": 480.0}],
        [{**GOOD, "videoBitrate": 10**9}],
        [{**GOOD, "forceEncode": 1}],
        [{**GOOD, "color": "red"}],
        [{"videoBitrate": 1}],
        [GOOD] * 11,
    ],
)
def test_it_refuses_a_list_with_one_bad_entry(value: Any) -> None:
    with pytest.raises(ValidationError):
        validate_encoder_settings(value)
