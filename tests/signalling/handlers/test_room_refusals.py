"""Refusals because of rooms and limits, field by field (contract 4, 12)."""

from __future__ import annotations

from typing import Any

import pytest

from streams.models import Broadcast
from tests.signalling.conftest import Client, Open, change_application, in_database


def error(definition: str, **rest: Any) -> dict[str, Any]:
    return {"command": "error", "definition": definition, "streamId": "s1", **rest}


async def make_room(application: Any, **fields: Any) -> None:
    await in_database(
        lambda: Broadcast.objects.create(
            application=application, stream_id="lobby", virtual=True, **fields
        )
    )


async def test_a_room_outside_its_dates_is_named_to_its_publisher(
    client: Client, application: Any
) -> None:
    await make_room(application, planned_start_date=1, planned_end_date=2)

    answer = await client.ask("publish", "s1", mainTrack="lobby")

    assert answer == error("room_not_active_or_expired", room="lobby")


async def test_a_room_outside_its_dates_is_named_to_its_viewer(
    client: Client, open_socket: Open, application: Any
) -> None:
    await client.publish()
    await make_room(application, planned_start_date=1, planned_end_date=2)
    viewer = await open_socket()

    answer = await viewer.ask("play", "s1", room="lobby")

    assert answer == error("room_not_active_or_expired", room="lobby")


async def test_a_room_that_is_not_registered_is_named(
    client: Client, application: Any
) -> None:
    await change_application(accept_only_registered_rooms=True)

    answer = await client.ask("publish", "s1", mainTrack="lobby")

    assert answer == error("not_allowed_unregistered_streams", room="lobby")


async def test_a_full_room_refuses_a_publisher(
    client: Client, application: Any
) -> None:
    await make_room(application, subtracks_limit=0)

    answer = await client.ask("publish", "s1", mainTrack="lobby")

    assert answer == error(
        "main_track_has_max_subtrack_count__not_allowed_to_add_more_subtracks"
    )


@pytest.mark.parametrize("limited", ["stream", "application"])
async def test_a_viewer_beyond_the_limit_is_refused(
    client: Client, open_socket: Open, limited: str
) -> None:
    await client.publish()
    if limited == "stream":
        await in_database(lambda: Broadcast.objects.update(viewer_limit=0))
    else:
        await change_application(viewer_limit=0)
    viewer = await open_socket()

    assert await viewer.ask("play", "s1") == error("viewerLimitReached")
