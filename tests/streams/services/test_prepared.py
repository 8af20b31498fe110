"""A prepared query finds what its queryset finds, as it finds it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model, Q

from streams.models import Application, Broadcast, LiveSession
from streams.services.lookups import find_application, find_broadcasts, find_sessions
from streams.services.prepared import Prepared
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


def fields_of(row: Model) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
    }


def test_a_row_has_the_same_values_as_by_its_queryset(
    application: Application, clock: TurnableClock
) -> None:
    """Truths, times and JSON among them, which a database may keep as others."""
    Broadcast.objects.create(
        application=application,
        stream_id="cam",
        virtual=True,
        encoder_settings=[{"height": 480}],
    )
    session = LiveSession.objects.create(
        id="a" * 32,
        application=application,
        stream_id="cam",
        role="publish",
        state="live",
        relay="relay-1",
        started_at=clock(),
        parked_until=clock() + timedelta(seconds=1),
    )
    found, _ = find_sessions(application, "cam", "channel")
    broadcast = find_broadcasts(application, "cam")["cam"]
    again = find_application("LiveApp")

    assert found is not None
    assert again is not None
    assert fields_of(found) == fields_of(LiveSession.objects.get(pk=session.pk))
    assert fields_of(broadcast) == fields_of(Broadcast.objects.get())
    assert fields_of(again) == fields_of(Application.objects.get(name="LiveApp"))
    assert again == application


def test_a_row_can_be_changed_and_saved(application: Application) -> None:
    row = find_application("LiveApp")
    assert row is not None
    row.suspended = True
    row.save()

    application.refresh_from_db()
    assert application.suspended


def test_it_runs_again_with_other_values(application: Application) -> None:
    for name in ("cam", "hall"):
        Broadcast.objects.create(application=application, stream_id=name)
    other = Application.objects.get(name="WebRTCAppEE")

    assert set(find_broadcasts(application, "cam")) == {"cam"}
    assert set(find_broadcasts(application, "hall")) == {"hall"}
    assert set(find_broadcasts(application, "cam", "hall")) == {"cam", "hall"}
    assert find_broadcasts(other, "cam") == {}
    assert find_application("Nowhere") is None


@pytest.mark.parametrize("text", ["§a", "-901", "' OR 1=1 --", "%s", "é\n"])
def test_a_value_is_only_a_value(application: Application, text: str) -> None:
    find = Prepared(
        lambda name: Application.objects.filter(Q(name=name), suspended=False), "§a"
    )
    assert find(text) == []
    Application.objects.filter(pk=application.pk).update(name=text)
    assert [row.pk for row in find(text)] == [application.pk]


def test_constants_of_the_query_stay(
    live: Publish, play: Play, alice: Any, bob: Any, application: Application
) -> None:
    live(alice)
    play(bob)

    publisher, earlier = find_sessions(application, "cam", bob.channel)
    assert publisher is not None
    assert earlier is not None
    assert (publisher.role, earlier.role) == ("publish", "play")
    publisher, earlier = find_sessions(application, "cam", "another channel")
    assert publisher is not None
    assert earlier is None


def test_it_is_one_query(application: Application) -> None:
    with at_most(1):
        find_application("LiveApp")
