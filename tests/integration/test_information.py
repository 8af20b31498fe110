"""Questions, the gate in front of every command, and the 2017 dialect."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.integration.client import NOT_THERE, WAIT_S, Body, Client, Clients
from tests.integration.media import HEIGHT, WIDTH
from tests.server_process import ServerProcess


async def test_stream_information_has_what_is_measured(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.publish(stream_id)
    async with asyncio.timeout(WAIT_S):
        info = await _stream_info(client, stream_id)
        while info["videoBitrate"] == 0:  # until the relay's first report
            await asyncio.sleep(0.1)
            info = await _stream_info(client, stream_id)
    assert info.keys() == {
        "streamWidth",
        "streamHeight",
        "videoBitrate",
        "audioBitrate",
        "videoCodec",
    }
    assert (info["streamWidth"], info["streamHeight"]) == (WIDTH, HEIGHT)
    assert info["videoCodec"] == "VP8"
    assert 0 < info["audioBitrate"] < 1_000_000
    assert 0 < info["videoBitrate"] < 5_000_000


async def test_a_broadcast_is_a_json_string_of_itself(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client, viewer = await clients.open(server), await clients.open(server)
    await client.publish(stream_id, streamName="Ann's", metaData='{"seat":1}')
    await viewer.play(stream_id)
    await client.send("getBroadcastObject", stream_id)
    answer = await client.receive()
    text = answer["broadcast"]
    assert answer == {
        "command": "notification",
        "definition": "broadcastObject",
        "streamId": stream_id,
        "broadcast": text,
    }
    broadcast = json.loads(text)
    assert broadcast["streamId"] == stream_id
    assert broadcast["status"] == "broadcasting"
    assert broadcast["name"] == "Ann's"
    assert broadcast["metaData"] == '{"seat":1}'
    assert broadcast["subTrackStreamIds"] == []
    assert broadcast["webRTCViewerCount"] == 1
    assert broadcast["zombi"] is True
    await client.stop_publishing(stream_id)
    await client.send("getBroadcastObject", stream_id)  # it was unregistered
    await client.expect_error("no_stream_exist", stream_id, **NOT_THERE)


async def test_ice_server_config_needs_no_stream_id(
    server: ServerProcess, clients: Clients
) -> None:
    client = await clients.open(server)
    await client.send("getIceServerConfig")
    await client.expect(
        "iceServerConfig",
        stunServerUri="stun:stun1.l.google.com:19302",
        turnServerUsername="",
        turnServerCredential="",
    )


async def test_a_ping_is_answered_in_any_spelling(
    server: ServerProcess, clients: Clients
) -> None:
    client = await clients.open(server)
    for text in ('{"command":"ping"}', '{ "command" : "ping", "streamId": null }'):
        await client.socket.send(text)
        await client.expect("pong")


@pytest.mark.parametrize("command", ["publish", "play", "stop", "getStreamInfo"])
async def test_a_command_needs_a_stream_id(
    server: ServerProcess, clients: Clients, command: str
) -> None:
    client = await clients.open(server)
    for value in (None, "", "  "):
        await client.send(command, streamId=value, streamName="a display name")
        await client.expect_error("noStreamNameSpecified")
    await client.send(command)
    await client.expect_error("noStreamNameSpecified")


@pytest.mark.parametrize("value", ["a:b", "a?b", "a/b", "a b", "straße", "../a"])
async def test_an_id_has_a_small_alphabet(
    server: ServerProcess, clients: Clients, value: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", value)
    await client.expect_error("invalidStreamName", value)


async def test_unknown_parameters_of_the_address_are_ignored(
    server: ServerProcess, clients: Clients
) -> None:
    url = f"{server.websocket_url()}?target=origin&rtmpForward=undefined"
    client = await clients.open_url(url)
    await client.expect_nothing()


async def test_the_2017_dialect_works_on_its_own_port(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    url = f"ws://127.0.0.1:{server.legacy_port}/WebRTCApp4"
    client = await clients.open_url(url)
    both = {"stream_id": stream_id, "streamName": stream_id}
    await client.send("publish", streamName=stream_id)
    await client.expect("start", **both, subscriberId="")
    await client.send("stop")
    await client.expect_notification("publish_finished", **both, subscriberId="")


async def _stream_info(client: Client, stream_id: str) -> Body:
    await client.send("getStreamInfo", stream_id)
    answer = await client.receive()
    info: list[Body] = answer["streamInfo"]
    assert answer == {
        "command": "streamInformation",
        "streamId": stream_id,
        "streamInfo": info,
    }
    assert len(info) == 1
    return info[0]
