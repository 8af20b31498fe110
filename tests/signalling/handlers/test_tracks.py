from __future__ import annotations

import json
from typing import Any

import pytest

from relay import control
from tests.signalling.conftest import Client, FakeLink, Open, broadcast


@pytest.fixture
async def publisher(open_socket: Open) -> Client:
    client = await open_socket()
    await client.publish("anna", mainTrack="hall")
    return client


@pytest.fixture
async def viewer(open_socket: Open, publisher: Client) -> Client:
    """Plays the room."""
    client = await open_socket()
    await client.play_room("hall")
    return client


def session_of(link: FakeLink) -> str:
    asked = [c for c in link.commands if isinstance(c, control.CreateRoomOffer)]
    return asked[-1].session


async def told(client: Client, command: str, *args: Any, **fields: Any) -> Any:
    """What the relay is told by a command that is not answered."""
    before = len(client.link.commands)
    await client.say(command, *args, **fields)
    await client.expect_silence()
    new = client.link.commands[before:]
    assert len(new) < 2
    return new[0] if new else None


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("toggleVideo", {"video": False}),
        ("toggleAudio", {"audio": False}),
        ("enableTrack", {"video": False, "audio": False}),
    ],
)
async def test_a_participant_is_switched_off_for_one_viewer(
    viewer: Client, link: FakeLink, command: str, kinds: dict[str, bool]
) -> None:
    said = await told(viewer, command, "hall", trackId="anna", enabled=False)

    assert said == control.SetTracks(session_of(link), "anna", **kinds)


@pytest.mark.parametrize("track", ["hall", None])
async def test_all_of_a_room_is_switched(
    viewer: Client, link: FakeLink, track: str | None
) -> None:
    said = await told(viewer, "toggleVideo", "hall", trackId=track, enabled="false")

    assert said == control.SetTracks(session_of(link), "", video=False)


async def test_the_room_itself_is_no_track(viewer: Client) -> None:
    assert await told(viewer, "enableTrack", "hall", trackId="hall") is None


@pytest.mark.parametrize("track", ["s1", None])
async def test_a_single_stream_is_switched(
    open_socket: Open, track: str | None
) -> None:
    await (await open_socket()).publish("s1")
    viewer = await open_socket()
    asked = await viewer.play("s1")

    said = await told(viewer, "toggleAudio", "s1", trackId=track, enabled=True)

    assert said == control.SetTracks(asked.session, "s1", audio=True)


async def test_a_participant_is_pinned_in_the_rooms_that_are_played(
    viewer: Client, link: FakeLink
) -> None:
    said = await told(
        viewer, "assignVideoTrackCommand", "anna", videoTrackId="videoTrack1"
    )

    assert said == control.AssignVideoTrack(
        session_of(link), "videoTrack1", "anna", enabled=True
    )


async def test_a_viewer_pages_limits_and_asks(viewer: Client, link: FakeLink) -> None:
    session = session_of(link)

    assert await told(
        viewer, "updateVideoTrackAssignmentsCommand", "hall", offset=9, size=9
    ) == control.PageVideoTracks(session, 9, 9)
    assert await told(
        viewer, "setMaxVideoTrackCountCommand", "hall", maxTrackCount=4
    ) == control.LimitVideoTracks(session, 4)
    assert await told(
        viewer, "getVideoTrackAssignmentsCommand", "hall"
    ) == control.TellAssignments(session)


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("toggleVideo", {"trackId": "anna", "enabled": False}),
    ("toggleAudio", {"trackId": "anna", "enabled": False}),
    ("enableTrack", {"trackId": "anna", "enabled": False}),
    ("assignVideoTrackCommand", {"videoTrackId": "videoTrack0"}),
    ("updateVideoTrackAssignmentsCommand", {"offset": 0, "size": 1}),
    ("setMaxVideoTrackCountCommand", {"maxTrackCount": 1}),
    ("getVideoTrackAssignmentsCommand", {}),
    ("forceStreamQuality", {"streamHeight": 240}),
    ("updateStreamMetaData", {"metaData": "mine"}),
]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
@pytest.mark.parametrize("stream_id", ["hall", "anna", "nobody"])
async def test_who_takes_no_part_changes_nothing(
    publisher: Client,
    open_socket: Open,
    command: str,
    fields: dict[str, Any],
    stream_id: str,
) -> None:
    stranger = await open_socket()

    assert await told(stranger, command, stream_id, **fields) is None
    row = await broadcast("anna")
    assert row is not None
    assert row.meta_data == ""


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
async def test_a_viewer_without_its_relay_hears_nothing(
    viewer: Client, link: FakeLink, command: str, fields: dict[str, Any]
) -> None:
    link.down = True

    assert await told(viewer, command, "hall", **fields) is None


async def test_a_publisher_s_metadata_is_stored_and_told(publisher: Client) -> None:
    said = await told(publisher, "updateStreamMetaData", "anna", metaData='{"a":1}')

    row = await broadcast("anna")
    assert row is not None
    assert row.meta_data == '{"a":1}'
    assert isinstance(said, control.SendData)
    assert said.target == "LiveApp/hall"
    assert json.loads(said.text) == {
        "command": "event",
        "eventType": "TRACK_LIST_UPDATED",
        "streamId": "hall",
    }


async def test_a_participant_s_metadata_of_the_room_is_stored(
    publisher: Client,
) -> None:
    said = await told(publisher, "updateStreamMetaData", "hall", metaData="{}")

    row = await broadcast("hall")
    assert row is not None
    assert row.meta_data == "{}"
    assert isinstance(said, control.SendData)


async def test_metadata_of_a_stream_without_a_room_is_stored(client: Client) -> None:
    await client.publish("s1")

    assert await told(client, "updateStreamMetaData", "s1", metaData="x") is None
    row = await broadcast("s1")
    assert row is not None
    assert row.meta_data == "x"


async def test_a_viewer_s_metadata_is_nobody_s(viewer: Client) -> None:
    assert await told(viewer, "updateStreamMetaData", "hall", metaData="x") is None
    row = await broadcast("hall")
    assert row is not None
    assert row.meta_data == ""
