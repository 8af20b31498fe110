"""Publishers and viewers over TCP, and what a connection means to its peer."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from relay import control, tcp_connection
from relay.ice import tcp_candidate_lines
from relay.packet import RtpPacket
from tests.relay.conftest import WAIT_S, RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    KEY_FRAME,
    RawPeer,
    accept_offer,
    play_raw,
    publish_raw,
)
from tests.relay.tcp_peer import TcpPeer, is_tcp, play_by_tcp, publish_by_tcp

STREAM = "LiveApp/one"
LAST = b"\x10\x11the last one"


def lasts(viewer: RawPeer) -> list[RtpPacket]:
    return [packet for packet in viewer.rtp if packet.payload == LAST]


async def settled(relay: RunningRelay, stream: str) -> None:
    """What was sent by UDP before has been forwarded."""
    other = await RawPeer.open(relay)
    relay.router.handle(accept_offer(other, stream, other.offer()))
    other.remember((await relay.event(control.Answered, other.session)).sdp)
    await other.check()


async def reopened(viewer: TcpPeer) -> None:
    """The viewer's connection is another one, as after a cut."""
    assert viewer.stream is not None
    viewer.stream.abort()
    await viewer.connect_stream()
    await viewer.check()


# -- media --------------------------------------------------------------------


async def test_it_publishes_and_plays(still_relay: RunningRelay) -> None:
    publisher = await publish_by_tcp(still_relay, STREAM)
    viewers = [
        await play_by_tcp(still_relay, STREAM),
        await play_raw(still_relay, STREAM),
        await play_by_tcp(still_relay, STREAM),
    ]
    for seq in range(2, 7):
        publisher.send_video(seq, KEY_FRAME if seq == 2 else DELTA_FRAME)
        publisher.send_audio(seq)
    publisher.send_video(7, LAST)
    publisher.send_audio(7, LAST)
    found = []
    for viewer in viewers:
        await viewer.until(lambda v=viewer: len(lasts(v)) == 2)  # type: ignore[misc]
        numbers: dict[int, list[int]] = {}
        for packet in viewer.rtp:
            numbers.setdefault(packet.ssrc, []).append(packet.seq)
        found.append({ssrc: seqs[-6:] for ssrc, seqs in numbers.items()})
    assert found[0] == found[1] == found[2]
    assert [len(seqs) for seqs in found[0].values()] == [6, 6]


