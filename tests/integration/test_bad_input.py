"""Bad messages: the contract's answer or silence, and the socket goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.client import Client, Clients
from tests.integration.media import wait_for_frames
from tests.server_process import ServerProcess

# RFC 6455 7.4.1; a server may also drop the connection without a word.
TOO_BIG = (1009, 1006)
COMMANDS = {
    "publish": (
        "streamName token subscriberId subscriberCode mainTrack video audio"
        " metaData role linkSession enableVideo enableAudio"
    ),
    "play": (
        "token subscriberId subscriberCode subscriberName room trackList viewerInfo"
        " role userPublishId disableTracksByDefault linkSession"
    ),
    "stop": "room",
    "takeConfiguration": "type sdp idMapping linkSession",
    "takeCandidate": "label id candidate",
    "ping": "streamId",
    "getIceServerConfig": "streamId",
    "getStreamInfo": "token",
    "getBroadcastObject": "token",
}
WRONG_VALUES: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1.5e300,
    [],
    ["a", None, {}],
    {"a": {"b": []}},
    "\0",
    "\ud800",
    "\u202e<script>alert(1)</script>",
    "'; DROP TABLE streams_livesession; --",
    "x" * 20_000,
]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "undefined",
        "null",
        "[]",
        "{",
        "1",
        '"publish"',
        "{}",
        '{"command":null}',
        '{"command":"","streamId":"a"}',
        '{"command":["publish"],"streamId":"a"}',
        '{"command":{"publish":1},"streamId":"a"}',
        '{"command":"publish","streamId":NaN}',
        '{"command":"publish","streamId":"a"',
        '{"command":"publish" "streamId":"a"}',
        "[" * 50_000,
        '{"a":' * 10_000,
        '{"command":"publish","streamId":' + "9" * 50_000 + "}",
    ],
    ids=lambda text: text[:24] or "empty",
)
@pytest.mark.usefixtures("no_traceback")
async def test_what_is_no_message_is_ignored(
    server: ServerProcess, clients: Clients, text: str
) -> None:
    client = await clients.open(server)
    await client.socket.send(text)
    await client.expect_nothing()


@pytest.mark.usefixtures("no_traceback")
async def test_binary_frames_are_ignored(
    server: ServerProcess, clients: Clients
) -> None:
    client = await clients.open(server)
    for data in (b"", b'{"command":"ping"}', bytes(range(256)) * 100):
        await client.socket.send(data)
    await client.expect_nothing()


@pytest.mark.parametrize("command", ["noSuchCommand", "PUBLISH", "__class__", "pong"])
@pytest.mark.usefixtures("no_traceback")
async def test_unknown_commands_are_ignored(
    server: ServerProcess, clients: Clients, stream_id: str, command: str
) -> None:
    client = await clients.open(server)
    await client.send(command, stream_id)
    await client.expect_nothing()


@pytest.mark.usefixtures("no_traceback")
async def test_frames_over_64_kib_are_ignored(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id, streamName="x" * 70_000)
    await client.send("noSuchCommand", stream_id, padding="x" * 70_000)
    await client.expect_nothing()


@pytest.mark.usefixtures("no_traceback")
async def test_sdp_frames_may_have_64_but_not_256_kib(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    await client.send("takeConfiguration", stream_id, type="offer", sdp="x" * 300_000)
    await client.expect_nothing()
    await client.send("takeConfiguration", stream_id, type="offer", sdp="x" * 200_000)
    await client.expect_error("notSetRemoteDescription", stream_id, subscriberId="")


@pytest.mark.usefixtures("no_traceback")
async def test_a_frame_over_1_mib_costs_only_its_own_socket(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client, other = await clients.open(server), await clients.open(server)
    seen = await other.loop_back(stream_id)
    await client.send("takeConfiguration", stream_id, sdp="x" * 1_100_000)
    assert await client.expect_no_socket() in TOO_BIG
    await other.expect_nothing()
    await wait_for_frames(seen, "video")
    await (await clients.open(server)).expect_nothing()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("no_traceback")
async def test_values_of_a_wrong_type_are_answered_or_ignored(
    server: ServerProcess, clients: Clients, stream_id: str, command: str
) -> None:
    for field in COMMANDS[command].split():
        client = await clients.open(server)
        for number, value in enumerate(WRONG_VALUES):
            body = {"command": command, "streamId": f"{stream_id}-{field}-{number}"}
            await client.socket.send(json.dumps({**body, field: value}))
        await _reach_pong(client)
        await client.close()


@pytest.mark.parametrize(
    "value", [True, 1.5, [], {}, ["a"], "x" * 129, "a\0b", "\ud800"]
)
@pytest.mark.usefixtures("no_traceback")
async def test_an_id_of_a_wrong_type_is_refused_or_taken_as_its_text(
    server: ServerProcess, clients: Clients, value: object
) -> None:
    client = await clients.open(server)
    for command in ("publish", "play", "stop", "takeConfiguration", "takeCandidate"):
        await client.send(command, streamId=value)
    for answer in await _reach_pong(client):
        if answer["command"] == "error":
            assert answer["definition"] in ("invalidStreamName", "no_stream_exist")


@pytest.mark.usefixtures("no_traceback")
async def test_a_socket_that_floods_hurts_only_itself(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    flooder, other = await clients.open(server), await clients.open(server)
    for number in range(2000):
        await flooder.send("getStreamInfo", f"{stream_id}-{number}")
    await other.expect_nothing()
    seen = await other.loop_back(stream_id)
    await wait_for_frames(seen, "video")


@pytest.mark.parametrize(
    "path", ["NoSuchApp/websocket", "LiveApp/nothing", "websocket"]
)
async def test_a_socket_of_an_unknown_address_is_refused(
    server: ServerProcess, clients: Clients, path: str
) -> None:
    with pytest.raises(Exception, match="HTTP 40"):
        await clients.open_url(f"ws://127.0.0.1:{server.http_port}/{path}")


async def _reach_pong(client: Client) -> list[dict[str, Any]]:
    """The answers before the next pong, none of them an internal error."""
    await client.send("ping")
    answers = []
    while (answer := await client.receive())["command"] != "pong":
        assert answer.get("definition") != "server_error_check_logs"
        answers.append(answer)
    return answers
