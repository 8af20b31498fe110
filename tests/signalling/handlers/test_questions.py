"""What clients ask about tracks, the audience and their own sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from signalling.limits import TokenBucket
from signalling.session import Role
from streams import services
from streams.models import Broadcast, LiveSession
from tests.signalling.conftest import (
    Client,
    Open,
    change_application,
    in_database,
    rows,
)

UNKNOWN = {
    "command": "error",
    "streamId": "s1",
    "definition": "no_stream_exist",
    "error_code": "404",
    "information": "stream_not_exist_or_not_streaming",
}
REFUSED = {
    "command": "error",
    "streamId": "s1",
    "definition": "unauthorized_access",
}
QUESTIONS = [
    "getTrackList",
    "getSubtracks",
    "getSubtracksCount",
    "getSubscribers",
    "getSubscriberCount",
    "getDebugInfo",
]


async def enter_room(stream_id: str = "s1", room: str = "r1") -> None:
    await in_database(
        lambda: Broadcast.objects.filter(stream_id=stream_id).update(
            main_track_stream_id=room
        )
    )


async def name_subscribers(**names: str) -> None:
    """The subscribers of live sessions, by role."""
    for role, subscriber_id in names.items():
        await in_database(
            lambda role=role, subscriber_id=subscriber_id: LiveSession.objects.filter(
                role=role
            ).update(subscriber_id=subscriber_id)
        )


# Tracks


async def test_a_stream_is_its_own_track(client: Client, open_socket: Open) -> None:
    await client.publish()
    stranger = await open_socket()

    assert await stranger.ask("getTrackList", "s1", token="") == {
        "command": "trackList",
        "streamId": "s1",
        "trackList": ["s1"],
    }


async def test_a_room_has_its_members_as_tracks(client: Client) -> None:
    await client.publish()
    await enter_room()

    answer = await client.ask("getTrackList", "r1")

    assert answer == {"command": "trackList", "streamId": "r1", "trackList": ["s1"]}


async def test_only_who_could_play_is_told_the_tracks(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    stranger = await open_socket()
    await change_application(play_token_enabled=True)

    assert await stranger.ask("getTrackList", "s1", token="wrong") == REFUSED
    assert (await client.ask("getTrackList", "s1"))["trackList"] == ["s1"]


@pytest.mark.parametrize(
    "command", ["getTrackList", "getSubtracks", "getSubtracksCount"]
)
async def test_an_unknown_stream_has_no_tracks(client: Client, command: str) -> None:
    assert await client.ask(command, "s1") == UNKNOWN


# Subtracks


async def test_subtracks_are_json_strings(client: Client) -> None:
    await client.publish(streamName="Anna", role="speaker", metaData='{"mic":1}')
    await enter_room()

    answer = await client.ask("getSubtracks", "r1", role="speaker", offset=0, size=10)

    texts = answer.pop("subtrackList")
    assert answer == {
        "command": "notification",
        "definition": "subtrackList",
        "streamId": "r1",
    }
    (broadcast,) = [json.loads(text) for text in texts]
    assert (broadcast["streamId"], broadcast["name"]) == ("s1", "Anna")
    assert (broadcast["role"], broadcast["metaData"]) == ("speaker", '{"mic":1}')
    assert broadcast["mainTrackStreamId"] == "r1"


async def test_subtracks_are_counted(client: Client) -> None:
    await client.publish()
    await enter_room()

    for fields, count in (({}, 1), ({"role": "x"}, 0), ({"status": "broadcasting"}, 1)):
        assert await client.ask("getSubtracksCount", "r1", **fields) == {
            "command": "notification",
            "definition": "subtrackCount",
            "streamId": "r1",
            "count": count,
        }


async def test_pages_of_subtracks_are_kept_to(client: Client) -> None:
    for stream_id in ("s1", "s2", "s3"):
        await client.publish(stream_id)
        await enter_room(stream_id)

    answer = await client.ask("getSubtracks", "r1", offset=1, size="1", sortBy="name")

    (text,) = answer["subtrackList"]
    assert json.loads(text)["streamId"] == "s2"


async def test_a_long_answer_counts_as_several_commands(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[float] = []
    monkeypatch.setattr(TokenBucket, "charge", lambda _, tokens: charged.append(tokens))
    for stream_id in ("s1", "s2", "s3"):
        await client.publish(stream_id, metaData="x" * 16_000)
        await enter_room(stream_id)
    charged.clear()

    await client.ask("getSubtracks", "r1")
    await client.expect_silence()

    assert sum(charged) == 3


# Subscribers


async def test_a_viewer_is_told_who_is_connected(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    viewer = await open_socket()
    await viewer.play()
    await name_subscribers(publish="anna", play="bert")

    answer = await viewer.ask("getSubscribers", "s1", offset=0, size=10)

    texts = answer.pop("subscriberList")
    assert answer == {
        "command": "notification",
        "definition": "subscriberList",
        "streamId": "s1",
    }
    found = [json.loads(text) for text in texts]
    assert [(row["subscriberId"], row["type"]) for row in found] == [
        ("anna", "publish"),
        ("bert", "play"),
    ]
    assert await viewer.ask("getSubscriberCount", "s1") == {
        "command": "notification",
        "definition": "subscriberCount",
        "streamId": "s1",
        "count": 2,
    }


@pytest.mark.parametrize("command", ["getSubscribers", "getSubscriberCount"])
async def test_nobody_else_is_told_of_subscribers(
    client: Client, open_socket: Open, command: str
) -> None:
    await client.publish()
    await client.publish("s2")
    stranger = await open_socket()
    player = await open_socket()
    await player.play("s2")

    assert await stranger.ask(command, "s1") == REFUSED
    assert await player.ask(command, "s1") == REFUSED
    assert await stranger.ask(command, "unknown") == {**REFUSED, "streamId": "unknown"}
    await client.expect_silence()


@pytest.mark.parametrize("command", ["getSubscribers", "getSubscriberCount"])
async def test_who_has_stopped_is_told_nothing_any_more(
    client: Client, open_socket: Open, command: str
) -> None:
    await client.publish()
    viewer = await open_socket()
    await viewer.play()
    assert (await viewer.ask(command, "s1"))["command"] == "notification"

    assert (await viewer.ask("stop", "s1"))["definition"] == "play_finished"

    assert await viewer.ask(command, "s1") == REFUSED


# Debugging


async def test_a_socket_is_told_of_its_own_sessions(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    viewer = await open_socket()
    await viewer.play()
    await in_database(
        lambda: Broadcast.objects.update(
            video_codec="VP8", width=640, height=360, video_bitrate=9000
        )
    )

    answer = await client.ask("getDebugInfo", "s1")

    text = answer.pop("debugInfo")
    assert answer == {
        "command": "notification",
        "definition": "debugInfo",
        "streamId": "s1",
    }
    (own,) = await rows("s1", Role.PUBLISH)
    (others,) = await rows("s1", Role.PLAY)
    for part in ("LiveApp/s1", "publish: live", own.pk, "relay-1", "VP8, 640x360"):
        assert part in text
    assert "9000 bit/s" in text
    assert "viewers: 1" in text
    assert others.pk not in text
    assert "192.0.2.7" not in text


async def test_a_stranger_is_told_nothing_for_debugging(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    stranger = await open_socket()

    answer = await stranger.ask("getDebugInfo", "s1")

    assert answer["debugInfo"] == "LiveApp/s1: this socket has no session with it"
    unknown = await stranger.ask("getDebugInfo", "s2")
    assert unknown["debugInfo"] == "LiveApp/s2: this socket has no session with it"


@pytest.mark.parametrize("command", QUESTIONS)
async def test_streams_of_another_application_are_not_told(
    client: Client, open_socket: Open, command: str
) -> None:
    await client.publish()
    other = await open_socket("/WebRTCApp4/websocket")

    answer = await other.ask(command, "s1")

    if command == "getDebugInfo":
        assert "no session" in answer["debugInfo"]
    else:
        assert answer["command"] == "error"


@pytest.mark.parametrize(
    ("command", "service"),
    [
        ("getTrackList", "track_list"),
        ("getSubtracks", "subtracks"),
        ("getSubtracksCount", "count_subtracks"),
        ("getSubscribers", "connected_subscribers"),
        ("getSubscriberCount", "count_connected_subscribers"),
        ("getDebugInfo", "stream_measures"),
    ],
)
async def test_it_says_that_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, command: str, service: str
) -> None:
    await client.publish()

    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(services, service, away)

    answer = await client.ask(command, "s1")

    assert answer == {
        "command": "error",
        "definition": "data_store_not_available",
        "streamId": "s1",
    }