async def test_a_burst_of_packets_arrives_whole(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    sizes = [1100, 1100, 1100, 20, 900, 1]
    publisher.send_video(2, KEY_FRAME)
    for seq, size in enumerate(sizes, 3):
        publisher.send_video(seq, b"\x10\x11" + bytes(size))
    await viewer.until(lambda: len(viewer.rtp) >= len(sizes))
    await viewer.until(lambda: len(viewer.rtp[-1].payload) == 2 + sizes[-1])
    got = [len(packet.payload) - 2 for packet in viewer.rtp]
    assert got[-len(sizes) :] == sizes
    receivers = still_relay.router.streams()[0].tracks["video"].receivers
    assert receivers.sends.dropped == 0


async def test_a_viewer_that_stops_reading_costs_its_own_packets_alone(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_connection, "MAX_UNSENT_BYTES", 4096)
    monkeypatch.setattr(tcp_connection, "SEND_BUFFER_BYTES", 4096)
    publisher = await publish_raw(still_relay, STREAM)
    slow = await play_by_tcp(still_relay, STREAM)
    fast = await play_raw(still_relay, STREAM)
    assert slow.stream is not None
    slow.stream.pause_reading()
    connection = still_relay.router._peers[slow.session].socket
    assert connection is not None
    count = 1
    async with asyncio.timeout(WAIT_S):
        while not connection.blocked:
            for _ in range(20):
                count += 1
                publisher.send_video(count, KEY_FRAME + bytes(1000))
            await publisher.check()
    publisher.send_video(count + 1, LAST)
    await fast.until(lambda: lasts(fast))
    assert len(fast.rtp) >= count
    receivers = still_relay.router.streams()[0].tracks["video"].receivers
    assert receivers.sends.dropped >= 1
    slow.stream.resume_reading()
    await slow.check()  # frames are whole: what comes after them is understood


# -- addresses ----------------------------------------------------------------


async def test_the_end_of_a_connection_is_noticed_at_once(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    peer = still_relay.router._peers[viewer.session]
    assert is_tcp(peer.address)
    assert viewer.stream is not None
    viewer.stream.abort()
    await settled(still_relay, "A/settle")
    async with asyncio.timeout(WAIT_S):
        while True:
            if peer.address is None:
                break
            await asyncio.sleep(0)
    assert (peer.socket, peer.addresses) == (None, {})
    assert not [a for a in still_relay.router._by_address if is_tcp(a)]
    assert not peer.closed  # it may come back until its consent is over


async def test_a_new_connection_takes_over(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    before = max(packet.seq for packet in viewer.rtp)
    await reopened(viewer)
    publisher.send_video(2, DELTA_FRAME)  # which it could not decode
    publisher.send_video(3, KEY_FRAME)
    publisher.send_video(4, LAST)
    await viewer.until(lambda: lasts(viewer))
    # Its numbers go on where they were: SRTP counts their wraps by what it sent.
    assert [(p.seq - before) & 0xFFFF for p in lasts(viewer)] == [2]
    assert len(still_relay.tcp._connections) == 1


async def test_udp_that_was_checked_takes_over_when_tcp_ends(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    peer = still_relay.router._peers[viewer.session]
    beside = await RawPeer.open(still_relay)
    beside.credentials = viewer.credentials
    beside.remote_ufrag, beside.remote_pwd = viewer.remote_ufrag, viewer.remote_pwd
    await beside.check(nominate=False)
    assert is_tcp(peer.address)
    assert viewer.stream is not None
    viewer.stream.abort()
    async with asyncio.timeout(WAIT_S):
        while True:
            if peer.address == beside.address:
                break
            await asyncio.sleep(0)
    assert peer.socket is peer.addresses[beside.address]


async def test_the_same_ip_and_port_over_udp_is_another_address(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    router = still_relay.router
    assert router._by_address.get(viewer.address) is None
    assert router._peers[viewer.session].address != viewer.address


async def test_a_connection_is_of_one_peer(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    first = await play_by_tcp(still_relay, STREAM)
    second = await RawPeer.open(still_relay)
    still_relay.router.handle(accept_offer(second, "LiveApp/two", second.offer()))
    second.remember((await still_relay.event(control.Answered, second.session)).sdp)
    known = len(first.stun)
    first.send(second.binding_request())
    await first.until(lambda: len(first.stun) > known)
    router = still_relay.router
    assert router._peers[second.session].addresses == {}
    address = router._peers[first.session].address
    assert address is not None
    assert router._by_address[address] is router._peers[first.session]


async def test_its_connections_end_with_the_peer(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_by_tcp(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(viewer.session))
    await asyncio.wait_for(viewer.lost.wait(), WAIT_S)
    assert viewer.dtls[-1][0] == 21  # after DTLS said goodbye: an alert
    assert len(still_relay.tcp._connections) == 0


async def test_a_peer_keeps_a_bounded_number_of_connections(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.peer.MAX_ADDRESSES", 3)
    client = await TcpPeer.open(still_relay)
    still_relay.router.handle(accept_offer(client, STREAM, client.offer()))
    client.remember((await still_relay.event(control.Answered, client.session)).sdp)
    await client.check()
    selected = still_relay.router._peers[client.session].address
    streams = [client.stream]
    for _ in range(4):
        await client.connect_stream()
        streams.append(client.stream)
        await client.check(nominate=False)
    peer = still_relay.router._peers[client.session]
    assert len(peer.addresses) == len(still_relay.tcp._connections) == 3
    assert peer.address == selected
    for stream in streams:
        assert stream is not None
        stream.close()


# -- candidates ---------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
async def test_candidates_are_given_only_where_they_are_wanted(
    still_relay: RunningRelay, wanted: bool
) -> None:
    router = still_relay.router
    router.tcp_candidates = tcp_candidate_lines(["127.0.0.1"], still_relay.port)
    expected = router.candidates + router.tcp_candidates * wanted
    publisher = await RawPeer.open(still_relay)
    command = accept_offer(publisher, STREAM, publisher.offer())
    router.handle(dataclasses.replace(command, tcp_candidates=wanted))
    answered = await still_relay.event(control.Answered)
    await publisher.connect(answered.sdp)
    publisher.send_video(1, KEY_FRAME)
    await still_relay.event(control.Started)
    router.handle(
        control.CreateOffer("viewer", "c", STREAM, 8000, tcp_candidates=wanted)
    )
    offered = await still_relay.event(control.Offered)
    router.handle(
        control.CreateRoomOffer(
            "guest", "c", "LiveApp/room", 8000, (), tcp_candidates=wanted
        )
    )
    room_offered = await still_relay.event(control.Offered, "guest")
    for told in (answered, offered, room_offered):
        assert told.candidates == expected
        assert ("tcptype passive" in told.sdp) is wanted
        for line in expected:
            assert f"a={line}\r\n" in told.sdp
