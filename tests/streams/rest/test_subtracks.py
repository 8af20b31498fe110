"""Subtracks of a main track by REST (contract 8)."""

from __future__ import annotations

import pytest

from streams import services
from streams.models import Application, Broadcast
from streams.services import SocketInfo
from tests.streams.conftest import Publish, TurnableClock
from tests.streams.rest.conftest import Caller


@pytest.fixture
def room(application: Application) -> Broadcast:
    return Broadcast.objects.create(
        application=application, stream_id="room", virtual=True
    )


def register(application: Application, *stream_ids: str, main: str = "") -> None:
    for stream_id in stream_ids:
        Broadcast.objects.create(
            application=application, stream_id=stream_id, main_track_stream_id=main
        )


def mains() -> dict[str, str]:
    rows = Broadcast.objects.exclude(stream_id="room")
    return dict(rows.values_list("stream_id", "main_track_stream_id"))


@pytest.fixture
def members(
    room: Broadcast, live: Publish, publish: Publish, alice: SocketInfo
) -> None:
    """Live: a speaker, b listener; c is connecting, d is not there."""
    live(alice, "a", main_track="room", role="speaker")
    live(alice, "b", main_track="room", role="listener")
    publish(alice, "c", main_track="room", role="speaker")
    register(room.application, "d", main="room")
    register(room.application, "e", main="elsewhere")


def ids(caller: Caller, path: str) -> str:
    response = caller.get(f"broadcasts/{path}")
    assert response.status_code == 200
    return "".join(shown["streamId"] for shown in response.json())


def test_a_stream_enters_a_room_and_leaves_it(writer: Caller, room: Broadcast) -> None:
    register(room.application, "cam", "other")

    assert writer.post("broadcasts/room/subtrack?id=cam").json()["success"] is True
    assert mains() == {"cam": "room", "other": ""}
    shown = writer.get("broadcasts/room").json()
    assert shown["subTrackStreamIds"] == ["cam"]
    assert writer.get("broadcasts/cam").json()["mainTrackStreamId"] == "room"

    assert writer.delete("broadcasts/room/subtrack?id=cam").json()["success"] is True
    assert mains() == {"cam": "", "other": ""}


def test_a_stream_is_in_one_room(writer: Caller, room: Broadcast) -> None:
    register(room.application, "second")
    register(room.application, "cam", main="room")

    assert writer.post("broadcasts/second/subtrack?id=cam").json()["success"] is True
    assert mains()["cam"] == "second"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("room/subtrack?id=unknown", "Subtrack not found"),
        ("room/subtrack?id=", "Subtrack not found"),
        ("room/subtrack?id=a%20b", "Subtrack not found"),
        ("room/subtrack", "Subtrack not found"),
        ("unknown/subtrack?id=cam", "Main track not found"),
        ("a%20b/subtrack?id=cam", "Main track not found"),
        ("room/subtrack?id=room", "A stream cannot be its own subtrack"),
        ("room/subtrack?id=far", "Subtrack not found"),
    ],
)
def test_both_are_there_or_nothing_changes(
    writer: Caller, room: Broadcast, path: str, message: str
) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    register(room.application, "cam")
    register(other, "far")
    before = list(Broadcast.objects.values())

    response = writer.post(f"broadcasts/{path}")

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["message"] == message
    assert list(Broadcast.objects.values()) == before


@pytest.mark.parametrize(
    "path",
    [
        "room/subtrack?id=cam",
        "room/subtrack?id=unknown",
        "room/subtrack",
        "room/subtrack?id=far",
        "second/subtrack?id=room",
        "/subtrack?id=cam",
    ],
)
def test_who_is_not_in_the_room_does_not_leave_it(
    writer: Caller, room: Broadcast, path: str
) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    register(room.application, "cam", main="second")
    register(other, "far", main="room")
    before = list(Broadcast.objects.values())

    response = writer.delete(f"broadcasts/{path}")

    assert response.status_code == (404 if path.startswith("/") else 200)
    if response.status_code == 200:
        assert response.json()["success"] is False
    assert list(Broadcast.objects.values()) == before


def test_the_limit_counts_those_who_are_active(
    writer: Caller,
    room: Broadcast,
    live: Publish,
    alice: SocketInfo,
) -> None:
    """testAddSubtrackWhenThereIsALimit (contract 9)."""
    Broadcast.objects.filter(pk=room.pk).update(subtracks_limit=1)
    register(room.application, "idle", main="room")
    register(room.application, "cam", "late")

    first = writer.post("broadcasts/room/subtrack?id=cam").json()
    live(alice, "cam")
    again = writer.post("broadcasts/room/subtrack?id=cam").json()
    second = writer.post("broadcasts/room/subtrack?id=late").json()

    assert (first["success"], again["success"]) == (True, True)
    assert second["success"] is False
    assert second["message"] == "The limit of subtracks is reached"
    assert mains() == {"idle": "room", "cam": "room", "late": ""}


def test_a_limit_of_none_lets_nobody_in(writer: Caller, room: Broadcast) -> None:
    Broadcast.objects.filter(pk=room.pk).update(subtracks_limit=0)
    register(room.application, "cam")

    assert writer.post("broadcasts/room/subtrack?id=cam").json()["success"] is False


@pytest.mark.usefixtures("members")
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("room/subtracks/0/10", "abcd"),
        ("room/subtracks/1/2", "bc"),
        ("room/subtracks/0/10?role=speaker", "ac"),
        ("room/subtracks/0/10?role=", "abcd"),
        ("room/subtracks/0/10?role=nobody", ""),
        ("room/active-subtracks/0/10", "ab"),
        ("room/active-subtracks/1/10", "b"),
        ("room/active-subtracks/0/10?role=speaker", "a"),
        ("room/active-subtracks/0/10?role=Speaker", ""),
        ("a/subtracks/0/10", ""),
    ],
)
def test_it_lists_subtracks_by_page_role_and_state(
    reader: Caller, path: str, found: str
) -> None:
    assert ids(reader, path) == found


@pytest.mark.usefixtures("members")
@pytest.mark.parametrize(
    ("query", "number"), [("", 2), ("?role=listener", 1), ("?role=x", 0)]
)
def test_it_counts_active_subtracks(reader: Caller, query: str, number: int) -> None:
    response = reader.get(f"broadcasts/room/active-subtracks-count{query}")

    assert response.json() == {"number": number}


def test_who_is_awaited_is_active(
    reader: Caller,
    room: Broadcast,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
) -> None:
    services.park_session(live(alice, "a", main_track="room").session, clock)

    assert ids(reader, "room/active-subtracks/0/10") == "a"


@pytest.mark.parametrize(
    "path", ["subtracks/0/10", "active-subtracks/0/10", "active-subtracks-count"]
)
@pytest.mark.parametrize("main", ["unknown", "a%20b"])
def test_an_unknown_main_track_is_a_404(
    reader: Caller, room: Broadcast, path: str, main: str
) -> None:
    response = reader.get(f"broadcasts/{main}/{path}")

    assert response.status_code == 404
    assert response.json()["success"] is False
    assert response.json()["message"] == "Main track not found"
