"""What the others see when a client's connection, or a part of it, is lost."""

from __future__ import annotations

import asyncio

from tests.integration.client import Clients
from tests.integration.conftest import eventually, set_start_timeout
from tests.integration.media import (
    BRIGHT,
    DARK,
    Pictures,
    Silence,
    wait_for_brightness,
    wait_for_frames,
)
from tests.server_process import ServerProcess

SESSIONS = "SELECT id, role, state FROM streams_livesession WHERE stream_id = ?"


async def test_a_lost_socket_frees_its_id(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first = await clients.open(server)
    await first.publish(stream_id)
    first.drop()
    second = await clients.publish_when_free(server, stream_id)
    await second.negotiate_publish(stream_id)
    await second.expect_notification("session_restored", stream_id)


async def test_a_socket_lost_before_media_frees_its_id(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first = await clients.open(server)
    await first.send("publish", stream_id)
    await first.expect("start", stream_id, subscriberId="")
    first.drop()
    second = await clients.publish_when_free(server, stream_id)
    await second.negotiate_publish(stream_id)
    await second.expect_notification("publish_started", stream_id, subscriberId="")


async def test_a_viewers_lost_socket_leaves_no_row(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    viewer.drop()
    await eventually(lambda: len(server.rows(SESSIONS, stream_id)) == 1)


async def test_viewers_get_the_media_of_a_publisher_that_returns(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first, viewer = await clients.open(server), await clients.open(server)
    await first.publish(stream_id, [Pictures(DARK)])
    seen = await viewer.play(stream_id)
    await wait_for_brightness(seen, DARK)
    first.drop()
    await first.peers[0].close()
    second = await clients.publish_when_free(server, stream_id)
    await second.negotiate_publish(stream_id, [Pictures(BRIGHT)])
    await second.expect_notification("session_restored", stream_id)
    await wait_for_brightness(seen, BRIGHT)
    await viewer.expect_nothing()  # no play_finished, no new offer


async def test_a_publisher_may_return_on_its_own_socket(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher, viewer = await clients.open(server), await clients.open(server)
    await publisher.publish(stream_id, [Pictures(DARK)])
    seen = await viewer.play(stream_id)
    await publisher.peers[0].close()  # DTLS says goodbye, the socket stays
    await eventually(
        lambda: (
            [row["state"] for row in server.rows(SESSIONS, stream_id)]
            == ["parked", "live"]
        )
    )
    await publisher.publish(stream_id, [Pictures(BRIGHT)], restored=True)
    await wait_for_brightness(seen, BRIGHT)
    await viewer.expect_nothing()


async def test_a_new_viewer_waits_with_the_others_for_the_return(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    first, viewer = await clients.open(server), await clients.open(server)
    await first.publish(stream_id, [Pictures(DARK)])
    first.drop()
    await first.peers[0].close()
    await eventually(
        lambda: [row["state"] for row in server.rows(SESSIONS, stream_id)] == ["parked"]
    )
    seen = await viewer.play(stream_id)
    second = await clients.publish_when_free(server, stream_id)
    await second.negotiate_publish(stream_id, [Pictures(BRIGHT)])
    await wait_for_brightness(seen, BRIGHT)


async def test_viewers_are_told_when_the_publisher_does_not_return(
    server: ServerProcess, clients: Clients, stream_id: str, short_window: str
) -> None:
    publisher = await clients.open(server, short_window)
    viewer = await clients.open(server, short_window)
    await publisher.publish(stream_id)
    await viewer.play(stream_id)
    publisher.drop()
    await viewer.expect_notification("play_finished", stream_id, subscriberId="")
    await eventually(lambda: not server.rows(SESSIONS, stream_id))
    await viewer.expect_nothing()
    again = await clients.open(server, short_window)
    await again.publish(stream_id)  # publish_started: not a return any more


async def test_a_publisher_without_an_offer_times_out(
    server: ServerProcess, clients: Clients, stream_id: str, impatient: str
) -> None:
    client = await clients.open(server, impatient)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    await client.expect_error("publishTimeoutError", stream_id)
    assert not server.rows(SESSIONS, stream_id)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")


async def test_a_publisher_that_never_sends_media_times_out(
    server: ServerProcess, clients: Clients, stream_id: str, impatient: str
) -> None:
    client = await clients.open(server, impatient)
    await client.send("publish", stream_id)
    await client.expect("start", stream_id, subscriberId="")
    await client.negotiate_publish(stream_id, [Silence("video")])
    await client.expect_error("publishTimeoutError", stream_id)
    assert not server.rows(SESSIONS, stream_id)
    await client.expect_nothing()


async def test_a_viewer_that_never_answers_is_forgotten(
    server: ServerProcess, clients: Clients, stream_id: str, impatient: str
) -> None:
    publisher = await clients.open(server, impatient)
    viewer = await clients.open(server, impatient)
    set_start_timeout(server, impatient, 5000)
    await publisher.publish(stream_id)
    set_start_timeout(server, impatient, 500)
    await viewer.send("play", stream_id)
    await viewer.take_description(stream_id, "offer")
    await eventually(
        lambda: [row["role"] for row in server.rows(SESSIONS, stream_id)] == ["publish"]
    )
    await viewer.expect_nothing()
    set_start_timeout(server, impatient, 5000)
    await viewer.play(stream_id)
    set_start_timeout(server, impatient, 500)


async def test_many_sockets_lost_at_once_leave_no_rows(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    publisher = await clients.open(server)
    await publisher.publish(stream_id)
    viewers = [await clients.open(server) for _ in range(20)]
    for viewer in viewers:
        await viewer.send("play", stream_id)
    await asyncio.gather(*(v.take_description(stream_id, "offer") for v in viewers))
    for viewer in viewers:
        viewer.drop()
    await eventually(lambda: len(server.rows(SESSIONS, stream_id)) == 1)
    seen = await publisher.play(stream_id)
    await wait_for_frames(seen, "video")
