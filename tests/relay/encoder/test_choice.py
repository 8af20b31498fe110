"""Which settings are encoded of a stream (contract 7.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.control import EncoderSetting
from relay.encoder.choice import (
    MAX_HEIGHT,
    choose_rungs,
    lowest_value,
    target_codec,
    usual_bitrate,
)
from relay.encoder.link import MAX_RUNGS

SETTINGS = st.lists(
    st.builds(
        EncoderSetting,
        height=st.integers(-5, 5000),
        video_bitrate=st.integers(0, 5_000_000),
        force_encode=st.booleans(),
        force_same_resolution=st.booleans(),
    ),
    max_size=12,
).map(tuple)


def heights(source: int, *settings: EncoderSetting) -> list[int]:
    return [rung.height for rung in choose_rungs(settings, source)]


def test_the_ladder_is_highest_first_whatever_the_order_of_its_settings() -> None:
    settings = (EncoderSetting(240), EncoderSetting(480), EncoderSetting(360))
    rungs = choose_rungs(settings, 720)
    assert [(rung.height, rung.index) for rung in rungs] == [
        (480, 1),
        (360, 2),
        (240, 0),
    ]


@pytest.mark.parametrize(
    ("setting", "source", "is_encoded"),
    [
        (EncoderSetting(480), 720, True),
        (EncoderSetting(480, force_encode=False), 720, True),
        (EncoderSetting(480), 360, True),
        (EncoderSetting(480, force_encode=False), 360, False),
        (EncoderSetting(480), 480, False),
        (EncoderSetting(480, force_encode=False), 480, False),
        (EncoderSetting(480, force_same_resolution=True), 480, True),
        (
            EncoderSetting(480, force_encode=False, force_same_resolution=True),
            480,
            True,
        ),
        (
            EncoderSetting(480, force_encode=False, force_same_resolution=True),
            360,
            False,
        ),
    ],
)
def test_the_flags_say_what_is_encoded_of_a_lower_or_equal_picture(
    setting: EncoderSetting, source: int, is_encoded: bool
) -> None:
    assert heights(source, setting) == [480] * is_encoded


def test_of_two_settings_of_one_height_the_first_counts() -> None:
    settings = (EncoderSetting(360, 400_000), EncoderSetting(360, 900_000))
    (rung,) = choose_rungs(settings, 720)
    assert rung.video_bitrate == 400_000


def test_a_setting_without_a_bitrate_gets_one_of_its_height() -> None:
    (rung,) = choose_rungs((EncoderSetting(480),), 720)
    assert rung.video_bitrate == usual_bitrate(480) == 800_000


def test_the_usual_bitrate_grows_with_the_height() -> None:
    rates = [usual_bitrate(height) for height in range(0, 2400, 20)]
    assert rates == sorted(rates)
    assert rates[0] > 0


def test_what_was_given_up_is_not_chosen_again() -> None:
    settings = (EncoderSetting(480), EncoderSetting(240))
    rungs = choose_rungs(settings, 720, frozenset({480}))
    assert [rung.height for rung in rungs] == [240]


@given(SETTINGS, st.integers(1, 4000))
def test_a_ladder_is_bounded_and_its_indices_are_its_own(
    settings: tuple[EncoderSetting, ...], source: int
) -> None:
    rungs = choose_rungs(settings, source)
    assert len(rungs) <= MAX_RUNGS
    assert len({rung.index for rung in rungs}) == len(rungs)
    assert len({rung.height for rung in rungs}) == len(rungs)
    assert all(0 < rung.height <= MAX_HEIGHT for rung in rungs)
    assert all(rung.video_bitrate > 0 for rung in rungs)


@pytest.mark.parametrize(
    ("source", "target"),
    [("VP8", "VP8"), ("h264", "H264"), ("VP9", "VP8"), ("AV1", ""), ("H265", "")],
)
def test_renditions_have_the_streams_codec_where_it_is_cheap(
    source: str, target: str
) -> None:
    assert target_codec(source) == target


def test_what_the_fewest_watch_goes_first() -> None:
    assert lowest_value({480: 3, 360: 1, 240: 2}) == 360


def test_among_equals_the_costliest_goes_first() -> None:
    assert lowest_value({240: 1, 480: 1, 360: 1}) == 480
