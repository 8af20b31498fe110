"""Room tokens at the real server: good for what is of the room only."""

from __future__ import annotations

import pytest

from streams.models import Broadcast
from tests.integration.asking import (
    DENIED,
    ask,
    count_tokens,
    go_live,
)
from tests.integration.client import Clients
from tests.rows import add, add_application, add_token
from tests.server_process import ServerProcess

pytestmark = pytest.mark.usefixtures("no_traceback")


async def test_a_room_token_lets_publish_into_its_room_again_and_again(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server, publish_token_enabled=True)
    room = f"room-{stream_id}"
    token = add_token(server, application, "any", "publish", room=room)
    of_other = add_token(server, application, "any", "publish", room="room2")
    first = await clients.open(server, application.name)
    second = await clients.open(server, application.name)

    assert await ask(first, "publish", stream_id, token=token) == DENIED
    other = {"mainTrack": "room2", "token": token}
    assert await ask(first, "publish", stream_id, **other) == DENIED
    other = {"mainTrack": room, "token": of_other}
    assert await ask(first, "publish", stream_id, **other) == DENIED
    for client, name in ((first, stream_id), (second, f"{stream_id}-b")):
        assert await ask(client, "publish", name, mainTrack=room, token=token) == "in"
    assert count_tokens(server, application) == 2


@pytest.mark.parametrize("type_", ["play", "publish"])
async def test_a_room_token_lets_play_what_is_in_the_room(
    clients: Clients, server: ServerProcess, stream_id: str, type_: str
) -> None:
    application = add_application(server, play_token_enabled=True)
    room = f"room-{stream_id}"
    token = add_token(server, application, "any", type_, room=room)
    await go_live(clients, server, application, stream_id, mainTrack=room)
    viewers = [await clients.open(server, application.name) for _ in range(2)]

    for viewer in viewers:
        assert await ask(viewer, "play", stream_id, token=token) == DENIED
        wrong = {"room": "room2", "token": token}
        assert await ask(viewer, "play", stream_id, **wrong) == DENIED
        assert await ask(viewer, "play", stream_id, room=room, token=token) == "in"


async def test_a_room_token_does_not_let_play_what_is_not_in_the_room(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    """A viewer names any room it has a token of."""
    application = add_application(server, play_token_enabled=True)
    token = add_token(server, application, "any", "play", room="room1")
    await go_live(clients, server, application, stream_id, mainTrack="room2")
    await go_live(clients, server, application, f"{stream_id}-alone")
    viewer = await clients.open(server, application.name)

    for name in (stream_id, f"{stream_id}-alone"):
        assert await ask(viewer, "play", name, room="room1", token=token) == DENIED


@pytest.mark.parametrize("main_track", ["room2", ""])
async def test_a_room_token_does_not_let_publish_what_is_not_of_the_room(
    clients: Clients, server: ServerProcess, stream_id: str, main_track: str
) -> None:
    """Nor take it over while its publisher is awaited (contract T35)."""
    application = add_application(server, publish_token_enabled=True)
    token = add_token(server, application, "any", "publish", room="room1")
    row = Broadcast(
        application=application,
        stream_id=stream_id,
        main_track_stream_id=main_track,
    )
    add(server, row)
    client = await clients.open(server, application.name)

    fields = {"mainTrack": "room1", "token": token}
    assert await ask(client, "publish", stream_id, **fields) == DENIED
