from __future__ import annotations

from typing import Any

import pytest

from streams.forms import BroadcastForm
from streams.models import Application, Broadcast
from streams.names import is_stream_id


@pytest.fixture
def typed(application: Application) -> dict[str, Any]:
    return {
        "application": application.pk,
        "stream_id": "cam",
        "expire_duration_ms": 0,
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
    assert again.initial["planned_start"].isoformat() == "2026-03-01T12:00:00+00:00"


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
