"""aiortc behind a NAT that changes its port: it checks every 4 to 6 s, and nominates
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection

from tests.impairment import LISTEN, Network
from tests.integration.client import Clients
from tests.integration.media import WAIT_S, wait_for_frames
from tests.server_process import ServerProcess

PACKETS = 100  # more than can be on their way when the port changes


@pytest.fixture
def far_server(tmp_path: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path, PUBLIC_IP=LISTEN)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture
def network(far_server: ServerProcess) -> Iterator[Network]:
    with Network.started(far_server.media_port, seed=5) as network:
        yield network


async def received_packets(peer: RTCPeerConnection) -> int:
    """So far, audio and video."""
    report = await peer.getStats()
    return sum(s.packetsReceived for s in report.values() if s.type == "inbound-rtp")


@pytest.mark.parametrize("moved", ["publisher", "viewer"])
async def test_media_goes_on_from_a_new_port(
    far_server: ServerProcess,
    network: Network,
    clients: Clients,
    stream_id: str,
    moved: str,
) -> None:
    publisher = await clients.open(far_server)
    network.newcomers("publisher")
    await publisher.publish(stream_id)
    viewer = await clients.open(far_server)
    network.newcomers("viewer")
    peer = await viewer.play(stream_id)
    await wait_for_frames(peer, "audio")
    before = network.clients(moved)
    network.rebind(moved)
    goal = await received_packets(peer) + PACKETS
    async with asyncio.timeout(WAIT_S):
        while True:
            if await received_packets(peer) >= goal:
                break
            await asyncio.sleep(0.05)
    assert network.clients(moved) != before
    await viewer.expect_nothing()
    await publisher.expect_nothing()
