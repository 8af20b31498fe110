"""A relay with enough to do refuses newcomers, and takes them again later."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client import WAIT_S, Client, Clients
from tests.server_process import ServerProcess

PEERS = 2


@pytest.fixture
def full_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Its relay is full with two peers."""
    running = ServerProcess(tmp_path, RELAY_MAX_PEERS=str(PEERS))
    running.start()
    yield running
    running.stop()


def page(server: ServerProcess, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(  # noqa: S310  http
            f"{server.url}{path}", timeout=10
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def metric(server: ServerProcess, name: str) -> float | None:
    """None: nothing was measured yet."""
    _, text = await asyncio.to_thread(page, server, "/metrics")
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return None


async def until(server: ServerProcess, name: str, value: float) -> None:
    async with asyncio.timeout(WAIT_S):
        while await metric(server, name) != value:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.2)


BUSY = 'antmedia_relay_refusing_newcomers{relay="relay-1"}'
REFUSED = (
    'antmedia_refusals_total{application="LiveApp",reason="resources",role="play"}'
)


async def test_a_full_relay_refuses_newcomers_and_takes_them_later(
    full_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher = await clients.open(full_server)
    viewer, newcomer = await clients.open(full_server), await clients.open(full_server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    await until(full_server, BUSY, 1)

    await newcomer.send("play", stream_id)
    await expect_refusal(newcomer, stream_id)
    await newcomer.send("publish", "another")
    await expect_refusal(newcomer, "another")
    assert await metric(full_server, REFUSED) == 1

    # Who publishes there already comes back.
    publisher.drop()
    again = await clients.open(full_server)
    async with asyncio.timeout(WAIT_S):
        while True:
            await again.send("publish", stream_id)
            answer = await again.receive()
            if answer["command"] == "start":
                break
            assert answer["definition"] == "streamIdInUse"
    await again.negotiate_publish(stream_id)
    await again.expect_notification("session_restored", stream_id)

    await viewer.close()
    await until(full_server, BUSY, 0)
    await newcomer.play(stream_id)


async def expect_refusal(client: Client, stream_id: str) -> None:
    answer = await client.receive()
    assert (answer["command"], answer["definition"], answer["streamId"]) == (
        "error",
        "highResourceUsage",
        stream_id,
    )


async def test_it_is_ready_until_a_stop_begins(own_server: ServerProcess) -> None:
    assert json.loads(page(own_server, "/health/ready")[1]) == {"ready": True}
    assert page(own_server, "/health/live")[0] == 200
    assert page(own_server, "/metrics")[0] == 200
    assert own_server.stop() == 0
