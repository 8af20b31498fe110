"""What clients see when a process of the server, or its database, goes away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.client import WAIT_S, Client, Clients
from tests.integration.conftest import eventually
from tests.integration.media import wait_for_frames
from tests.server_process import ServerProcess

SESSIONS = "SELECT id, stream_id, role, state FROM streams_livesession"
CLOSED_BY_SERVER = (1000, 1001, 1006, 1012)


async def test_the_server_goes_on_without_a_killed_relay(
    own_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(own_server), await clients.open(own_server)
    bystander = await clients.open(own_server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    relay = own_server.relay_pid()
    assert relay is not None
    os.kill(relay, signal.SIGKILL)
    await publisher.expect_notification("server_will_stop")
    await viewer.expect_notification("server_will_stop")
    await bystander.expect_nothing()
    assert own_server.rows(SESSIONS) == []
    await eventually(lambda: own_server.relay_pid() not in (None, relay))
    # The SDK returns with new sockets; old ones are as good.
    await _publish_when_relayed(publisher, stream_id)
    returned = await clients.open(own_server)
    await wait_for_frames(await returned.play(stream_id), "video")
    await wait_for_frames(await viewer.play(stream_id), "video")


async def test_a_killed_server_starts_again_without_stale_rows(
    own_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(own_server), await clients.open(own_server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    relay = own_server.relay_pid()
    assert relay is not None
    own_server.kill()
    await eventually(lambda: not _is_running(relay))
    own_server.start()
    again = await clients.open(own_server)
    await again.publish(stream_id)
    await wait_for_frames(await again.play(stream_id), "video")
    rows = own_server.rows(SESSIONS)
    assert sorted(row["role"] for row in rows) == ["play", "publish"]
    broadcasts = own_server.rows("SELECT stream_id, status FROM streams_broadcast")
    assert [tuple(row) for row in broadcasts] == [(stream_id, "broadcasting")]


async def test_a_stop_in_order_says_so_and_leaves_nothing(
    own_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(own_server), await clients.open(own_server)
    idle = await clients.open(own_server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    assert own_server.process is not None
    family = psutil.Process(own_server.process.pid).children(recursive=True)
    stopped = asyncio.create_task(asyncio.to_thread(own_server.stop))
    for client in (publisher, viewer, idle):
        await client.expect_notification("server_will_stop")
        assert await client.expect_no_socket() in CLOSED_BY_SERVER
    assert await stopped == 0
    assert not any(_is_running(child.pid) for child in family)
    assert own_server.rows(SESSIONS) == []
    assert own_server.rows("SELECT * FROM streams_broadcast") == []
    nodes = own_server.rows("SELECT closed FROM streams_node")
    assert [row["closed"] for row in nodes] == [1] * len(nodes)
    assert "Traceback" not in own_server.log()


@pytest.mark.parametrize("port", ["HTTP_PORT", "LEGACY_PORT"])
def test_a_second_server_on_a_taken_port_says_so_and_ends(
    server: ServerProcess, tmp_path: Path, port: str
) -> None:
    taken = {"HTTP_PORT": server.http_port, "LEGACY_PORT": server.legacy_port}[port]
    second = ServerProcess(tmp_path, **{port: str(taken)})
    with pytest.raises(RuntimeError):
        second.start()
    assert second.process is not None
    assert second.process.poll() not in (0, None)
    log = second.log()
    assert "Address already in use" in log
    assert str(taken) in log
    assert "Traceback" not in log


async def test_a_locked_database_refuses_the_new_and_keeps_the_running(
    own_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(own_server), await clients.open(own_server)
    await publisher.publish(stream_id)
    seen = await viewer.play(stream_id)
    newcomers = [await clients.open(own_server) for _ in range(2)]
    with _locked(own_server.data_dir / "db.sqlite3"):
        await newcomers[0].send("publish", f"{stream_id}-new")
        await newcomers[1].send("play", stream_id)
        await viewer.expect_nothing()
        await newcomers[0].expect_error("data_store_not_available", f"{stream_id}-new")
        await newcomers[1].expect_error("data_store_not_available", stream_id)
        await wait_for_frames(seen, "video", 5)
        await wait_for_frames(seen, "audio", 5)
        await viewer.expect_nothing()
        await publisher.expect_nothing()
    resumed = await clients.publish_when_stored(own_server, f"{stream_id}-new")
    await resumed.negotiate_publish(f"{stream_id}-new")
    await resumed.expect_notification(
        "publish_started", f"{stream_id}-new", subscriberId=""
    )
    await wait_for_frames(await newcomers[1].play(stream_id), "video")
    await publisher.stop_publishing(stream_id)


async def test_a_stop_during_a_locked_database_frees_the_id_afterwards(
    own_server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, other = await clients.open(own_server), await clients.open(own_server)
    await publisher.publish(stream_id)
    with _locked(own_server.data_dir / "db.sqlite3"):
        await publisher.stop_publishing(stream_id)
        publisher.drop()
        await other.expect_nothing()
    again = await clients.publish_when_stored(own_server, stream_id)
    await again.negotiate_publish(stream_id)
    await again.expect_notification("publish_started", stream_id, subscriberId="")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def _publish_when_relayed(client: Client, stream_id: str) -> None:
    """As `publish`, once the new relay is up."""
    async with asyncio.timeout(WAIT_S):
        while True:
            await client.send("publish", stream_id)
            answer = await client.receive()
            if answer["command"] == "start":
                break
            assert answer["definition"] == "not_initialized_yet", answer
            await asyncio.sleep(0.1)
    await client.negotiate_publish(stream_id)
    await client.expect_notification("publish_started", stream_id, subscriberId="")


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
