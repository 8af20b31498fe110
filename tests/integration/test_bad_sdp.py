"""Bad or misplaced descriptions: refused or ignored, and the socket goes on."""

from __future__ import annotations

import re

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from tests.integration.client import Client, Clients
from tests.integration.media import Pictures, new_peer, wait_for_frames
from tests.server_process import ServerProcess


def _sdps() -> dict[str, str]:
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    media = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
    ice = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
    print_ = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    codec = "a=rtpmap:96 VP8/90000\r\n"
    rest = "a=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n"
    return {
        "empty": "",
        "blank": "\r\n\r\n",
        "text": "no SDP at all",
        "binary": "\x01\x02\u20ac\u0000" * 100,
        "no media": head,
        "no ice": head + media + print_ + codec + rest,
        "no fingerprint": head + media + ice + codec + rest,
        "no rtpmap": head + media + ice + print_ + rest,
        "unknown codec": head + media + ice + print_ + "a=rtpmap:96 X/1\r\n" + rest,
        "bad rtpmap": head + media + ice + print_ + "a=rtpmap:x\r\n" + rest,
        "bad port": head + "m=video x UDP/TLS/RTP/SAVPF 96\r\n" + ice + print_ + codec,
        "bad payload type": head + "m=video 9 UDP/TLS/RTP/SAVPF 96 x -1 999\r\n" + ice,
        "plain rtp": head + "m=video 9 RTP/AVP 96\r\n" + codec + rest,
        "many lines": head + "a=x\r\n" * 20_000,
        "many media": head + (media + ice + print_ + codec + rest) * 500,
    }


@pytest.mark.parametrize("name", _sdps())
@pytest.mark.usefixtures("no_traceback")
async def test_an_unusable_offer_is_refused_and_the_id_is_free(
    server: ServerProcess, clients: Clients, stream_id: str, name: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id, subscriberId="ann")
    await client.expect("start", stream_id, subscriberId="ann")
    await client.send("takeConfiguration", stream_id, type="offer", sdp=_sdps()[name])
    await client.expect_error("notSetRemoteDescription", stream_id, subscriberId="ann")
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")


@pytest.mark.usefixtures("no_traceback")
async def test_a_publisher_whose_offer_was_refused_tries_again(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    await client.send("takeConfiguration", stream_id, type="offer", sdp="no SDP")
    await client.expect_error("notSetRemoteDescription", stream_id, subscriberId="")
    await client.publish(stream_id)


@pytest.mark.parametrize("name", ["empty", "text", "no ice", "no fingerprint"])
@pytest.mark.usefixtures("no_traceback")
async def test_an_unusable_answer_is_refused_and_the_stream_goes_on(
    server: ServerProcess, clients: Clients, stream_id: str, name: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    seen = await publisher.loop_back(stream_id)
    await viewer.send("play", stream_id)
    await viewer.take_description(stream_id, "offer")
    await viewer.send("takeConfiguration", stream_id, type="answer", sdp=_sdps()[name])
    await viewer.expect_error("notSetRemoteDescription", stream_id, subscriberId="")
    await viewer.play(stream_id)
    await wait_for_frames(seen, "video")


async def _offer_with_fingerprint(
    client: Client, stream_id: str, fingerprint: str
) -> RTCPeerConnection:
    """The offer of a publisher who names another certificate than it has."""
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    peer = new_peer()
    client.peers.append(peer)
    peer.addTrack(Pictures())
    await peer.setLocalDescription(await peer.createOffer())
    sdp = re.sub(
        r"a=fingerprint:.*", f"a=fingerprint:{fingerprint}", peer.localDescription.sdp
    )
    await client.send("takeConfiguration", stream_id, type="offer", sdp=sdp)
    return peer


@pytest.mark.usefixtures("no_traceback")
async def test_a_fingerprint_nobody_can_check_is_refused(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await _offer_with_fingerprint(client, stream_id, "x y")
    await client.expect_error("notSetRemoteDescription", stream_id, subscriberId="")


@pytest.mark.usefixtures("no_traceback")
async def test_a_publisher_with_another_certificate_is_not_let_in(
    server: ServerProcess, clients: Clients, stream_id: str, impatient: str
) -> None:
    client = await clients.open(server, impatient)
    other = "sha-256 " + ":".join(["AB"] * 32)
    peer = await _offer_with_fingerprint(client, stream_id, other)
    answer = await client.take_description(stream_id, "answer")
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    await client.expect_error("publishTimeoutError", stream_id)
    await client.expect_nothing()


@pytest.mark.usefixtures("no_traceback")
async def test_descriptions_and_candidates_without_a_session_are_ignored(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    peer = new_peer()
    client.peers.append(peer)
    peer.addTrack(Pictures())
    peer.addTrack(AudioStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    await client.send_description(stream_id, peer)
    await client.send("takeConfiguration", stream_id, type="answer", sdp="v=0")
    for candidate in ("", "candidate:1 1 udp 1 127.0.0.1 9 typ host", "x" * 5000):
        await client.send(
            "takeCandidate", stream_id, label=0, id="0", candidate=candidate
        )
    await clients.settle(server)
    await client.expect_nothing()


@pytest.mark.usefixtures("no_traceback")
async def test_a_second_offer_and_an_offer_to_a_viewer_are_ignored(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    seen = await client.loop_back(stream_id)
    sdp = client.peers[0].localDescription.sdp
    await client.send("takeConfiguration", stream_id, type="offer", sdp=sdp)
    await client.send("takeConfiguration", stream_id, type="answer", sdp=sdp)
    await clients.settle(server)
    await client.expect_nothing()
    await wait_for_frames(seen, "video")
