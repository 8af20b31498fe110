from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from relay import control
from relay.control import CloseReason
from signalling import context
from streams import services
from streams.models import Broadcast
from tests.signalling.conftest import (
    APPLICATION,
    SDP,
    Client,
    FakeLink,
    Open,
    broadcast,
    change_application,
    close,
    in_database,
    rows,
    send_event,
    states,
)


def error(definition: str, stream_id: str = "s1", **rest: Any) -> dict[str, Any]:
    fields = {"definition": definition, "streamId": stream_id, **rest}
    return {"command": "error", **fields}


def notification(definition: str, stream_id: str = "s1", **rest: Any) -> dict[str, Any]:
    fields = {"definition": definition, "streamId": stream_id, **rest}
    return {"command": "notification", **fields}


def closed(offer: control.AcceptOffer, reason: CloseReason) -> control.Closed:
    return control.Closed(offer.session, offer.reply_to, reason)


async def test_it_asks_for_the_offer(client: Client) -> None:
    answer = await client.ask("publish", "s1", video=True, audio=True)

    assert answer == {"command": "start", "streamId": "s1", "subscriberId": ""}
    (row,) = await rows()
    assert (row.role, row.state, row.relay) == ("publish", "preparing", "relay-1")
    assert (row.remote_ip, row.user_agent) == ("192.0.2.7", "a browser")


async def test_it_answers_with_the_subscriber_of_the_client(client: Client) -> None:
    answer = await client.ask("publish", "s1", subscriberId="alice")

    assert answer["subscriberId"] == "alice"


async def test_it_sends_the_offer_with_the_applications_rules_to_the_relay(
    client: Client,
) -> None:
    await change_application(
        vp8_enabled=False, start_timeout_ms=4000, max_publish_bitrate=900_000
    )
    session = await client.prepare_publish(video="false")

    offer = await client.offer()

    assert offer == control.AcceptOffer(
        session=session,
        reply_to=offer.reply_to,
        stream=f"{APPLICATION}/s1",
        sdp=SDP,
        video_codecs=("H264", "VP9", "AV1"),
        start_timeout_ms=4000,
        return_window_ms=10_000,
        max_bitrate_bps=900_000,
        accept_video=False,
        accept_audio=True,
    )
    assert offer.reply_to == (await rows())[0].channel


async def test_it_is_started_when_media_arrives(client: Client) -> None:
    await client.prepare_publish(subscriberId="alice", streamName="My camera")
    offer = await client.offer()
    await send_event(control.Started(offer.session, offer.reply_to))

    assert await client.hear() == notification("publish_started", subscriberId="alice")
    assert await states() == [("publish", "live")]
    row = await broadcast()
    assert row is not None
    assert (row.status, row.name, row.zombi) == ("broadcasting", "My camera", True)


async def test_it_is_started_once_however_often_the_relay_says_so(
    client: Client,
) -> None:
    offer = await client.publish()
    await send_event(control.Started(offer.session, offer.reply_to))

    await client.expect_no_event(offer.reply_to)


