from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import InterfaceError

from relay import control
from signalling import consumer, limits, registry, store
from signalling.handlers import negotiation
from signalling.routing import websocket_urlpatterns
from streams import services
from streams.policy import AccessDenied, Denial
from tests.signalling.conftest import (
    APPLICATION,
    SDP,
    Client,
    FakeLink,
    Open,
    close,
    rows,
    send_event,
    states,
    tell,
)

WILL_STOP = {"command": "notification", "definition": "server_will_stop"}
SERVER_ERROR = {
    "command": "error",
    "streamId": "s1",
    "definition": "server_error_check_logs",
}


def communicator(path: str) -> Any:
    return WebsocketCommunicator(URLRouter(websocket_urlpatterns), path)


@pytest.mark.parametrize(
    "text", ['{"command":"ping"}', '{ "command" : "ping" }', '{"command":"ping","a":1}']
)
async def test_it_answers_a_ping(client: Client, text: str) -> None:
    await client.send_to(text_data=text)

    assert await client.receive_from() == '{"command":"pong"}'


async def test_a_ping_touches_no_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "run", None)
    monkeypatch.setattr(consumer, "parse_message", None)

    await client.expect_silence()
    monkeypatch.undo()


async def test_it_refuses_an_unknown_application(open_socket: Open) -> None:
    socket = communicator("/Nowhere/websocket")

    accepted, _ = await socket.connect()

    assert not accepted
    await socket.wait()


async def test_it_ends_when_the_server_gives_up_before_the_connect(
    open_socket: Open,
) -> None:
    socket = communicator(f"/{APPLICATION}/websocket")
    await socket.send_input({"type": "websocket.disconnect", "code": 1006})

    await socket.wait()


