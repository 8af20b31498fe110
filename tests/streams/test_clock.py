from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from streams.clock import from_ms, now_ms, to_ms


def test_milliseconds_and_moments_are_the_same_time() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)

    assert to_ms(moment) == 1_772_366_400_123
    assert from_ms(to_ms(moment)) == moment


def test_now_is_in_milliseconds() -> None:
    assert abs(from_ms(now_ms()) - timezone.now()) < timedelta(minutes=1)
