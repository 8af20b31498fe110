from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.forms.zones import is_zone, read_local, zone_names

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("typed", "instant"),
    [
        (datetime(2026, 3, 29, 1, 59, 59), datetime(2026, 3, 29, 0, 59, 59)),
        (datetime(2026, 3, 29, 3, 0), datetime(2026, 3, 29, 1, 0)),
        (datetime(2026, 10, 25, 1, 59, 59), datetime(2026, 10, 24, 23, 59, 59)),
        (datetime(2026, 10, 25, 3, 0), datetime(2026, 10, 25, 2, 0)),
    ],
)
def test_it_reads_the_times_around_a_change_of_clocks(
    typed: datetime, instant: datetime
) -> None:
    assert read_local(typed, BERLIN) == instant.replace(tzinfo=UTC)


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_it_refuses_what_is_skipped_and_what_is_twice(minute: int) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_local(datetime(2026, 3, 29, 2, minute), BERLIN)
    with pytest.raises(ValueError, match="twice"):
        read_local(datetime(2026, 10, 25, 2, minute), BERLIN)


def test_people_choose_from_cities_and_utc() -> None:
    assert zone_names()[0] == "UTC"
    assert is_zone("Europe/Istanbul")
    assert not is_zone("posixrules")
    assert not is_zone("Etc/GMT+3")  # three hours west, which nobody expects
    assert not is_zone(None)
