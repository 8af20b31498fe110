from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from streams import services
from streams.clock import to_ms
from streams.models import Application, Broadcast, LiveSession
from streams.services import SocketInfo, catalogue
from streams.services.catalogue import ListRequest
from streams.signals import endings_wanted
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

EVERYTHING = slice(0, 50)


def test_the_date_of_registration_is_that_of_the_clock(
    application: Application, clock: TurnableClock
) -> None:
    made = catalogue.create_broadcast(application, {}, clock)

    assert made["date"] == to_ms(clock.now)


def test_an_id_that_was_taken_meanwhile_is_in_use(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second is refused, though it looked free when it came."""
    checked = catalogue.validate_broadcast

    def check_slowly(row: Broadcast, changed: Any) -> None:
        checked(row, changed)
        Broadcast.objects.create(application=application, stream_id="cam", name="1st")

    monkeypatch.setattr(catalogue, "validate_broadcast", check_slowly)

    with pytest.raises(ValidationError) as refused:
        catalogue.create_broadcast(application, {"stream_id": "cam", "name": "2nd"})

    assert refused.value.message_dict == {"stream_id": ["This id is in use."]}
    assert Broadcast.objects.get().name == "1st"


@pytest.mark.parametrize("name", ["planned_start_date", "planned_end_date"])
@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 2**70])
def test_dates_are_those_that_people_can_be_shown(
    application: Application, name: str, seconds: int
) -> None:
    with pytest.raises(ValidationError) as refused:
        catalogue.create_broadcast(application, {name: seconds})

    assert name in refused.value.message_dict
    assert not Broadcast.objects.exists()


def test_a_change_does_not_undo_what_happened_meanwhile(
    application: Application,
) -> None:
    """A report arrives between the look at the row and its change."""
    Broadcast.objects.create(application=application, stream_id="cam", bitrate=1)

    class Values(dict[str, Any]):
        def items(self) -> Any:
            Broadcast.objects.update(bitrate=2)
            return super().items()

    assert catalogue.change_broadcast(application.pk, "cam", Values(name="new"))
    row = Broadcast.objects.get()
    assert (row.name, row.bitrate) == ("new", 2)


def test_a_change_of_nothing_finds_the_stream(application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    assert catalogue.change_broadcast(application.pk, "cam", {})
    assert not catalogue.change_broadcast(application.pk, "unknown", {})


def test_a_row_that_was_bad_before_can_be_changed_elsewhere(
    application: Application,
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="cam", listener_hook_url="not a url"
    )

    assert catalogue.change_broadcast(application.pk, "cam", {"name": "new"})


@pytest.mark.parametrize("stream_id", ["", "nul\0", "half \ud83d", "a b", "x" * 129])
def test_what_no_stream_is_called_is_unknown(
    application: Application, stream_id: str
) -> None:
    with at_most(0):
        assert catalogue.find_broadcast(application.pk, stream_id) is None
        assert not catalogue.known(application.pk, stream_id).exists()
    assert not catalogue.change_broadcast(application.pk, stream_id, {"name": "x"})
    assert (
        catalogue.stop_broadcast(application.pk, stream_id, stop_subtracks=True) is None
    )
    assert not catalogue.delete_broadcasts(
        application.pk, [stream_id], delete_subtracks=True
    )


def test_a_status_is_sorted_as_it_is_shown(
    application: Application, clock: TurnableClock
) -> None:
    fresh = to_ms(clock.now - timedelta(seconds=20))
    for stream_id, virtual, update_time in (
        ("fresh", False, fresh),
        ("stale", False, fresh - 1),
        ("room", True, 0),
    ):
        Broadcast.objects.create(
            application=application,
            stream_id=stream_id,
            status="broadcasting",
            virtual=virtual,
            update_time=update_time,
        )

    wanted = ListRequest(sort_by="status", descending=True)
    found = catalogue.list_broadcasts(application.pk, wanted, EVERYTHING, clock)

    assert [row["streamId"] for row in found] == ["stale", "room", "fresh"]


def test_an_empty_list_costs_one_query(application: Application) -> None:
    with at_most(1):
        assert (
            catalogue.list_broadcasts(application.pk, ListRequest(), EVERYTHING) == []
        )


def test_a_stop_counts_the_publishers_that_end(
    live: Publish,
    play: Play,
    application: Application,
    alice: SocketInfo,
    bob: SocketInfo,
    django_capture_on_commit_callbacks: Any,
) -> None:
    Broadcast.objects.create(application=application, stream_id="room", virtual=True)
    live(alice, "one", main_track="room")
    live(alice, "two", main_track="room")
    play(bob, "one")
    told: list[object] = []

    def tell(**_: object) -> None:
        told.append(None)

    endings_wanted.connect(tell)
    try:
        with django_capture_on_commit_callbacks(execute=True), at_most(3):
            ended = catalogue.stop_broadcast(
                application.pk, "room", stop_subtracks=True
            )
    finally:
        endings_wanted.disconnect(tell)

    assert (ended, len(told)) == (2, 1)
    marked = LiveSession.objects.exclude(ending="").values_list("stream_id", "role")
    assert sorted(marked) == [("one", "publish"), ("two", "publish")]


def test_a_deletion_costs_the_same_however_many_there_are(
    application: Application,
) -> None:
    Broadcast.objects.bulk_create(
        Broadcast(application=application, stream_id=f"s{number}")
        for number in range(100)
    )

    # Which there are, subtracks, who is in rooms, the rows, their publishers.
    with at_most(5):
        deleted = catalogue.delete_broadcasts(
            application.pk,
            [f"s{number}" for number in range(100)],
            delete_subtracks=True,
        )

    assert len(deleted) == 100
    assert not Broadcast.objects.exists()


def test_who_publishes_a_deleted_stream_leaves_nothing_behind(
    application: Application, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    session = live(alice).session

    catalogue.delete_broadcasts(application.pk, ["cam"], delete_subtracks=True)
    services.close_session(session, clock=clock)

    assert not Broadcast.objects.exists()
    assert not LiveSession.objects.exists()
