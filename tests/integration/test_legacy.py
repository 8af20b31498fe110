"""The 2017 dialect on its own port: streamName, and no id where none was sent."""

from __future__ import annotations

from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription

from tests.integration.client import Body, Client, Clients, candidates_of
from tests.integration.media import Pictures, new_peer, wait_for_frames
from tests.server_process import ServerProcess


async def connect(clients: Clients, server: ServerProcess) -> Client:
    return await clients.open_url(f"ws://127.0.0.1:{server.legacy_port}/WebRTCApp4")


async def hear(client: Client, stream: str, **fields: Any) -> Body:
    """The next message is about the stream, by both names, and says all this."""
    body = await client.receive()
    assert (body["streamName"], body["streamId"]) == (stream, stream)
    assert body.items() >= fields.items(), body
    return body


async def describe(client: Client, stream: str, peer: RTCPeerConnection) -> None:
    local = peer.localDescription
    fields = {"type": local.type, "sdp": local.sdp}
    await client.send("takeConfiguration", streamName=stream, **fields)
    candidate = next(
        line.removeprefix("a=")
        for line in local.sdp.splitlines()
        if line.startswith("a=candidate")
    )
    common = {"streamName": stream, "candidate": candidate}
    await client.send("takeCandidate", **common, label="0", id="0")  # a string
    await client.send("takeCandidate", **common, id="0")  # 2018: without
    await client.send("takeCandidate", **common, label=0)


async def test_a_stream_is_published_and_played(
    server: ServerProcess, clients: Clients, stream_id: str, no_traceback: None
) -> None:
    publisher = await connect(clients, server)
    await publisher.send("publish", streamName=stream_id)
    await hear(publisher, stream_id, command="start")
    source = new_peer()
    publisher.peers.append(source)
    source.addTrack(Pictures())
    await source.setLocalDescription(await source.createOffer())
    await describe(publisher, stream_id, source)
    answer = await hear(publisher, stream_id, command="takeConfiguration")
    for _ in candidates_of(answer["sdp"]):
        candidate = await hear(publisher, stream_id, command="takeCandidate")
        assert (candidate["label"], type(candidate["id"])) == (0, str)
    await source.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    await hear(publisher, stream_id, definition="publish_started")

    viewer = await connect(clients, server)
    await viewer.send("play", streamName=stream_id)
    offer = await hear(viewer, stream_id, command="takeConfiguration", type="offer")
    for _ in candidates_of(offer["sdp"]):
        await hear(viewer, stream_id, command="takeCandidate")
    sink = new_peer()
    viewer.peers.append(sink)
    await sink.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
    await sink.setLocalDescription(await sink.createAnswer())
    await describe(viewer, stream_id, sink)
    await hear(viewer, stream_id, definition="play_started")
    await wait_for_frames(sink, "video")

    await viewer.send("stop")
    await hear(viewer, stream_id, definition="play_finished")
    await publisher.send("stop")
    await hear(publisher, stream_id, definition="publish_finished")
    await publisher.send("stop")
    await publisher.expect_nothing()


async def test_two_peers_meet_and_part(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first, second = await connect(clients, server), await connect(clients, server)
    await first.send("join", streamName=stream_id)
    await hear(first, stream_id, definition="joined")
    await second.send("join", streamName=stream_id)
    await hear(second, stream_id, definition="joined")
    await hear(first, stream_id, command="start")

    said = {"label": "0", "id": "audio", "candidate": "candidate:1"}
    await first.send("takeCandidate", streamName=stream_id, **said)
    heard = await hear(second, stream_id, command="takeCandidate")
    assert {name: heard[name] for name in said} == said

    await second.send("leave")
    await hear(second, stream_id, definition="leaved")
    await hear(first, stream_id, command="stop")
    await first.send("leave")
    await hear(first, stream_id, definition="leaved")