async def test_it_closes_what_started_without_a_row(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    offer = await client.offer()
    await in_database(services.close_session, offer.session)
    await send_event(control.Started(offer.session, offer.reply_to))

    await client.expect_no_event(offer.reply_to)
    assert link.closed() == [control.CloseSession(offer.session)]


async def test_it_publishes_several_streams_on_one_socket(client: Client) -> None:
    await client.publish("s1")
    await client.publish("s2")

    assert await states("s1") == await states("s2") == [("publish", "live")]


async def test_it_refuses_what_this_socket_publishes_already(client: Client) -> None:
    await client.prepare_publish()

    assert await client.ask("publish", "s1") == error("already_publishing")
    assert await states() == [("publish", "preparing")]


async def test_it_refuses_an_id_that_another_socket_publishes(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    other = await open_socket()

    assert await other.ask("publish", "s1") == error("streamIdInUse")


async def test_it_refuses_what_the_application_does_not_know(client: Client) -> None:
    await change_application(accept_only_registered_streams=True)

    answer = await client.ask("publish", "s1")

    assert answer == error("not_allowed_unregistered_streams")
    assert await rows() == []


async def test_it_refuses_a_stream_outside_its_dates(
    client: Client, application: Any
) -> None:
    await in_database(
        lambda: Broadcast.objects.create(
            application=application,
            stream_id="s1",
            planned_start_date=1,
            planned_end_date=2,
        )
    )

    assert await client.ask("publish", "s1") == error("stream_not_active_or_expired")


@pytest.mark.parametrize(
    ("changed", "definition"),
    [
        (
            dict.fromkeys(
                ("h264_enabled", "vp8_enabled", "vp9_enabled", "av1_enabled"), False
            ),
            "no_codec_enabled_in_the_server",
        ),
        ({"suspended": True}, "license_suspended_please_renew_license"),
    ],
)
async def test_it_refuses_by_the_applications_settings(
    client: Client, changed: dict[str, Any], definition: str
) -> None:
    await change_application(**changed)

    assert await client.ask("publish", "s1") == error(definition)


async def test_it_refuses_on_a_busy_machine(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = services.Load(cpu_percent=101.0, free_ram_mb=10_000.0)
    monkeypatch.setattr(context, "current_load", lambda: busy)

    assert await client.ask("publish", "s1") == error("highResourceUsage")


async def test_it_refuses_while_no_relay_is_up(client: Client, link: FakeLink) -> None:
    link.names = ()

    assert await client.ask("publish", "s1") == error("not_initialized_yet")


async def test_it_refuses_while_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(services, "open_publish", away)
        assert await client.ask("publish", "s1") == error("data_store_not_available")
    assert (await client.ask("publish", "s1"))["command"] == "start"


async def test_it_refuses_more_sessions_than_a_socket_may_have(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.session.MAX_SESSIONS", 1)
    await client.prepare_publish()

    assert await client.ask("publish", "s2") == error("highResourceUsage", "s2")
    assert await rows("s2") == []


async def test_it_frees_the_id_when_the_relay_takes_no_offer(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    link.down = True

    answer = await client.ask("takeConfiguration", "s1", type="offer", sdp=SDP)

    assert answer == error("server_error_check_logs")
    assert await rows() == []


async def test_it_frees_the_id_when_the_link_does_not_answer_in_time(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "RELAY_DEADLINE_S", 0.01)
    await client.prepare_publish()
    link.hangs = True

    answer = await client.ask("takeConfiguration", "s1", type="offer", sdp=SDP)

    assert answer == error("server_error_check_logs")
    assert await rows() == []


async def test_it_times_out_when_no_offer_comes(client: Client, link: FakeLink) -> None:
    await change_application(start_timeout_ms=1)

    assert (await client.ask("publish", "s1"))["command"] == "start"

    assert await client.hear() == error("publishTimeoutError")
    assert await rows() == []
    assert len(link.closed()) == 1


async def test_it_times_out_when_the_relays_word_is_lost(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.handlers.negotiation.TIMER_MARGIN_MS", -4999)
    await client.prepare_publish()
    await client.say("takeConfiguration", "s1", type="offer", sdp=SDP)

    assert await client.hear() == error("publishTimeoutError")
    assert await rows() == []
    assert len(link.closed()) == 1


async def test_it_tells_the_client_that_no_media_came(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    offer = await client.offer()
    await send_event(closed(offer, CloseReason.START_TIMEOUT))

    assert await client.hear() == error("publishTimeoutError")
    assert await rows() == []
    assert link.closed() == []


async def test_a_lost_connection_parks_the_stream_without_a_word(
    client: Client,
) -> None:
    offer = await client.publish()
    await send_event(closed(offer, CloseReason.LOST))

    await client.expect_no_event(offer.reply_to)
    assert await states() == [("publish", "parked")]


async def test_a_publisher_that_was_lost_returns_on_the_same_socket(
    client: Client,
) -> None:
    lost = await client.publish()
    await send_event(closed(lost, CloseReason.LOST))
    await client.expect_no_event(lost.reply_to)
    await client.prepare_publish()
    offer = await client.offer()
    await send_event(control.Started(offer.session, offer.reply_to))

    assert await client.hear() == notification("session_restored")
    assert offer.session != lost.session
    assert await states() == [("publish", "live")]


async def test_a_lost_connection_before_any_media_is_a_timeout(client: Client) -> None:
    await client.prepare_publish()
    offer = await client.offer()
    await send_event(closed(offer, CloseReason.LOST))

    assert await client.hear() == error("publishTimeoutError")
    assert await rows() == []


async def test_a_publisher_that_came_back_is_parked_again_if_lost_before_media(
    client: Client,
) -> None:
    lost = await client.publish()
    await send_event(closed(lost, CloseReason.LOST))
    await client.expect_no_event(lost.reply_to)
    await client.prepare_publish()
    offer = await client.offer()
    await send_event(closed(offer, CloseReason.LOST))

    await client.expect_no_event(offer.reply_to)
    assert await states() == [("publish", "parked")]


async def test_a_stream_that_was_ended_from_outside_is_finished(client: Client) -> None:
    offer = await client.publish()
    await send_event(closed(offer, CloseReason.STREAM_ENDED))

    assert await client.hear() == notification("publish_finished", subscriberId="")
    assert await rows() == []


async def test_it_closes_what_starts_while_the_database_is_away(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    await client.prepare_publish()
    offer = await client.offer()
    monkeypatch.setattr(services, "mark_started", away)
    await send_event(control.Started(offer.session, offer.reply_to))

    assert await client.hear() == error("data_store_not_available")
    assert await rows() == []
    assert link.closed() == [control.CloseSession(offer.session)]


async def test_a_lost_socket_parks_its_stream_and_tells_the_relay(
    client: Client, link: FakeLink
) -> None:
    offer = await client.publish()

    await close(client)

    assert await states() == [("publish", "parked")]
    assert link.closed() == [control.CloseSession(offer.session, park=True)]


async def test_a_publisher_returns_on_a_new_socket(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    await close(client)
    other = await open_socket()
    await other.prepare_publish()
    offer = await other.offer()
    await send_event(control.Started(offer.session, offer.reply_to))

    assert await other.hear() == notification("session_restored")


async def test_a_lost_socket_frees_an_id_that_never_was_live(
    client: Client, link: FakeLink
) -> None:
    session = await client.prepare_publish()

    await close(client)

    assert await rows() == []
    assert link.closed() == [control.CloseSession(session)]


async def test_an_attempt_whose_row_was_swept_is_replaced(
    client: Client, link: FakeLink
) -> None:
    old = await client.publish()
    await in_database(services.close_session, old.session)

    assert (await client.ask("publish", "s1"))["command"] == "start"
    assert link.closed() == [control.CloseSession(old.session)]
