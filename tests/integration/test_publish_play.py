"""Every message of publishing and playing, by a real client of the real server."""

from __future__ import annotations

import re

import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from tests.integration.client import NOT_THERE, Clients, candidates_of
from tests.integration.media import (
    BRIGHT,
    Pictures,
    wait_for_brightness,
    wait_for_frames,
)
from tests.server_process import ServerProcess

IDS = {"subscriberId": "", "linkSession": ""}


def candidates(server: ServerProcess) -> list[str]:
    at = f"127.0.0.1 {server.media_port} typ host"
    udp = f"candidate:1 1 udp 2130706431 {at}"
    return [udp, f"candidate:t1 1 tcp 1520435199 {at} tcptype passive"]


async def test_publish_has_exactly_the_contracts_messages(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id, video=True, audio=True)
    await client.expect("start", stream_id, subscriberId="")
    peer = await client.send_offer(stream_id)
    answer = await client.receive()
    sdp = answer["sdp"]
    assert answer == {
        "command": "takeConfiguration",
        "streamId": stream_id,
        "type": "answer",
        "sdp": sdp,
        **IDS,
    }
    assert "a=ice-lite" in sdp
    assert candidates_of(sdp) == candidates(server)
    for line in candidates(server):
        await client.expect(
            "takeCandidate", stream_id, label=0, id="0", candidate=line, **IDS
        )
    await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    await client.expect_notification("publish_started", stream_id, subscriberId="")
    await client.stop_publishing(stream_id)
    await client.expect_nothing()


async def test_play_has_exactly_the_contracts_messages(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher = await clients.open(server)
    await publisher.publish(stream_id)
    viewer = await clients.open(server)
    await viewer.send("play", stream_id, token="", viewerInfo="a television")
    offer = await viewer.receive()
    sdp, mapping = offer["sdp"], offer["idMapping"]
    assert offer == {
        "command": "takeConfiguration",
        "streamId": stream_id,
        "type": "offer",
        "sdp": sdp,
        "idMapping": mapping,
        **IDS,
    }
    first_mid = re.findall(r"^a=mid:(\S+)\r?$", sdp, re.MULTILINE)[0]
    for line in candidates(server):
        await viewer.expect(
            "takeCandidate", stream_id, label=0, id=first_mid, candidate=line, **IDS
        )
    assert sorted(mapping.values()) == [f"ARDAMSa{stream_id}", f"ARDAMSv{stream_id}"]
    peer = await viewer.answer(stream_id, sdp)
    await viewer.expect_notification("play_started", stream_id, subscriberId="")
    await wait_for_frames(peer, "video")
    await wait_for_frames(peer, "audio")
    await viewer.send("stop", stream_id)
    await viewer.expect_notification("play_finished", stream_id, subscriberId="")
    await publisher.expect_nothing()


async def test_an_offers_media_names_what_its_id_mapping_names(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher = await clients.open(server)
    await publisher.publish(stream_id)
    viewer = await clients.open(server)
    await viewer.send("play", stream_id)
    offer = await viewer.take_description(stream_id, "offer")
    streams = set()
    named = {}
    for section in offer["sdp"].split("\r\nm=")[1:]:
        if section.startswith("application"):
            continue
        mid = re.search(r"a=mid:(\S+)", section)
        msid = re.search(r"a=msid:(\S+) (\S+)", section)
        assert mid
        assert msid
        streams.add(msid[1])
        named[mid[1]] = msid[2]
    assert named == offer["idMapping"]
    assert len(streams) == 1  # audio and video are one MediaStream of the page


async def test_the_subscriber_is_named_in_every_answer(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id, subscriberId="ann", linkSession="link-1")
    await client.expect("start", stream_id, subscriberId="ann")
    await client.send_offer(stream_id)
    for _ in ("the answer", *candidates(server)):
        description = await client.receive()
        assert description["subscriberId"] == "ann"
        assert description["linkSession"] == "link-1"
    await client.send("stop", stream_id)
    await client.expect_notification("publish_finished", stream_id, subscriberId="ann")


async def test_a_stop_of_the_publisher_ends_its_viewers(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    await publisher.stop_publishing(stream_id)
    await viewer.expect_notification("play_finished", stream_id, subscriberId="")
    await viewer.send("play", stream_id)
    await viewer.expect_error("no_stream_exist", stream_id, **NOT_THERE)


@pytest.mark.parametrize("command", ["play", "getStreamInfo"])
async def test_a_stream_nobody_publishes_does_not_exist(
    server: ServerProcess, clients: Clients, stream_id: str, command: str
) -> None:
    client = await clients.open(server)
    await client.send(command, stream_id)
    await client.expect_error("no_stream_exist", stream_id, **NOT_THERE)


async def test_a_stream_that_is_only_being_prepared_does_not_exist_for_viewers(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.send("publish", stream_id)
    await publisher.expect("start", stream_id, subscriberId="")
    await viewer.send("play", stream_id)
    await viewer.expect_error("no_stream_exist", stream_id, **NOT_THERE)


async def test_who_asked_too_early_is_told_when_the_stream_is_live(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await viewer.send("play", stream_id)
    await viewer.expect_error("no_stream_exist", stream_id, **NOT_THERE)
    await publisher.publish(stream_id)
    await viewer.expect_notification("streaming_started", stream_id)
    await viewer.play(stream_id)


async def test_an_id_is_one_publishers_at_a_time(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first, second = await clients.open(server), await clients.open(server)
    await first.send("publish", stream_id)
    await first.expect("start", stream_id, subscriberId="")
    await second.send("publish", stream_id)
    await second.expect_error("streamIdInUse", stream_id)
    await first.negotiate_publish(stream_id)
    await first.expect_notification("publish_started", stream_id, subscriberId="")
    await second.send("publish", stream_id)
    await second.expect_error("streamIdInUse", stream_id)
    await first.send("publish", stream_id)
    await first.expect_error("already_publishing", stream_id)


async def test_the_same_id_is_another_stream_in_another_application(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first = await clients.open(server, "LiveApp")
    second = await clients.open(server, "WebRTCAppEE")
    await first.publish(stream_id)
    await second.publish(stream_id)


async def test_a_socket_plays_a_stream_once(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    await viewer.send("play", stream_id)
    await viewer.expect_error("already_playing", stream_id)


async def test_one_socket_carries_several_streams(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    one, two = f"{stream_id}-1", f"{stream_id}-2"
    await client.publish(one)
    await client.publish(two, [Pictures(BRIGHT)])
    sees_one = await client.play(one)
    sees_two = await client.play(two)
    await wait_for_frames(sees_one, "video")
    await wait_for_frames(sees_one, "audio")
    await wait_for_brightness(sees_two, BRIGHT)
    await client.send("stop", one)  # published and played here: both end
    ended = [await client.receive() for _ in range(2)]
    assert {body["definition"] for body in ended} == {
        "publish_finished",
        "play_finished",
    }
    assert {body["streamId"] for body in ended} == {one}
    await wait_for_frames(sees_two, "video")
    await client.expect_nothing()


async def test_audio_alone_is_published_and_played(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.publish(stream_id, [AudioStreamTrack()], video=False)
    peer = await client.play(stream_id)
    assert [t.kind for t in peer.getTransceivers()] == ["audio"]
    await wait_for_frames(peer, "audio")


async def test_video_alone_is_published_and_played(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.publish(stream_id, [Pictures()], audio=False)
    peer = await client.play(stream_id)
    assert [t.kind for t in peer.getTransceivers()] == ["video"]
    await wait_for_frames(peer, "video")
