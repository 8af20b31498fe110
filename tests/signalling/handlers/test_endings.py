"""Sessions that an operator or the clock ends while their sockets go on."""

from __future__ import annotations

from typing import Any

import pytest

from relay import control
from signalling import events, supervisor
from signalling.local_link import LocalLink
from signalling.supervisor import NODE_NAME, Supervisor
from streams import services
from streams.models import Ending, LiveSession
from tests.signalling.conftest import (
    APPLICATION,
    Client,
    FakeLink,
    Open,
    broadcast,
    in_database,
    rows,
    states,
    tell,
)


def error(definition: str) -> dict[str, Any]:
    return {"command": "error", "definition": definition, "streamId": "s1"}


def finished(definition: str) -> dict[str, Any]:
    return {
        "command": "notification",
        "definition": definition,
        "streamId": "s1",
        "subscriberId": "",
    }


STOP = {"command": "stop", "streamId": "s1"}
PUBLISHER_HEARS: list[tuple[Ending, list[dict[str, Any]]]] = [
    (Ending.STOPPED, [finished("publish_finished"), STOP]),
    (
        Ending.BLOCKED,
        [error("user_blocked"), finished("publish_finished"), STOP],
    ),
    (
        Ending.NOT_ACTIVE,
        [error("stream_not_active_or_expired"), finished("publish_finished"), STOP],
    ),
    (
        Ending.NO_PACKETS,
        [error("noPacketReceivedForTimeoutDuration"), finished("publish_finished")],
    ),
]


@pytest.mark.parametrize(("ending", "answers"), PUBLISHER_HEARS)
async def test_a_publisher_hears_why_it_is_ended(
    client: Client, link: FakeLink, ending: Ending, answers: list[dict[str, Any]]
) -> None:
    offer = await client.publish()
    message = events.session_end(offer.session, "relay-1", ending)

    await tell(offer.reply_to, message)

    assert [await client.hear() for _ in answers] == answers
    assert link.closed() == [control.CloseSession(offer.session)]
    assert await broadcast() is None
    await client.expect_silence()


async def test_a_viewer_hears_that_it_is_blocked(
    client: Client, open_socket: Open, link: FakeLink
) -> None:
    await client.publish()
    viewer = await open_socket()
    asked = await viewer.play()
    message = events.session_end(asked.session, "relay-1", Ending.BLOCKED)

    await tell(asked.reply_to, message)

    heard = [await viewer.hear() for _ in range(3)]
    assert heard == [error("user_blocked"), finished("play_finished"), STOP]
    assert await states("s1") == [("publish", "live")]


async def test_a_second_message_about_it_is_silent(
    client: Client, link: FakeLink
) -> None:
    offer = await client.publish()
    message = events.session_end(offer.session, "relay-1", Ending.STOPPED)
    await tell(offer.reply_to, message)
    await client.hear()
    await client.hear()

    await tell(offer.reply_to, message)

    await client.expect_no_event(offer.reply_to)


async def test_a_row_that_its_socket_has_forgotten_is_closed(
    client: Client, link: FakeLink
) -> None:
    offer = await client.publish()
    await client.ask("stop", "s1")
    row = await in_database(_a_left_over_row, offer.reply_to)

    await tell(offer.reply_to, events.session_end(row, "relay-1", Ending.STOPPED))

    await client.expect_no_event(offer.reply_to)
    assert await rows("s1") == []
    assert link.closed()[-1] == control.CloseSession(row)


def _a_left_over_row(channel: str) -> str:
    from streams.models import Application

    application = Application.objects.get(name=APPLICATION)
    row = LiveSession.objects.create(
        id="f" * 32,
        application=application,
        stream_id="s1",
        role="publish",
        channel=channel,
        relay="relay-1",
    )
    return row.pk


async def test_the_supervisor_tells_the_sockets_of_its_process(
    client: Client, link: FakeLink
) -> None:
    offer = await client.publish()
    session = (await rows("s1"))[0]
    assert session.node_id == NODE_NAME
    await in_database(services.stop_stream, session.application_id, "s1")

    await Supervisor(()).end_sessions()

    assert await client.hear() == finished("publish_finished")
    assert await client.hear() == STOP
    assert await rows("s1") == []
    assert link.closed() == [control.CloseSession(offer.session)]


async def test_the_supervisor_ends_what_waits_for_a_return(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await client.publish()
    await client.disconnect()
    session = (await rows("s1"))[0]
    assert session.state == "parked"
    await in_database(services.stop_stream, session.application_id, "s1")
    ours = Supervisor(())
    ended: list[control.Command] = []

    async def send(_: object, relay: str, command: control.Command) -> None:
        assert relay == "relay-1"
        ended.append(command)

    monkeypatch.setattr(LocalLink, "send", send)

    await ours.end_sessions()

    assert await rows("s1") == []
    assert ended == [control.CloseSession(offer.session)]


async def test_sessions_of_another_process_are_left_to_it(
    client: Client, link: FakeLink
) -> None:
    await client.publish()
    await in_database(_move_to, "asgi-other")
    session = (await rows("s1"))[0]
    await in_database(services.stop_stream, session.application_id, "s1")

    await Supervisor(()).end_sessions()

    await client.expect_silence()
    assert len(await rows("s1")) == 1


def _move_to(node: str) -> None:
    LiveSession.objects.update(node_id=node)


async def test_a_marked_session_wakes_the_supervisor_at_once(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "WATCH_S", 3600)
    ours = Supervisor(())
    await client.publish()
    session = (await rows("s1"))[0]
    ours.start()
    try:
        await in_database(services.stop_stream, session.application_id, "s1")
        assert await client.hear() == finished("publish_finished")
    finally:
        await ours.stop()
