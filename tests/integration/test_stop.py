"""`stop`: the id is free at once, and nothing of the old attempt is said any more."""

from __future__ import annotations

from tests.integration.client import Clients
from tests.server_process import ServerProcess


async def test_a_stop_frees_the_id_for_the_next_command(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.publish(stream_id)
    await client.send("stop", stream_id)
    await client.send("publish", stream_id)  # nothing awaited in between
    await client.expect_notification("publish_finished", stream_id, subscriberId="")
    await client.expect("start", stream_id, subscriberId="")
    await client.negotiate_publish(stream_id)
    await client.expect_notification("publish_started", stream_id, subscriberId="")


async def test_a_stop_frees_the_id_for_another_socket(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first, second = await clients.open(server), await clients.open(server)
    await first.publish(stream_id)
    await first.stop_publishing(stream_id)
    await second.publish(stream_id)
    await first.expect_nothing()


async def test_a_stopped_negotiation_is_never_answered(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    await client.send_offer(stream_id)
    await client.send("stop", stream_id)
    await client.send("publish", stream_id)
    while (answer := await client.receive())["command"] != "notification":
        # Said before the stop was read.
        assert answer["command"] in ("takeConfiguration", "takeCandidate")
    assert answer["definition"] == "publish_finished"
    await client.expect("start", stream_id, subscriberId="")
    await clients.settle(server)
    await client.expect_nothing()
    await client.negotiate_publish(stream_id)
    await client.expect_notification("publish_started", stream_id, subscriberId="")


async def test_a_stopped_play_gets_no_offer(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id)
    await viewer.send("play", stream_id)
    await viewer.send("stop", stream_id)
    while (answer := await viewer.receive())["command"] != "notification":
        # Said before the stop was read.
        assert answer["command"] in ("takeConfiguration", "takeCandidate")
    assert answer["definition"] == "play_finished"
    await clients.settle(server)
    await viewer.expect_nothing()
    await viewer.play(stream_id)


async def test_a_stop_of_nothing_is_silent(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    await client.send("stop", stream_id)
    await client.expect_nothing()
