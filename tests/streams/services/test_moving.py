from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from relay.control import SendData, SetRoom
from streams import services
from streams.models import Application, Broadcast, LiveSession
from streams.services import SocketInfo, catalogue, rooms
from streams.signals import relay_commands
from tests.streams.conftest import Play, Publish, TurnableClock

Told = Callable[[], Any]


@pytest.fixture
def told(django_capture_on_commit_callbacks: Callable[..., Any]) -> Told:
    """Collects what relays are told in a block, once it is committed."""

    @contextmanager
    def collect() -> Iterator[list[tuple[str, object]]]:
        heard: list[tuple[str, object]] = []

        def hear(relay: str, command: object, **_: object) -> None:
            heard.append((relay, command))

        relay_commands.connect(hear)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                yield heard
        finally:
            relay_commands.disconnect(hear)

    return collect


@pytest.fixture
def hall(application: Application) -> Broadcast:
    return Broadcast.objects.create(
        application=application, stream_id="hall", virtual=True
    )


def session_of(stream_id: str = "cam") -> LiveSession:
    return LiveSession.objects.get(stream_id=stream_id, role="publish")


def status_of(stream_id: str) -> str:
    return Broadcast.objects.get(stream_id=stream_id).status


def in_hall(role: str = "default", room: str = "LiveApp/hall") -> SetRoom:
    return SetRoom("LiveApp/cam", room, role)


def test_a_live_stream_enters_a_room(
    hall: Broadcast, live: Publish, alice: SocketInfo, told: Told, clock: TurnableClock
) -> None:
    live(alice, role="speaker")

    with told() as heard:
        rooms.add_subtrack(hall.application_id, "hall", "cam", clock)

    assert heard == [("relay-1", in_hall("speaker"))]
    assert (session_of().room, session_of().brought) == ("hall", False)
    assert status_of("hall") == "broadcasting"


def test_a_stream_that_is_not_live_enters_in_silence(
    hall: Broadcast, told: Told, clock: TurnableClock
) -> None:
    Broadcast.objects.create(application=hall.application, stream_id="cam")

    with told() as heard:
        rooms.add_subtrack(hall.application_id, "hall", "cam", clock)

    assert heard == []
    assert status_of("hall") == "created"


def test_a_live_stream_leaves_its_room_which_is_over(
    hall: Broadcast,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    told: Told,
    clock: TurnableClock,
) -> None:
    live(alice, main_track="hall")
    play(bob, "hall")

    with told() as heard:
        rooms.remove_subtrack(hall.application_id, "hall", "cam", clock)

    assert heard == [("relay-1", in_hall(room=""))]
    assert session_of().room == ""
    assert status_of("hall") == "finished"
    assert LiveSession.objects.get(role="play").ending == "room_ended"


def test_a_stream_moves_from_room_to_room(
    hall: Broadcast, live: Publish, alice: SocketInfo, told: Told, clock: TurnableClock
) -> None:
    live(alice, main_track="cellar")

    with told() as heard:
        rooms.add_subtrack(hall.application_id, "hall", "cam", clock)

    assert heard == [("relay-1", in_hall())]
    assert not Broadcast.objects.filter(stream_id="cellar").exists()
    services.close_session(session_of().pk, clock=clock)
    assert status_of("hall") == "finished"


def test_a_stream_on_another_relay_cannot_enter(
    hall: Broadcast,
    live: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    told: Told,
    clock: TurnableClock,
) -> None:
    live(alice, "cam", relays=("relay-1",))
    live(bob, "b", relays=("relay-2",), main_track="hall")

    with told() as heard, pytest.raises(rooms.NotPossibleError, match="another relay"):
        rooms.add_subtrack(hall.application_id, "hall", "cam", clock)

    assert heard == []
    assert session_of().room == ""
    assert Broadcast.objects.get(stream_id="cam").main_track_stream_id == ""


def test_a_stream_that_is_just_starting_cannot_move(
    hall: Broadcast, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    publish(alice)

    with pytest.raises(rooms.NotPossibleError, match="starting"):
        rooms.add_subtrack(hall.application_id, "hall", "cam", clock)


def test_a_live_stream_is_no_main_track(
    live: Publish, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice, "cam")
    live(bob, "b")
    key = session_of().application_id

    with pytest.raises(rooms.NotPossibleError, match="live stream"):
        rooms.add_subtrack(key, "b", "cam", clock)


def test_a_put_moves_a_live_stream(
    hall: Broadcast, live: Publish, alice: SocketInfo, told: Told, clock: TurnableClock
) -> None:
    live(alice)

    with told() as heard:
        catalogue.change_broadcast(
            hall.application_id, "cam", {"main_track_stream_id": "hall"}, clock
        )

    assert heard == [("relay-1", in_hall())]
    assert session_of().room == "hall"


def test_a_put_that_cannot_move_changes_nothing(
    hall: Broadcast, live: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "cam", relays=("relay-1",))
    live(bob, "b", relays=("relay-2",), main_track="hall")
    values = {"main_track_stream_id": "hall", "name": "New"}

    with pytest.raises(ValidationError) as refused:
        catalogue.change_broadcast(hall.application_id, "cam", values)

    assert "main_track_stream_id" in refused.value.message_dict
    row = Broadcast.objects.get(stream_id="cam")
    assert (row.main_track_stream_id, row.name) == ("", "")


def test_a_put_of_a_role_is_seen_in_the_room(
    hall: Broadcast, live: Publish, alice: SocketInfo, told: Told
) -> None:
    live(alice, main_track="hall")

    with told() as heard:
        catalogue.change_broadcast(hall.application_id, "cam", {"role": "speaker"})

    (first, second) = heard
    assert first == ("relay-1", in_hall("speaker"))
    assert isinstance(second[1], SendData)
    assert second[1].target == "LiveApp/hall"
    assert json.loads(second[1].text) == {
        "command": "event",
        "eventType": "UPDATE_PARTICIPANT_ROLE",
        "streamId": "cam",
        "role": "speaker",
    }


def test_a_put_of_something_else_tells_no_relay(
    hall: Broadcast, live: Publish, alice: SocketInfo, told: Told
) -> None:
    live(alice, main_track="hall", role="speaker")

    with told() as heard:
        catalogue.change_broadcast(
            hall.application_id, "cam", {"name": "x", "role": "speaker"}
        )

    assert heard == []


def test_a_deleted_room_lets_its_streams_go_on(
    hall: Broadcast,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    told: Told,
    clock: TurnableClock,
) -> None:
    live(alice, main_track="hall")
    play(bob, "hall")

    with told() as heard:
        rooms.delete_room(hall.application_id, "hall")

    assert heard == [("relay-1", in_hall(room=""))]
    assert (session_of().room, session_of().ending) == ("", "")
    assert LiveSession.objects.get(role="play").ending == "room_ended"
    services.close_session(session_of().pk, clock=clock)
    assert not Broadcast.objects.exists()


def test_a_room_that_is_deleted_with_its_streams_ends_them(
    hall: Broadcast, live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, main_track="hall")
    play(bob, "hall")

    rooms.delete_room(hall.application_id, "hall", delete_subtracks=True)

    assert session_of().ending == "stopped"
    assert LiveSession.objects.get(role="play").ending == "room_ended"
