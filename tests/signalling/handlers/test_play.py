from __future__ import annotations

from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError

from relay import control
from relay.control import CloseReason
from signalling import context
from signalling.events import waiting_group
from streams import services
from tests.signalling.conftest import (
    APPLICATION,
    Client,
    FakeLink,
    Open,
    change_application,
    close,
    in_database,
    rows,
    send_event,
    states,
    tell,
    until,
)

NO_STREAM = {
    "command": "error",
    "definition": "no_stream_exist",
    "streamId": "s1",
    "error_code": "404",
    "information": "stream_not_exist_or_not_streaming",
}


def error(definition: str) -> dict[str, Any]:
    return {"command": "error", "streamId": "s1", "definition": definition}


def notification(definition: str, **rest: Any) -> dict[str, Any]:
    fields = {"definition": definition, "streamId": "s1", **rest}
    return {"command": "notification", **fields}


def closed(asked: control.CreateOffer, reason: CloseReason) -> control.Closed:
    return control.Closed(asked.session, asked.reply_to, reason)


def waiting(stream_id: str) -> int:
    """How many sockets wait for the stream."""
    layer: Any = get_channel_layer()
    return len(layer.groups.get(waiting_group(APPLICATION, stream_id), {}))


@pytest.fixture
async def viewer(client: Client, open_socket: Open) -> Client:
    """A second socket, while `client` publishes s1."""
    await client.publish()
    return await open_socket()


async def test_it_asks_the_publishers_relay_for_an_offer(viewer: Client) -> None:
    asked = await viewer.prepare_play(viewerInfo="a player")

    (row,) = await rows(role="play")
    assert asked == control.CreateOffer(
        session=row.pk,
        reply_to=row.channel,
        stream=f"{APPLICATION}/s1",
        start_timeout_ms=5000,
    )
    assert (row.state, row.relay, row.viewer_info) == (
        "preparing",
        "relay-1",
        "a player",
    )


async def test_it_is_started_when_the_viewer_is_connected(viewer: Client) -> None:
    asked = await viewer.prepare_play(subscriberId="bob")
    await send_event(control.Started(asked.session, asked.reply_to))

    assert await viewer.hear() == notification("play_started", subscriberId="bob")
    assert await states() == [("play", "live"), ("publish", "live")]


async def test_it_plays_several_streams_on_one_socket(
    client: Client, viewer: Client
) -> None:
    await client.publish("s2")
    await viewer.play("s1")
    await viewer.play("s2")

    assert [row.state for row in await rows("s2", "play")] == ["live"]


async def test_it_plays_what_the_same_socket_publishes(client: Client) -> None:
    await client.publish()

    await client.play()

    assert await states() == [("play", "live"), ("publish", "live")]


async def test_it_plays_on_while_the_publisher_may_return(
    client: Client, viewer: Client
) -> None:
    await close(client)

    await viewer.prepare_play()

    assert await states() == [("play", "preparing"), ("publish", "parked")]


async def test_it_refuses_a_stream_that_nobody_publishes(client: Client) -> None:
    assert await client.ask("play", "s1") == NO_STREAM
    assert await rows() == []


async def test_it_refuses_a_stream_without_media_yet(
    client: Client, open_socket: Open
) -> None:
    await client.prepare_publish()
    viewer = await open_socket()

    assert await viewer.ask("play", "s1") == NO_STREAM


async def test_it_refuses_what_this_socket_plays_already(viewer: Client) -> None:
    await viewer.prepare_play()

    assert await viewer.ask("play", "s1") == error("already_playing")


async def test_it_replaces_the_earlier_one_where_a_socket_may_play_again(
    viewer: Client, link: FakeLink
) -> None:
    await change_application(play_once_per_session=False)
    first = await viewer.play()

    second = await viewer.prepare_play()

    assert link.closed() == [control.CloseSession(first.session)]
    assert [row.pk for row in await rows(role="play")] == [second.session]


