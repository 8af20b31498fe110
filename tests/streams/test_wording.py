from __future__ import annotations

from datetime import timedelta

import pytest

from streams.wording import (
    word_bitrate,
    word_bytes,
    word_duration,
    word_resolution,
    word_share,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (65, "1 min 05 s"),
        (3600, "1 h 00 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert word_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0, ""),
        (-1, ""),
        (1, "1 kbit/s"),
        (64_000, "64 kbit/s"),
        (1_534_000, "1.5 Mbit/s"),
    ],
)
def test_bitrates(bits: int, words: str) -> None:
    assert word_bitrate(bits) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (734_003_200, "734.0 MB"),
        (2 * 10**9, "2.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert word_bytes(size) == words


def test_resolutions() -> None:
    assert word_resolution(1280, 720) == "1280 x 720"
    assert word_resolution(0, 720) == ""


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.0001, "0.1 %"),
        (0.004, "0.4 %"),
        (0.099, "9.9 %"),
        (0.123, "12 %"),
        (1.0, "100 %"),
        (-0.1, "0 %"),
    ],
)
def test_a_share_is_in_percent(share: float, words: str) -> None:
    assert word_share(share) == words
