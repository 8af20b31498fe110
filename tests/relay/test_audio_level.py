"""Who is loud and who speaks, by the audio-level extension alone."""

from __future__ import annotations

from relay.audio_level import (
    SILENCE,
    STEPS_TO_SPEAK,
    STEPS_TO_STOP,
    LevelMeter,
)


def step(meter: LevelMeter, level: int | None, times: int = 1) -> None:
    for _ in range(times):
        if level is not None:
            for _ in range(10):
                meter.add(level)
        meter.step()


def test_it_is_silent_at_first_and_without_packets() -> None:
    meter = LevelMeter()
    assert meter.level == SILENCE
    step(meter, 30, 20)
    step(meter, None, 50)
    assert meter.level == SILENCE
    assert not meter.speaks


def test_the_level_follows_smoothly_and_ignores_the_voice_bit() -> None:
    meter = LevelMeter()
    step(meter, 0x80 | 30)
    assert 30 < meter.level < SILENCE
    step(meter, 0x80 | 30, 30)
    assert meter.level == 30


def test_one_loud_moment_makes_no_speaker() -> None:
    meter = LevelMeter()
    step(meter, 0)
    step(meter, 127, 5)
    assert not meter.speaks


def test_who_goes_on_speaks_and_a_pause_for_breath_does_not_end_it() -> None:
    meter = LevelMeter()
    step(meter, 20, 3 + STEPS_TO_SPEAK)
    assert meter.speaks
    step(meter, 127, STEPS_TO_STOP // 2)
    assert meter.speaks
    step(meter, 127, STEPS_TO_STOP)
    assert not meter.speaks


def test_noise_is_no_speech() -> None:
    meter = LevelMeter()
    step(meter, 75, 50)
    assert not meter.speaks
