from __future__ import annotations

import pytest

from streams.models import Application, Broadcast, WebhookDelivery
from streams.services import SocketInfo, rooms
from tests.streams.conftest import Publish, TurnableClock, at_most

EVERYTHING = slice(0, 50)


@pytest.fixture
def room(application: Application) -> Broadcast:
    return Broadcast.objects.create(
        application=application, stream_id="room", virtual=True
    )


def register(application: Application, stream_id: str, main: str = "") -> None:
    Broadcast.objects.create(
        application=application, stream_id=stream_id, main_track_stream_id=main
    )


def test_a_room_lasts_an_hour_by_the_clock(
    application: Application, clock: TurnableClock
) -> None:
    now_s = int(clock.now.timestamp())

    made = rooms.create_room(application, {}, clock)
    past = rooms.create_room(application, {"planned_start_date": 5}, clock)

    assert (made["startDate"], made["endDate"]) == (now_s, now_s + 3600)
    assert (past["startDate"], past["endDate"]) == (5, now_s + 3600)


def test_who_is_connecting_has_a_place(
    room: Broadcast, publish: Publish, alice: SocketInfo
) -> None:
    """As for publishers that come by WebSocket: two take no one place."""
    Broadcast.objects.filter(pk=room.pk).update(subtracks_limit=1)
    publish(alice, "one", main_track="room")
    register(room.application, "two")

    with pytest.raises(rooms.NotPossibleError, match="limit"):
        rooms.add_subtrack(room.application_id, "room", "two")


def test_entering_a_room_costs_few_queries(room: Broadcast) -> None:
    register(room.application, "cam")

    with at_most(4):  # the room, the stream, its publisher, its change
        rooms.add_subtrack(room.application_id, "room", "cam")


@pytest.mark.parametrize("main", ["", "unknown", "nul\0"])
def test_a_stream_without_a_room_is_in_none(
    application: Application, main: str
) -> None:
    register(application, "cam")

    with pytest.raises(rooms.NotPossibleError):
        rooms.remove_subtrack(application.pk, main, "cam")
    with pytest.raises(rooms.NotPossibleError):
        rooms.add_subtrack(application.pk, main, "cam")


HOOK = "https://hooks.example/"


def told() -> list[tuple[str, str, str]]:
    """Action, stream and room of each webhook that waits, in their order."""
    rows = WebhookDelivery.objects.filter(url=HOOK).order_by("pk")
    return [(row.action, row.stream_id, row.body.get("roomId", "")) for row in rows]


def test_webhooks_are_told_of_a_live_stream_that_enters_and_leaves(
    room: Broadcast, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    register(room.application, "second")
    live(alice)
    Broadcast.objects.exclude(stream_id="cam").update(listener_hook_url=HOOK)

    rooms.add_subtrack(room.application_id, "room", "cam", clock)
    entered = told()
    rooms.add_subtrack(room.application_id, "second", "cam", clock)
    moved = told()[len(entered) :]
    rooms.remove_subtrack(room.application_id, "second", "cam", clock)
    left = told()[len(entered) + len(moved) :]

    assert entered == [
        ("subtrackAddedInTheMainTrack", "cam", "room"),
        ("firstActiveTrackAddedInMainTrack", "cam", "room"),
    ]
    assert moved == [
        ("subtrackLeftTheMainTrack", "cam", "room"),
        ("noActiveSubtracksLeftInMainTrack", "room", "room"),
        ("subtrackAddedInTheMainTrack", "cam", "second"),
        ("firstActiveTrackAddedInMainTrack", "cam", "second"),
    ]
    assert left == [
        ("subtrackLeftTheMainTrack", "cam", "second"),
        ("noActiveSubtracksLeftInMainTrack", "second", "second"),
    ]


def test_webhooks_are_told_nothing_of_a_stream_that_is_not_live(
    room: Broadcast,
) -> None:
    Broadcast.objects.update(listener_hook_url=HOOK)
    register(room.application, "cam")

    rooms.add_subtrack(room.application_id, "room", "cam")
    rooms.remove_subtrack(room.application_id, "room", "cam")

    assert told() == []


def test_subtracks_cost_the_same_however_many_there_are(
    room: Broadcast, live: Publish, alice: SocketInfo
) -> None:
    for number in range(20):
        live(alice, f"s{number}", main_track="room")

    with at_most(3):  # the room, its subtracks, theirs
        found = rooms.list_subtracks(
            room.application_id, "room", "", EVERYTHING, active=True
        )

    assert found is not None
    assert len(found) == 20


def test_rooms_cost_the_same_however_many_there_are(application: Application) -> None:
    for number in range(20):
        Broadcast.objects.create(
            application=application, stream_id=f"r{number}", virtual=True
        )
        register(application, f"s{number}", f"r{number}")

    with at_most(2):
        found = rooms.list_rooms(application.pk, EVERYTHING)

    assert [room["roomStreamList"] for room in found] == [
        [f"s{number}"] for number in range(20)
    ]
