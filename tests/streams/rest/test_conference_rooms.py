"""The conference rooms of 2.x by REST (contract 7.2, 8)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from streams.models import Application, Broadcast, LiveSession
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.serializers import RoomInfoSerializer, RoomSerializer
from streams.services import SocketInfo
from tests.streams.conftest import Publish, at_most
from tests.streams.rest.conftest import Caller

ROOMS = "broadcasts/conference-rooms"
FAR = 9_000_000_000  # seconds: the end of a room that is open now


@pytest.fixture
def room(application: Application) -> Broadcast:
    return Broadcast.objects.create(
        application=application,
        stream_id="room",
        virtual=True,
        planned_start_date=1000,
        planned_end_date=FAR,
    )


@pytest.fixture
def camera(application: Application) -> Broadcast:
    """A stream, which is no room."""
    return Broadcast.objects.create(
        application=application, stream_id="cam", name="Door"
    )


@pytest.mark.parametrize("path", [ROOMS, f"{ROOMS}/"])
def test_a_room_lasts_an_hour_from_now(writer: Caller, path: str) -> None:
    before = int(time.time())

    response = writer.post(path, {"roomId": "room"})

    after = int(time.time())
    assert response.status_code == 200
    made = response.json()
    assert before <= made["startDate"] <= after
    assert made["endDate"] == made["startDate"] + 3600
    assert made == {
        "roomId": "room",
        "startDate": made["startDate"],
        "endDate": made["endDate"],
        "roomStreamList": [],
        "mode": "legacy",
        "originAdress": None,
    }
    row = Broadcast.objects.get()
    assert (row.virtual, row.zombi, row.status) == (True, False, "created")
    assert (row.planned_start_date, row.planned_end_date) == (
        made["startDate"],
        made["endDate"],
    )
    assert writer.get(f"{ROOMS}/room").json() == made


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ({"startDate": 1000, "endDate": 2000}, 1000, 2000),
        ({"startDate": 4_000_000_000}, 4_000_000_000, 4_000_003_600),
        ({"startDate": 4_000_000_000, "endDate": 0}, 4_000_000_000, 4_000_003_600),
    ],
)
def test_a_room_has_the_dates_it_is_given(
    writer: Caller, said: dict[str, int], start: int, end: int
) -> None:
    made = writer.post(ROOMS, {"roomId": "room", "mode": "multitrack", **said}).json()

    assert (made["startDate"], made["endDate"]) == (start, end)


@pytest.mark.parametrize("body", [None, {}, {"roomId": None}, {"roomId": ""}])
def test_a_room_without_an_id_gets_one(writer: Caller, body: Any) -> None:
    made = writer.post(ROOMS, body).json()

    assert len(made["roomId"]) == 24
    assert Broadcast.objects.get().stream_id == made["roomId"]


@pytest.mark.usefixtures("room", "camera")
@pytest.mark.parametrize("used", ["room", "cam"])
def test_it_refuses_an_id_in_use(writer: Caller, used: str) -> None:
    response = writer.post(ROOMS, {"roomId": used})

    assert response.status_code == 400
    assert response.json()["message"] == "roomId: This id is in use."
    assert Broadcast.objects.count() == 2


BAD = [
    ("startDate", -1),
    ("startDate", "soon"),
    ("startDate", [1]),
    ("endDate", 10**40),
    ("endDate", 253_402_300_800),
    ("mode", "mcu"),
    ("mode", ["legacy"]),
    ("mode", "half \ud83d"),
]


@pytest.mark.parametrize(
    ("name", "value"), [*BAD, ("roomId", "a b"), ("roomId", []), ("roomId", "\0")]
)
def test_it_makes_no_room_of_a_bad_value(writer: Caller, name: str, value: Any) -> None:
    response = writer.post(ROOMS, {"roomId": "room", name: value})

    assert response.status_code == 400
    assert name in response.json()["message"]
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_change_with_a_bad_value_changes_nothing(
    writer: Caller, room: Broadcast, name: str, value: Any
) -> None:
    before = Broadcast.objects.values().get()

    response = writer.put(f"{ROOMS}/room", {"startDate": 5, name: value})

    assert response.status_code == 400
    assert name in response.json()["message"]
    assert Broadcast.objects.values().get() == before


def test_a_room_does_not_end_before_it_starts(writer: Caller, room: Broadcast) -> None:
    made = writer.post(ROOMS, {"roomId": "new", "startDate": 2, "endDate": 1})
    changed = writer.put(f"{ROOMS}/room", {"endDate": 999})

    assert (made.status_code, changed.status_code) == (400, 400)
    assert "endDate" in made.json()["message"]
    assert Broadcast.objects.get().planned_end_date == FAR


def test_a_rooms_dates_can_change(writer: Caller, room: Broadcast) -> None:
    said = {
        "roomId": "other",
        "startDate": 0,  # what a Java client sends for nothing
        "endDate": 3000,
        "roomStreamList": ["x"],
    }

    response = writer.put(f"{ROOMS}/room", said)

    assert response.status_code == 200
    assert response.json() == writer.get(f"{ROOMS}/room").json()
    assert (response.json()["roomId"], response.json()["endDate"]) == ("room", 3000)
    assert response.json()["startDate"] == 1000
    assert response.json()["roomStreamList"] == []


def test_what_is_no_room_is_not_shown_as_one(writer: Caller, camera: Broadcast) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    Broadcast.objects.create(application=other, stream_id="far", virtual=True)

    for name in ("cam", "far", "unknown", "a%20b"):
        shown = writer.get(f"{ROOMS}/{name}")
        info = writer.get(f"{ROOMS}/{name}/room-info")
        changed = writer.put(f"{ROOMS}/{name}", {"endDate": 5})
        deleted = writer.delete(f"{ROOMS}/{name}")

        assert (shown.status_code, shown.content) == (404, b"")
        assert (info.status_code, info.content) == (404, b"")
        assert changed.status_code == 400
        assert changed.json()["message"] == "Room not found"
        assert deleted.json()["message"] == "Room not found"
    assert Broadcast.objects.count() == 2
    assert writer.get(f"{ROOMS}/list/0/10").json() == []


def test_it_lists_rooms_by_pages(
    reader: Caller, application: Application, camera: Broadcast
) -> None:
    for name in ("b", "a", "c"):
        Broadcast.objects.create(application=application, stream_id=name, virtual=True)
    Broadcast.objects.create(
        application=application, stream_id="sub", main_track_stream_id="a"
    )

    shown = reader.get(f"{ROOMS}/list/0/10").json()
    with at_most(4):  # the application, the key, the rooms, their streams
        page = reader.get(f"{ROOMS}/list/1/1").json()

    assert [room["roomId"] for room in shown] == ["b", "a", "c"]
    assert page == [shown[1]]
    assert page[0]["roomStreamList"] == ["sub"]


def test_a_stream_enters_a_room_and_leaves_it(
    writer: Caller, room: Broadcast, camera: Broadcast
) -> None:
    entered = writer.put(f"{ROOMS}/room/cam").json()
    inside = writer.get(f"{ROOMS}/room").json()["roomStreamList"]
    left = writer.delete(f"{ROOMS}/room/cam").json()
    again = writer.delete(f"{ROOMS}/room/cam").json()

    assert (entered["success"], left["success"]) == (True, True)
    assert inside == ["cam"]
    assert again["success"] is False
    assert writer.get(f"{ROOMS}/room").json()["roomStreamList"] == []


def test_streams_enter_rooms_only(
    writer: Caller, application: Application, room: Broadcast, camera: Broadcast
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="sub", main_track_stream_id="cam"
    )
    before = list(Broadcast.objects.values())

    for method, path in (
        ("PUT", "cam/sub"),
        ("DELETE", "cam/sub"),
        ("PUT", "unknown/cam"),
        ("DELETE", "unknown/cam"),
        ("PUT", "room/unknown"),
        ("PUT", "room/room"),
    ):
        response = writer(method, f"{ROOMS}/{path}")
        assert (response.status_code, response.json()["success"]) == (200, False)
    assert list(Broadcast.objects.values()) == before


def test_room_info_names_who_is_live_without_who_asks(
    reader: Caller, room: Broadcast, live: Publish, alice: SocketInfo
) -> None:
    live(alice, "one", main_track="room", name="One")
    live(alice, "two", main_track="room")
    live(alice, "elsewhere")
    Broadcast.objects.create(
        application=room.application, stream_id="idle", main_track_stream_id="room"
    )

    everyone = reader.get(f"{ROOMS}/room/room-info").json()
    others = reader.get(f"{ROOMS}/room/room-info?streamId=one").json()

    assert everyone == {
        "roomId": "room",
        "streamDetailsMap": {"one": "One", "two": ""},
        "startDate": 1000,
        "endDate": FAR,
    }
    assert others["streamDetailsMap"] == {"two": ""}


@pytest.mark.parametrize(
    ("query", "left"),
    [("", {"one": ""}), ("?deleteSubtracks=false", {"one": ""})],
)
def test_streams_outlive_their_conference_room(
    writer: Caller,
    room: Broadcast,
    live: Publish,
    alice: SocketInfo,
    query: str,
    left: dict[str, str],
) -> None:
    live(alice, "one", main_track="room")

    assert writer.delete(f"{ROOMS}/room{query}").json()["success"] is True
    rows = Broadcast.objects.values_list("stream_id", "main_track_stream_id")
    assert dict(rows) == left
    assert LiveSession.objects.get().ending == ""


def test_a_conference_room_takes_its_streams_along_if_asked(
    writer: Caller, room: Broadcast, live: Publish, alice: SocketInfo
) -> None:
    live(alice, "one", main_track="room")

    deleted = writer.delete(f"{ROOMS}/room?deleteSubtracks=true").json()

    assert deleted["success"] is True
    assert not Broadcast.objects.exists()
    assert LiveSession.objects.get().ending == "stopped"


def test_the_examples_are_what_is_answered() -> None:
    for serializer, example in (
        (RoomSerializer, examples.ROOM),
        (RoomInfoSerializer, examples.ROOM_INFO),
    ):
        assert example.keys() == serializer().fields.keys()
        assert serializer(data=example).is_valid()


def test_a_stream_called_conference_rooms_keeps_its_measures(
    reader: Caller, application: Application
) -> None:
    """`conference-rooms/NAME` is a room; the longer path is not."""
    Broadcast.objects.create(application=application, stream_id="conference-rooms")

    assert reader.get(f"{ROOMS}/stream-info").status_code == 404
    assert reader.get(f"{ROOMS}/webrtc-client-stats/0/5").json() == []