async def test_it_accepts_while_the_database_is_away(
    open_socket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> bool:
        raise AccessDenied(Denial.STORE_UNAVAILABLE) from InterfaceError("closed")

    monkeypatch.setattr(services, "application_exists", away)
    client = await open_socket()

    await client.expect_silence()


@pytest.mark.parametrize(
    "text",
    [
        "undefined",
        "null",
        "[]",
        "5",
        '"ping"',
        "{",
        '{"command":null}',
        '{"command":5,"streamId":"s1"}',
        '{"streamId":"s1"}',
        '{"command":"ping","a":NaN}',
        "[" * 60_000,
        "9" * 5_000,
        '{"command":"linkSession","streamId":"s1"}',
        '{"command":"publish","streamId":"s1","token":"' + "x" * 66_000 + '"}',
        '{"command":"takeConfiguration","streamId":"s1","sdp":"' + "x" * 270_000 + '"}',
    ],
)
async def test_it_ignores_what_is_no_command(
    client: Client, link: FakeLink, text: str
) -> None:
    await client.send_to(text_data=text)

    await client.expect_silence()
    assert await rows() == []


async def test_it_ignores_a_binary_frame(client: Client) -> None:
    await client.send_to(bytes_data=b'{"command":"ping"}')

    await client.expect_silence()


async def test_it_takes_a_description_over_64_kib(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    sdp = SDP + "a=x\r\n" * 20_000

    await client.say("takeConfiguration", "s1", type="offer", sdp=sdp)

    await client.expect_silence()
    assert link.last(control.AcceptOffer).sdp == sdp


async def test_it_answers_the_gate_without_a_field_more(client: Client) -> None:
    assert await client.ask("publish") == {
        "command": "error",
        "definition": "noStreamNameSpecified",
    }
    assert await client.ask("play", "a b") == {
        "command": "error",
        "definition": "invalidStreamName",
        "streamId": "a b",
    }


async def test_it_drops_what_comes_too_fast(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = int(limits.COMMAND_BURST) * 3
    for _ in range(frames):
        await client.send_to(text_data='{"command":"ping"}')
    await client.send_to(text_data='{"command":"publish"}')
    await close(client)

    assert client.output_queue.qsize() < frames
    assert await rows() == []


async def test_a_bug_costs_its_command_only(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a secret of ours")

    with monkeypatch.context() as patch:
        patch.setattr(services, "open_publish", broken)
        assert await client.ask("publish", "s1") == SERVER_ERROR
    assert "RuntimeError: a secret of ours" in caplog.text
    assert (await client.ask("publish", "s1"))["command"] == "start"


async def test_a_bug_about_an_event_names_its_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    await client.prepare_publish()
    offer = await client.offer()
    monkeypatch.setattr(services, "mark_started", broken)
    await send_event(control.Started(offer.session, offer.reply_to))

    assert await client.hear() == SERVER_ERROR


@pytest.mark.parametrize(
    "message",
    [
        {"type": "relay.event", "event": "{"},
        {"type": "relay.event", "event": '{"kind":"Nonsense"}'},
        {"type": "relay.event"},
        {"type": "relay.lost"},
        {"type": "chat.message"},
        {},
    ],
)
async def test_a_malformed_layer_message_is_dropped(
    client: Client, message: dict[str, Any]
) -> None:
    await client.prepare_publish()
    (row,) = await rows()
    await tell(row.channel, message)

    await client.expect_no_event(row.channel)


async def test_an_event_of_another_kind_is_dropped(client: Client) -> None:
    await client.prepare_publish()
    (row,) = await rows()
    text = control.encode(control.StreamEnded("LiveApp/s1", row.pk)).decode()
    await tell(row.channel, {"type": "relay.event", "event": text})

    await client.expect_no_event(row.channel)
    assert await states() == [("publish", "preparing")]


async def test_a_lost_relay_sends_the_client_back(
    client: Client, link: FakeLink
) -> None:
    """Its rows are closed before it is told."""
    offer = await client.publish("s1")
    await client.publish("s2")
    await store.run(services.close_session, offer.session)
    await tell(
        offer.reply_to, {"type": "relay.lost", "sessions": [offer.session, "f" * 32]}
    )

    assert await client.hear() == WILL_STOP
    assert (await client.ask("publish", "s1"))["command"] == "start"
    assert link.closed() == []
    assert await states("s2") == [("publish", "live")]


async def test_the_loss_of_a_relay_is_not_said_to_who_was_not_on_it(
    client: Client,
) -> None:
    offer = await client.publish()
    await tell(offer.reply_to, {"type": "relay.lost", "sessions": ["f" * 32]})

    await client.expect_no_event(offer.reply_to)


async def test_every_open_socket_hears_of_the_stop(
    client: Client, open_socket: Open
) -> None:
    other = await open_socket()
    gone = await open_socket()
    await close(gone)

    await registry.announce_stop()

    assert await client.hear() == WILL_STOP
    assert await other.hear() == WILL_STOP
    assert gone.output_queue.empty()


async def test_nothing_new_is_accepted_after_the_stop(
    client: Client, open_socket: Open
) -> None:
    await registry.announce_stop()
    await client.hear()

    late = communicator(f"/{APPLICATION}/websocket")
    accepted, _ = await late.connect()

    assert not accepted
    await late.wait()
    answer = await client.ask("publish", "s1")
    assert answer["definition"] == "not_initialized_yet"


async def test_the_end_of_a_socket_cleans_up_even_if_a_step_fails(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    first = await client.publish("s1")
    second = await client.publish("s2")
    await client.ask("play", "s3")
    monkeypatch.setattr(services, "close_socket", broken)

    await close(client)

    assert {command.session for command in link.closed()} == {
        first.session,
        second.session,
    }


async def test_the_end_of_a_socket_with_a_relay_down_frees_its_ids(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    link.down = True

    await close(client)

    assert await rows() == []


async def test_a_socket_that_is_killed_is_cleaned_up(client: Client) -> None:
    await client.publish()

    client.future.cancel()
    await client.wait()

    assert await states() == [("publish", "parked")]


async def test_cleaning_up_twice_does_no_harm(application: Any, link: FakeLink) -> None:
    socket = consumer.SignallingConsumer()
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "websocket.disconnect"}, {"type": "websocket.connect"}]

    async def receive() -> dict[str, Any]:
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"url_route": {"kwargs": {"application": APPLICATION}}}
    await socket(scope, receive, send)
    await socket.clean_up()

    assert sent == [{"type": "websocket.accept"}]


async def test_a_client_that_is_gone_costs_nothing(
    application: Any, link: FakeLink
) -> None:
    """Some servers raise when a frame is sent to one."""
    incoming: list[dict[str, Any]] = [
        {"type": "websocket.disconnect"},
        {"type": "websocket.receive", "text": '{"command":"ping"}'},
        {"type": "websocket.receive", "text": '{"command":"publish"}'},
        {"type": "websocket.connect"},
    ]

    async def receive() -> dict[str, Any]:
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            raise BrokenPipeError

    scope = {"url_route": {"kwargs": {"application": APPLICATION}}}
    await consumer.SignallingConsumer()(scope, receive, send)

    assert incoming == []


async def test_the_2017_dialect_goes_by_the_path_alone(
    open_socket: Open, link: FakeLink
) -> None:
    client = await open_socket("/WebRTCApp4")

    await client.send_to(text_data='{"command":"publish","streamName":"s1"}')

    assert await client.hear() == {
        "command": "start",
        "streamId": "s1",
        "streamName": "s1",
        "subscriberId": "",
    }
    offer = {"command": "takeConfiguration", "streamName": "s1", "type": "offer"}
    await client.send_to(text_data=json.dumps({**offer, "sdp": SDP}))
    await client.expect_silence()
    assert link.last(control.AcceptOffer).stream == "WebRTCApp4/s1"
    await client.send_to(text_data='{"command":"stop"}')
    finished = await client.hear()
    assert finished["definition"] == "publish_finished"
    assert finished["streamName"] == "s1"
    assert await rows() == []


async def test_stop_without_an_id_ends_everything_in_the_2017_dialect(
    open_socket: Open,
) -> None:
    client = await open_socket("/WebRTCApp4/websocket")
    await client.prepare_publish("s1")
    await client.prepare_publish("s2")
    await client.ask("play", "s3")

    await client.say("stop")

    stopped = {(await client.hear())["streamId"] for _ in range(2)}
    assert stopped == {"s1", "s2"}
    await client.expect_silence()
    assert await rows("s1") == await rows("s2") == []


async def test_a_display_name_is_no_id_elsewhere(client: Client) -> None:
    answer = await client.ask("publish", streamName="s1")

    assert answer["definition"] == "noStreamNameSpecified"


async def test_no_credential_and_no_description_is_logged(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    for module in (consumer, negotiation):  # none of their lines is left out
        log = limits.LimitedLog(logging.getLogger(module.__name__), interval_s=0)
        monkeypatch.setattr(module, "log", log)
    secret = "hush-hush"
    await client.prepare_publish(token=secret, subscriberCode=secret)
    await client.say("takeConfiguration", "s1", type="offer", sdp=secret)
    await client.say("takeCandidate", "s1", candidate=secret)
    await client.say("takeConfiguration", "s9", type="offer", sdp=secret)
    await client.ask("publish", "s1", token=secret)
    await client.ask("publish", "s1", token=secret * 1000)
    await client.send_to(text_data=f"{{{secret}")

    await client.expect_silence()
    for line in ("refused with already_publishing", "malformed JSON", "a session"):
        assert line in caplog.text
    assert secret not in caplog.text
