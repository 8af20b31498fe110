"""Hostile packets and messages against a running server with a live stream.

Each phase ends when the stream has been seen to flow on, by frames decoded after
the phase's last packet was taken.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psutil
import pytest
from aiortc import RTCPeerConnection

from tests.integration import fuzz
from tests.integration.client import Client, Clients
from tests.integration.conftest import eventually
from tests.integration.media import (
    DARK,
    received_track,
    wait_for_brightness,
    wait_for_frames,
)
from tests.server_process import ServerProcess

SEED = 20_261_120
PACKETS_ELSEWHERE = 100_000  # from addresses that no peer has
PACKETS_AS_PEER = 20_000  # from a peer's address
PACKETS_AUTHENTICATED = 20_000  # and with a peer's keys
MESSAGES = 3000
MESSAGES_A_SOCKET = 100  # within what one socket may say at once
ROUNDS = 5
MAX_LOG_BYTES = 64 * 1024
MAX_GROWTH_BYTES = 64 * 1024 * 1024
SESSIONS = "SELECT stream_id FROM streams_livesession"


@dataclass
class Live:
    """A stream that flows, and what must not change meanwhile."""

    server: ServerProcess
    stream_id: str
    publisher: Client
    seen: RTCPeerConnection
    relay: psutil.Process
    captured: list[bytes]
    log_bytes: int
    memory_bytes: int

    async def assert_flowing(self) -> None:
        """Frames still arrive and can be decoded, and nothing was restarted."""
        for kind in ("video", "audio"):
            _skip_to_now(self.seen, kind)
            await wait_for_frames(self.seen, kind, 2)
        assert self.server.relay_pid() == self.relay.pid
        await self.publisher.expect_nothing()

    def log(self) -> str:
        return self.server.log()[self.log_bytes :]

    def assert_unharmed(self) -> None:
        """The log is small and without errors of ours; memory is bounded."""
        log = self.log()
        assert "Traceback" not in log
        assert len(log) < MAX_LOG_BYTES
        assert _memory(self.server, self.relay) - self.memory_bytes < MAX_GROWTH_BYTES


@pytest.fixture
async def live(own_server: ServerProcess, clients: Clients) -> AsyncIterator[Live]:
    stream_id = "live"
    publisher, viewer = await clients.open(own_server), await clients.open(own_server)
    captures: list[fuzz.Capture] = []
    publisher.on_peer = lambda peer: captures.append(fuzz.Capture(peer))
    sent = await publisher.publish(stream_id)
    seen = await viewer.play(stream_id)
    await wait_for_brightness(seen, DARK)
    (capture,) = captures
    await eventually(lambda: capture.kinds == {"stun", "dtls", "rtp", "rtcp"})
    pid = own_server.relay_pid()
    assert pid is not None
    relay = psutil.Process(pid)
    yield Live(
        own_server,
        stream_id,
        publisher,
        seen,
        relay,
        _one_of_each(capture.datagrams),
        len(own_server.log()),
        _memory(own_server, relay),
    )
    assert sent.connectionState == "connected"


async def test_packets_from_anywhere_do_not_disturb_a_stream(live: Live) -> None:
    port = live.server.media_port
    random_ = random.Random(SEED)
    hostile = _hostile(random_, live.captured)
    with contextlib.closing(fuzz.Sockets(random_, port)) as sockets:
        for _ in range(ROUNDS):
            await sockets.send(hostile, PACKETS_ELSEWHERE // ROUNDS)
            await live.assert_flowing()
    assert fuzz.dropped_datagrams(port) == 0
    live.assert_unharmed()


async def test_packets_from_a_peers_own_address_do_not_disturb_its_stream(
    live: Live,
) -> None:
    port = live.server.media_port
    random_ = random.Random(SEED + 1)
    hostile = _hostile(random_, live.captured)
    senders = (live.publisher.peers[0], live.seen)
    for _ in range(ROUNDS):
        for number in range(PACKETS_AS_PEER // ROUNDS):
            await fuzz.send_as(senders[number % 2], next(hostile))
            if number % fuzz.BURST == 0:
                await fuzz.drained(port)
        await live.assert_flowing()
    live.assert_unharmed()


async def test_copies_of_a_peers_checks_do_not_move_it(live: Live) -> None:
    """Whoever sees a signed check can send it too, from wherever they are."""
    checks = [data for data in live.captured if fuzz.kind(data) == "stun"]
    port = live.server.media_port
    with contextlib.closing(fuzz.Sockets(random.Random(SEED), port)) as sockets:
        await sockets.send(itertools.cycle(checks), 50 * len(checks))
        await fuzz.drained(port)
        await live.assert_flowing()


async def test_a_hostile_publisher_and_viewer_disturb_no_other_stream(
    live: Live, clients: Clients
) -> None:
    client = await clients.open(live.server)
    await client.publish("hostile")
    watcher = await clients.open(live.server)
    await watcher.play("hostile")
    viewer = await clients.open(live.server)
    plays = await viewer.play(live.stream_id)
    for kind in ("video", "audio"):
        await wait_for_frames(plays, kind)
    random_ = random.Random(SEED + 2)
    await _send_authenticated(live, random_, client.peers[0], plays)
    await live.assert_flowing()
    live.assert_unharmed()


async def test_messages_of_any_shape_do_not_disturb_a_stream(
    live: Live, clients: Clients
) -> None:
    random_ = random.Random(SEED + 3)
    hostile = fuzz.messages(random_, _message_seeds(live))
    for number in range(MESSAGES // MESSAGES_A_SOCKET):
        client = await clients.open(live.server)
        for message in itertools.islice(hostile, MESSAGES_A_SOCKET):
            await client.socket.send(message)
        await client.send("ping")
        while (answer := await client.receive())["command"] != "pong":
            assert answer.get("definition") != "server_error_check_logs", answer
        await client.close()
        if number % ROUNDS == 0:
            await live.assert_flowing()
    await live.assert_flowing()
    await eventually(
        lambda: {row["stream_id"] for row in live.server.rows(SESSIONS)} == {"live"}
    )
    live.assert_unharmed()


def _hostile(random_: random.Random, seeds: list[bytes]) -> Iterator[bytes]:
    while True:
        if random_.random() < 0.3:
            yield fuzz.garbage(random_)
        else:
            yield fuzz.mutated(random_, seeds)


async def _send_authenticated(
    live: Live,
    random_: random.Random,
    publisher: RTCPeerConnection,
    viewer: RTCPeerConnection,
) -> None:
    """RTP and RTCP that only the server's own parsers stand against."""
    port = live.server.media_port
    sender = publisher.getSenders()[-1]
    receivers = viewer.getReceivers()
    rtp = fuzz.rtp_packets(sender._ssrc, 97)
    rtp += fuzz.rtp_packets(sender._rtx_ssrc, 98)
    reports = fuzz.rtcp_packets(sender._ssrc, sender._ssrc)
    known = [
        source.source for r in receivers for source in r.getSynchronizationSources()
    ]
    feedback = [packet for ssrc in known for packet in fuzz.rtcp_packets(1, ssrc)]
    taken = 0
    for number in range(PACKETS_AUTHENTICATED):
        if number % 3:
            packet = fuzz.renumbered(fuzz.mutated(random_, rtp + reports), number)
            taken += await fuzz.send_authenticated(publisher, packet)
        else:
            packet = fuzz.mutated(random_, feedback)
            taken += await fuzz.send_authenticated(viewer, packet)
        if number % fuzz.BURST == 0:
            await fuzz.drained(port)
    assert taken > PACKETS_AUTHENTICATED // 4


