"""Text for data channels by REST: to which relay it goes, and when to none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from relay.control import SendData
from streams.models import (
    Application,
    Broadcast,
    LiveSession,
    SessionRole,
    SessionState,
)
from streams.signals import relay_commands
from tests.streams.rest.conftest import Caller

PATH = "broadcasts/cam/data"
Told = list[tuple[str, object]]


@pytest.fixture
def told() -> Iterator[Told]:
    """What relays are told."""
    commands: Told = []

    def take(relay: str, command: object, **_: Any) -> None:
        commands.append((relay, command))

    relay_commands.connect(take)
    yield commands
    relay_commands.disconnect(take)


@pytest.fixture
def camera(application: Application) -> Broadcast:
    return Broadcast.objects.create(application=application, stream_id="cam")


def session(
    application: Application,
    stream_id: str,
    relay: str = "relay-1",
    role: SessionRole = SessionRole.PUBLISH,
    state: SessionState = SessionState.LIVE,
    room: str = "",
) -> LiveSession:
    return LiveSession.objects.create(
        id=f"{stream_id}-{role}",
        application=application,
        stream_id=stream_id,
        role=role,
        state=state,
        relay=relay,
        room=room,
        channel=f"{stream_id}-{role}",
    )


def post(
    writer: Caller,
    body: bytes,
    django_capture_on_commit_callbacks: Any,
    path: str = PATH,
    **extra: str,
) -> Any:
    with django_capture_on_commit_callbacks(execute=True):
        return writer("POST", path, body, **extra)


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize(
    ("state", "restored"),
    [
        (SessionState.LIVE, False),
        (SessionState.PARKED, False),
        (SessionState.PREPARING, True),  # its viewers have stayed
    ],
)
def test_text_goes_to_the_relay_of_the_live_stream(
    writer: Caller,
    application: Application,
    told: Told,
    state: SessionState,
    restored: bool,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, "cam", state=state)
    LiveSession.objects.update(restored=restored)

    response = post(writer, "ünï".encode(), django_capture_on_commit_callbacks)

    assert response.json()["success"] is True
    assert told == [("relay-1", SendData("LiveApp/cam", "ünï"))]


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("kind", ["text/plain", "application/json", ""])
@pytest.mark.parametrize("body", ["{not json", ""])
def test_it_is_any_text_of_any_type(
    writer: Caller,
    application: Application,
    told: Told,
    kind: str,
    body: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, "cam")

    post(writer, body.encode(), django_capture_on_commit_callbacks, CONTENT_TYPE=kind)

    assert told == [("relay-1", SendData("LiveApp/cam", body))]


def test_a_room_is_told_once_for_all_its_members(
    writer: Caller,
    application: Application,
    told: Told,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, "anna", room="cam")
    session(application, "bert", room="cam")
    session(application, "cam", role=SessionRole.PLAY, room="cam")

    response = post(writer, b"hello", django_capture_on_commit_callbacks)

    assert response.json()["success"] is True
    assert told == [("relay-1", SendData("LiveApp/cam", "hello"))]


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize(
    ("role", "state", "stream_id"),
    [
        (SessionRole.PUBLISH, SessionState.PREPARING, "cam"),
        (SessionRole.PLAY, SessionState.LIVE, "cam"),
        (SessionRole.PUBLISH, SessionState.LIVE, "another"),
    ],
)
def test_nothing_is_sent_to_a_stream_that_is_not_live(
    writer: Caller,
    application: Application,
    told: Told,
    role: SessionRole,
    state: SessionState,
    stream_id: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, stream_id, role=role, state=state)

    response = post(writer, b"hello", django_capture_on_commit_callbacks)

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert "not live" in response.json()["message"]
    assert told == []


@pytest.mark.usefixtures("camera")
def test_nor_to_one_of_another_application(
    writer: Caller, told: Told, django_capture_on_commit_callbacks: Any
) -> None:
    session(Application.objects.get(name="WebRTCAppEE"), "cam")

    response = post(writer, b"hello", django_capture_on_commit_callbacks)

    assert "not live" in response.json()["message"]
    assert told == []


@pytest.mark.parametrize("stream_id", ["unknown", "a%20b"])
@pytest.mark.usefixtures("application")
def test_an_unknown_stream_is_said_to_be_unknown(
    writer: Caller, stream_id: str, django_capture_on_commit_callbacks: Any
) -> None:
    path = f"broadcasts/{stream_id}/data"
    response = post(writer, b"x", django_capture_on_commit_callbacks, path)

    assert response.status_code == 200
    assert response.json()["message"] == "Broadcast not found"


@pytest.mark.usefixtures("camera")
def test_where_data_channels_are_off_it_says_so(
    writer: Caller,
    application: Application,
    told: Told,
    django_capture_on_commit_callbacks: Any,
) -> None:
    Application.objects.update(data_channel_enabled=False)
    session(application, "cam")

    response = post(writer, b"hello", django_capture_on_commit_callbacks)

    assert response.json()["success"] is False
    assert "turned off" in response.json()["message"]
    assert told == []


@pytest.mark.usefixtures("camera")
def test_what_is_no_text_is_refused(
    writer: Caller,
    application: Application,
    told: Told,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, "cam")

    response = post(writer, b"\xff\xfe", django_capture_on_commit_callbacks)

    assert response.json()["success"] is False
    assert "UTF-8" in response.json()["message"]
    assert told == []


@pytest.mark.usefixtures("camera")
def test_its_length_is_bounded(
    writer: Caller,
    application: Application,
    told: Told,
    django_capture_on_commit_callbacks: Any,
) -> None:
    session(application, "cam")

    fits = post(writer, b"x" * 65_536, django_capture_on_commit_callbacks)
    exceeds = post(writer, b"x" * 65_537, django_capture_on_commit_callbacks)

    assert (fits.status_code, exceeds.status_code) == (200, 413)
    assert exceeds.json()["success"] is False
    assert len(told) == 1
