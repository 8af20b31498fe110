"""Stopping and deleting broadcasts by REST (contract 8)."""

from __future__ import annotations

import pytest

from streams.models import Application, Broadcast, LiveSession
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish
from tests.streams.rest.conftest import Caller


def endings() -> dict[str, str]:
    """Of the publishers that are marked to be ended."""
    rows = LiveSession.objects.filter(role="publish").exclude(ending="")
    return dict(rows.order_by("stream_id").values_list("stream_id", "ending"))


def streams() -> list[str]:
    return sorted(Broadcast.objects.values_list("stream_id", flat=True))


@pytest.fixture
def room(application: Application, live: Publish, alice: SocketInfo) -> None:
    """`room` with `one` and `two` live in it; `three` is live elsewhere."""
    Broadcast.objects.create(application=application, stream_id="room", virtual=True)
    live(alice, "one", main_track="room")
    live(alice, "two", main_track="room")
    live(alice, "three")
    other = Application.objects.get(name="WebRTCAppEE")
    Broadcast.objects.create(
        application=other, stream_id="far", main_track_stream_id="room"
    )


def test_it_stops_who_publishes(
    writer: Caller, live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice)
    live(alice, "other")
    play(bob)

    response = writer.post("broadcasts/cam/stop")

    assert response.json()["success"] is True
    assert endings() == {"cam": "stopped"}
    assert streams() == ["cam", "other"]  # gone with its session, not before


def test_a_stop_without_a_publisher_is_no_success(
    writer: Caller, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    idle = writer.post("broadcasts/cam/stop")
    unknown = writer.post("broadcasts/unknown/stop")

    assert (idle.status_code, unknown.status_code) == (200, 200)
    assert idle.json()["success"] is unknown.json()["success"] is False
    assert unknown.json()["message"] == "Broadcast not found"
    assert idle.json()["message"] == "Nobody publishes it"


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("query", ["", "?stopSubtracks=true", "?stopSubtracks=True"])
def test_a_room_is_stopped_with_its_subtracks(writer: Caller, query: str) -> None:
    assert writer.post(f"broadcasts/room/stop{query}").json()["success"] is True
    assert endings() == {"one": "stopped", "two": "stopped"}


@pytest.mark.usefixtures("room")
def test_subtracks_go_on_if_asked(writer: Caller) -> None:
    stopped = writer.post("broadcasts/room/stop?stopSubtracks=false").json()

    assert stopped["success"] is False
    assert endings() == {}


def test_a_flag_is_true_or_false(
    writer: Caller, live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    for path in ("cam/stop?stopSubtracks=perhaps", "cam/stop?stopSubtracks="):
        assert writer.post(f"broadcasts/{path}").status_code == 400
    for path in ("cam?deleteSubtracks=0", "?ids=cam&deleteSubtracks=no"):
        assert writer.delete(f"broadcasts/{path}").status_code == 400
    assert endings() == {}
    assert streams() == ["cam"]


def test_it_deletes_a_stream(writer: Caller, application: Application) -> None:
    for stream_id in ("cam", "other"):
        Broadcast.objects.create(application=application, stream_id=stream_id)

    assert writer.delete("broadcasts/cam").json()["success"] is True
    assert streams() == ["other"]
    again = writer.delete("broadcasts/cam")
    assert (again.status_code, again.json()["success"]) == (200, False)
    assert again.json()["message"] == "Broadcast not found"


def test_a_live_stream_is_stopped_by_its_deletion(
    writer: Caller, live: Publish, alice: SocketInfo
) -> None:
    live(alice)
    live(alice, "other")

    assert writer.delete("broadcasts/cam").json()["success"] is True
    assert endings() == {"cam": "stopped"}
    assert streams() == ["other"]


@pytest.mark.usefixtures("room")
def test_a_room_is_deleted_with_its_subtracks(writer: Caller) -> None:
    assert writer.delete("broadcasts/room").json()["success"] is True
    assert streams() == ["far", "three"]
    assert endings() == {"one": "stopped", "two": "stopped"}


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("path", ["room?", "?ids=room&"])
def test_subtracks_outlive_their_room_if_asked(writer: Caller, path: str) -> None:
    deleted = writer.delete(f"broadcasts/{path}deleteSubtracks=false").json()

    assert deleted["success"] is True
    assert streams() == ["far", "one", "three", "two"]
    assert endings() == {}
    mains = dict(Broadcast.objects.values_list("stream_id", "main_track_stream_id"))
    assert mains == {"one": "", "two": "", "three": "", "far": "room"}


@pytest.mark.parametrize("path", ["broadcasts/", "broadcasts"])
def test_it_deletes_several(
    writer: Caller, live: Publish, alice: SocketInfo, path: str
) -> None:
    for stream_id in ("a", "b", "c", "d"):
        live(alice, stream_id)

    response = writer.delete(f"{path}?ids=a,,b,a&ids=c")

    assert response.json()["success"] is True
    assert streams() == ["d"]
    assert endings() == {"a": "stopped", "b": "stopped", "c": "stopped"}


def test_of_several_those_that_there_are_go_and_the_others_are_named(
    writer: Caller, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="a")

    response = writer.delete("broadcasts/?ids=x,a,y%20z")

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["message"] == "Not found: x, y z"
    assert streams() == []


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=,,", "?id=cam"])
def test_several_are_named_or_nothing_goes(
    writer: Caller, application: Application, query: str
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    response = writer.delete(f"broadcasts/{query}")

    assert (response.status_code, response.json()["success"]) == (200, False)
    assert streams() == ["cam"]


def test_a_thousand_may_go_at_once_and_no_more(
    writer: Caller, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="s0")
    many = ",".join(f"s{number}" for number in range(1001))

    refused = writer.delete(f"broadcasts/?ids={many}").json()

    assert refused["success"] is False
    assert streams() == ["s0"]
    writer.delete(f"broadcasts/?ids={many.rpartition(',')[0]}")
    assert streams() == []