async def test_it_refuses_on_a_busy_machine(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = services.Load(cpu_percent=101.0, free_ram_mb=10_000.0)
    monkeypatch.setattr(context, "current_load", lambda: busy)

    assert await viewer.ask("play", "s1") == error("highResourceUsage")


async def test_it_refuses_while_the_database_is_away(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(services, "open_play", away)

    assert await viewer.ask("play", "s1") == error("data_store_not_available")


async def test_it_closes_the_row_when_the_relay_takes_no_command(
    viewer: Client, link: FakeLink
) -> None:
    link.down = True

    assert await viewer.ask("play", "s1") == error("server_error_check_logs")
    assert await rows(role="play") == []


async def test_it_is_closed_silently_when_no_answer_comes(
    viewer: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await viewer.prepare_play()
    await viewer.ask("stop", "s1")
    monkeypatch.setattr("signalling.handlers.play.TIMER_MARGIN_MS", -5000)
    link.commands.clear()
    await viewer.say("play", "s1")
    await until(link.closed)

    await viewer.expect_no_event(asked.reply_to)
    assert await rows(role="play") == []


@pytest.mark.parametrize("reason", [CloseReason.START_TIMEOUT, CloseReason.LOST])
async def test_it_is_closed_silently_when_its_relay_gives_up(
    viewer: Client, link: FakeLink, reason: CloseReason
) -> None:
    asked = await viewer.play()
    await send_event(closed(asked, reason))

    await viewer.expect_no_event(asked.reply_to)
    assert await rows(role="play") == []
    assert link.closed() == []


async def test_it_is_finished_when_the_stream_ends(viewer: Client) -> None:
    asked = await viewer.play(subscriberId="bob")
    await send_event(closed(asked, CloseReason.STREAM_ENDED))

    assert await viewer.hear() == notification("play_finished", subscriberId="bob")
    assert await rows(role="play") == []


async def test_stop_ends_playing_and_not_the_stream(
    viewer: Client, link: FakeLink
) -> None:
    asked = await viewer.play()

    answer = await viewer.ask("stop", "s1")

    assert answer == notification("play_finished", subscriberId="")
    assert link.closed() == [control.CloseSession(asked.session)]
    assert await states() == [("publish", "live")]


async def test_nothing_of_an_attempt_is_said_after_stop(viewer: Client) -> None:
    asked = await viewer.prepare_play()
    await viewer.ask("stop", "s1")

    await send_event(control.Offered(asked.session, asked.reply_to, "sdp", (), {}))
    await send_event(control.Started(asked.session, asked.reply_to))

    await viewer.expect_no_event(asked.reply_to)


async def test_a_lost_socket_ends_its_viewers(viewer: Client, link: FakeLink) -> None:
    asked = await viewer.play()

    await close(viewer)

    assert await states() == [("publish", "live")]
    assert link.closed() == [control.CloseSession(asked.session)]


async def test_a_relay_without_the_stream_means_no_stream(viewer: Client) -> None:
    asked = await viewer.prepare_play()
    failed = control.Failed(asked.session, asked.reply_to, control.Failure.NO_STREAM)
    await send_event(failed)

    assert await viewer.hear() == NO_STREAM
    assert await rows(role="play") == []
    assert waiting("s1") == 1


async def test_who_found_no_stream_hears_when_it_starts(
    client: Client, open_socket: Open
) -> None:
    viewer, outsider = await open_socket(), await open_socket()
    assert await viewer.ask("play", "s1") == NO_STREAM
    await outsider.ask("play", "other")

    await client.publish("s1")

    assert await viewer.hear() == notification("streaming_started")
    assert waiting("s1") == 0
    await outsider.expect_silence()
    assert waiting("other") == 1


async def test_the_same_stream_of_another_application_is_not_announced(
    client: Client, open_socket: Open
) -> None:
    viewer = await open_socket("/WebRTCApp4/websocket")
    await viewer.ask("play", "s1")

    await client.publish("s1")

    await viewer.expect_silence()


async def test_who_plays_does_not_wait_any_more(
    client: Client, open_socket: Open
) -> None:
    viewer = await open_socket()
    await viewer.ask("play", "s1")
    await client.publish("s1")
    await viewer.hear()
    await viewer.ask("play", "s2")

    await viewer.play("s1")

    assert (waiting("s1"), waiting("s2")) == (0, 1)


async def test_who_stops_or_leaves_does_not_wait_any_more(
    client: Client, open_socket: Open
) -> None:
    other = await open_socket()
    await client.ask("play", "s1")
    await other.ask("play", "s1")
    assert waiting("s1") == 2

    await client.say("stop", "s1")
    await client.expect_silence()
    await close(other)

    assert waiting("s1") == 0


async def test_a_wait_ends_by_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "WAITING_S", 0.0)
    await client.ask("play", "s1")

    await until(lambda: not waiting("s1"))
    await client.expect_silence()


async def test_a_socket_waits_for_a_bounded_number_of_streams(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MAX_WAITING", 2)
    for stream_id in ("s1", "s2", "s2", "s3"):
        await client.ask("play", stream_id)

    assert [waiting(stream_id) for stream_id in ("s1", "s2", "s3")] == [0, 1, 1]


async def test_an_announcement_that_nobody_waits_for_is_dropped(
    viewer: Client,
) -> None:
    asked = await viewer.play()
    await tell(asked.reply_to, {"type": "stream.live", "stream_id": "s1"})

    await viewer.expect_no_event(asked.reply_to)


async def test_a_viewer_that_starts_without_a_row_is_closed(
    viewer: Client, link: FakeLink
) -> None:
    asked = await viewer.prepare_play()
    await in_database(services.close_session, asked.session)
    await send_event(control.Started(asked.session, asked.reply_to))

    await viewer.expect_no_event(asked.reply_to)
    assert link.closed() == [control.CloseSession(asked.session)]
