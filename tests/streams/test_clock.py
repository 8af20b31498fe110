from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from streams.clock import from_ms, from_s, now_ms, to_ms


def test_milliseconds_and_moments_are_the_same_time() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)

    assert to_ms(moment) == 1_772_366_400_123
    assert from_ms(to_ms(moment)) == moment


def test_a_moment_that_no_calendar_has_is_the_last_of_every_zone() -> None:
    for milliseconds in (2**62, to_ms(datetime(9999, 12, 31, 23, tzinfo=UTC))):
        moment = from_ms(milliseconds)
        assert moment == datetime(9999, 12, 30, tzinfo=UTC)
        assert moment.astimezone(ZoneInfo("Pacific/Kiritimati")).day == 30
    assert from_ms(-(2**62)) == datetime(1970, 1, 1, tzinfo=UTC)
    assert from_s(60) == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


def test_now_is_in_milliseconds() -> None:
    assert abs(from_ms(now_ms()) - timezone.now()) < timedelta(minutes=1)