def _message_seeds(live: Live) -> list[str]:
    description = live.publisher.peers[0].localDescription
    bodies: list[dict[str, object]] = [
        {"command": "publish", "video": True, "audio": True, "token": "", "name": "x"},
        {"command": "play", "token": "", "viewerInfo": "", "trackList": []},
        {"command": "stop"},
        {"command": "takeConfiguration", "type": "offer", "sdp": description.sdp},
        {"command": "takeConfiguration", "type": "answer", "sdp": description.sdp},
        {"command": "takeCandidate", "label": 0, "id": "0", "candidate": "candidate:1"},
        {"command": "getStreamInfo"},
        {"command": "getBroadcastObject"},
        {"command": "getIceServerConfig"},
        {"command": "ping"},
    ]
    ids = (live.stream_id, "fuzz-1", "fuzz-2")
    return [json.dumps({**body, "streamId": id_}) for body in bodies for id_ in ids]


def _one_of_each(datagrams: list[bytes]) -> list[bytes]:
    """Ten of each kind, so that none is drowned by RTP."""
    by_kind: dict[str, list[bytes]] = {}
    for data in datagrams:
        by_kind.setdefault(fuzz.kind(data), []).append(data)
    return [data for found in by_kind.values() for data in found[:10]]


def _skip_to_now(peer: RTCPeerConnection, kind: str) -> None:
    """Frames that were decoded earlier do not count."""
    queue = received_track(peer, kind)._queue  # type: ignore[attr-defined]  # aiortc's
    while not queue.empty():
        queue.get_nowait()


def _memory(server: ServerProcess, relay: psutil.Process) -> int:
    assert server.process is not None
    main = psutil.Process(server.process.pid)
    return int(main.memory_info().rss + relay.memory_info().rss)
