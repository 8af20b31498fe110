from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from streams.forms import BroadcastForm
from streams.models import Application, Broadcast
from streams.names import is_stream_id


@pytest.fixture
def typed(application: Application) -> dict[str, Any]:
    return {
        "application": application.pk,
        "stream_id": "cam",
        "expire_duration_ms": 0,
        "viewer_limit": -1,
        "subtracks_limit": -1,
    }


def test_it_registers_a_stream(typed: dict[str, Any]) -> None:
    saved = BroadcastForm(typed).save()

    assert (saved.stream_id, saved.status, saved.zombi) == ("cam", "created", False)


def test_it_makes_an_id_where_none_is_given(typed: dict[str, Any]) -> None:
    saved = BroadcastForm({**typed, "stream_id": ""}).save()

    assert len(saved.stream_id) == 24
    assert is_stream_id(saved.stream_id)


@pytest.mark.parametrize("stream_id", ["a b", "a/b", "x" * 129])
def test_it_rejects_bad_ids(typed: dict[str, Any], stream_id: str) -> None:
    form = BroadcastForm({**typed, "stream_id": stream_id})

    assert form.errors.keys() == {"stream_id"}


def test_it_rejects_an_id_that_the_application_has(typed: dict[str, Any]) -> None:
    BroadcastForm(typed).save()

    form = BroadcastForm(typed)

    assert not form.is_valid()
    assert "that stream id already" in str(form.errors)


def dates(start: str = "", end: str = "") -> dict[str, str]:
    found = {}
    for name, text in (("planned_start", start), ("planned_end", end)):
        found[f"{name}_0"], _, found[f"{name}_1"] = text.partition(" ")
    return found


def test_planned_dates_are_kept_in_seconds_and_shown_again(
    typed: dict[str, Any],
) -> None:
    form = BroadcastForm(
        {**typed, **dates("2026-03-01 12:00:00", "2026-03-01 13:30:00")}
    )

    saved = form.save()

    assert saved.planned_start_date == 1_772_366_400
    assert saved.planned_end_date == 1_772_366_400 + 5400
    again = BroadcastForm(instance=saved)
    assert again.initial["planned_start"].isoformat() == "2026-03-01T12:00:00"
    assert again.initial["time_zone"] == "UTC"


def test_planned_dates_can_be_taken_away(typed: dict[str, Any]) -> None:
    saved = BroadcastForm(
        {**typed, **dates("2026-03-01 12:00:00", "2026-03-01 13:30:00")}
    ).save()

    BroadcastForm({**typed, **dates()}, instance=saved).save()

    row = Broadcast.objects.get()
    assert (row.planned_start_date, row.planned_end_date) == (0, 0)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2026-03-01 12:00:00", "", "planned_end"),
        ("", "2026-03-01 12:00:00", "planned_start"),
        ("2026-03-01 12:00:00", "2026-03-01 12:00:00", "planned_end"),
        ("2026-03-01 12:00:00", "2026-02-01 12:00:00", "planned_end"),
        ("2026-03-01 noon", "2026-03-02 12:00:00", "planned_start"),
    ],
)
def test_it_rejects_dates_without_effect(
    typed: dict[str, Any], start: str, end: str, field: str
) -> None:
    form = BroadcastForm({**typed, **dates(start, end)})

    assert form.errors.keys() == {field}


def test_dates_are_of_the_zone_that_is_chosen(typed: dict[str, Any]) -> None:
    berlin = {"time_zone": "Europe/Berlin"}
    wall = dates("2026-03-01 13:00:00", "2026-03-01 14:30:00")

    saved = BroadcastForm({**typed, **wall, **berlin}).save()

    assert saved.planned_start_date == 1_772_366_400
    with timezone.override("Asia/Kolkata"):
        again = BroadcastForm(instance=saved)
    assert again.initial["planned_start"].isoformat() == "2026-03-01T17:30:00"
    assert again.initial["time_zone"] == "Asia/Kolkata"


def test_dates_that_are_kept_are_no_change(typed: dict[str, Any]) -> None:
    wall = dates("2026-03-01 12:00:00", "2026-03-01 13:30:00")
    saved = BroadcastForm({**typed, **wall}).save()

    sent = {**typed, **wall, "time_zone": "UTC", "name": "New"}
    again = BroadcastForm(sent, instance=saved)

    assert again.is_valid()
    assert again.changed_data == ["name"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("2026-03-29 02:30:00", "does not exist in Europe/Berlin"),
        ("2026-10-25 02:30:00", "is there twice in Europe/Berlin"),
        ("9999-12-31 23:59:59", ""),
    ],
)
def test_it_rejects_times_that_clocks_do_not_show_once(
    typed: dict[str, Any], end: str, reason: str
) -> None:
    zone = "America/New_York" if end.startswith("9999") else "Europe/Berlin"
    form = BroadcastForm(
        {**typed, **dates("2026-03-01 12:00:00", end), "time_zone": zone}
    )

    assert form.errors.keys() == {"planned_end"}
    assert reason in str(form.errors)


def test_an_unknown_zone_is_refused(typed: dict[str, Any]) -> None:
    form = BroadcastForm({**typed, "time_zone": "../../etc/passwd"})

    assert form.errors.keys() == {"time_zone"}


@pytest.mark.parametrize("instant", [1_792_888_200, 1_792_891_800])
def test_a_date_that_clocks_show_twice_is_kept_as_it_is(
    typed: dict[str, Any], application: Application, instant: int
) -> None:
    """02:30 of 25 October 2026 in Berlin, before and after clocks are put back."""
    row = Broadcast.objects.create(
        application=application,
        stream_id="cam",
        planned_start_date=instant,
        planned_end_date=instant + 86_400,
    )
    dates = {
        "time_zone": "Europe/Berlin",
        "planned_start_0": "2026-10-25",
        "planned_start_1": "02:30:00",
        "planned_end_0": "2026-10-26",
        "planned_end_1": "01:30:00" if instant == 1_792_888_200 else "02:30:00",
    }

    with timezone.override("Europe/Berlin"):
        form = BroadcastForm({**typed, **dates, "name": "Lobby"}, instance=row)
        saved = form.save()

    assert (saved.name, saved.planned_start_date) == ("Lobby", instant)
    assert form.changed_data == ["name"]
    again = BroadcastForm({**typed, **dates, "planned_start_1": "02:31"}, instance=row)
    assert "twice" in again.errors["planned_start"][0]
