from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from django.db import OperationalError

from relay import control
from streams import services
from streams.models import Broadcast
from tests.signalling.conftest import Client, Open, change_application, in_database

UNKNOWN = {
    "command": "error",
    "streamId": "s1",
    "definition": "no_stream_exist",
    "error_code": "404",
    "information": "stream_not_exist_or_not_streaming",
}


async def test_it_tells_the_ice_server_of_the_application(client: Client) -> None:
    await change_application(
        stun_server_uri="turn:turn.example.com",
        turn_server_username="user",
        turn_server_credential="secret",
    )

    assert await client.ask("getIceServerConfig") == {
        "command": "iceServerConfig",
        "stunServerUri": "turn:turn.example.com",
        "turnServerUsername": "user",
        "turnServerCredential": "secret",
    }


async def test_it_tells_the_rendition_of_a_live_stream(client: Client) -> None:
    await client.publish()
    await in_database(
        lambda: Broadcast.objects.filter(stream_id="s1").update(
            width=1280,
            height=720,
            video_bitrate=1_500_000,
            audio_bitrate=48_000,
            video_codec="VP8",
        )
    )

    assert await client.ask("getStreamInfo", "s1") == {
        "command": "streamInformation",
        "streamId": "s1",
        "streamInfo": [
            {
                "streamWidth": 1280,
                "streamHeight": 720,
                "videoBitrate": 1_500_000,
                "audioBitrate": 48_000,
                "videoCodec": "VP8",
            }
        ],
    }


async def test_it_tells_every_rendition(client: Client) -> None:
    await client.publish()
    heights = (720, 480, 240)
    renditions = [
        asdict(control.RenditionReport(height * 16 // 9, height, 1, 2, "H264"))
        for height in heights
    ]
    await in_database(
        lambda: Broadcast.objects.filter(stream_id="s1").update(renditions=renditions)
    )

    told = (await client.ask("getStreamInfo", "s1"))["streamInfo"]

    assert [one["streamHeight"] for one in told] == list(heights)
    assert {one["videoCodec"] for one in told} == {"H264"}


async def test_it_has_no_rendition_of_a_stream_without_media(client: Client) -> None:
    await client.prepare_publish()

    assert await client.ask("getStreamInfo", "s1") == UNKNOWN


async def test_it_tells_the_broadcast_as_a_json_string(client: Client) -> None:
    await client.publish(metaData='{"mic": true}')

    answer = await client.ask("getBroadcastObject", "s1")

    assert (answer["command"], answer["definition"]) == (
        "notification",
        "broadcastObject",
    )
    assert answer["streamId"] == "s1"
    broadcast = json.loads(answer["broadcast"])
    assert broadcast["streamId"] == "s1"
    assert broadcast["status"] == "broadcasting"
    assert broadcast["metaData"] == '{"mic": true}'
    assert broadcast["subTrackStreamIds"] == []


@pytest.mark.parametrize("command", ["getStreamInfo", "getBroadcastObject"])
async def test_it_refuses_an_unknown_stream(client: Client, command: str) -> None:
    assert await client.ask(command, "s1") == UNKNOWN


@pytest.mark.parametrize("command", ["getStreamInfo", "getBroadcastObject"])
async def test_it_does_not_tell_streams_of_another_application(
    client: Client, open_socket: Open, command: str
) -> None:
    await client.publish()
    other = await open_socket("/WebRTCApp4/websocket")

    answer = await other.ask(command, "s1")

    assert answer == {**UNKNOWN, "streamName": "s1"}


@pytest.mark.parametrize(
    ("command", "service", "stream_id"),
    [
        ("getIceServerConfig", "ice_server_config", None),
        ("getStreamInfo", "stream_info", "s1"),
        ("getBroadcastObject", "broadcast_object", "s1"),
    ],
)
async def test_it_says_that_the_database_is_away(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    service: str,
    stream_id: str | None,
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(services, service, away)

    answer = await client.ask(command, stream_id)

    assert answer["definition"] == "data_store_not_available"
    assert answer.get("streamId") == stream_id
