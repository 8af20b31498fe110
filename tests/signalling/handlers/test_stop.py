from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import QuerySet

from relay import control
from relay.control import CloseReason
from signalling import context, store
from streams import services
from streams.models import Application, LiveSession, Token
from tests.signalling.conftest import (
    APPLICATION,
    SDP,
    Client,
    FakeLink,
    Open,
    broadcast,
    in_database,
    rows,
    send_event,
    states,
)


def notification(definition: str, stream_id: str = "s1", **rest: Any) -> dict[str, Any]:
    fields = {"definition": definition, "streamId": stream_id, **rest}
    return {"command": "notification", **fields}


async def test_stop_frees_the_id_at_once(
    client: Client, open_socket: Open, link: FakeLink
) -> None:
    offer = await client.publish(subscriberId="alice")

    answer = await client.ask("stop", "s1")

    assert answer == notification("publish_finished", subscriberId="alice")
    assert link.closed() == [control.CloseSession(offer.session)]
    assert await broadcast() is None
    other = await open_socket()
    assert (await other.ask("publish", "s1"))["command"] == "start"


@pytest.mark.parametrize("stream_id", ["unknown", "s2"])
async def test_stop_of_an_unknown_id_is_silent(client: Client, stream_id: str) -> None:
    await client.publish("s1")

    await client.say("stop", stream_id)

    await client.expect_silence()
    assert await states("s1") == [("publish", "live")]


async def test_stop_does_not_end_what_another_socket_publishes(
    client: Client, open_socket: Open
) -> None:
    await client.publish()
    outsider = await open_socket()

    await outsider.say("stop", "s1")

    await outsider.expect_silence()
    assert await states() == [("publish", "live")]


async def test_stop_ends_publishing_and_playing_of_the_id(client: Client) -> None:
    await client.publish()
    await client.play()

    await client.say("stop", "s1")

    said = [(await client.hear())["definition"] for _ in range(2)]
    assert said == ["publish_finished", "play_finished"]
    assert await rows() == []


@pytest.mark.parametrize("phase", ["prepared", "offered"])
async def test_nothing_of_an_attempt_is_said_after_stop(
    client: Client, phase: str
) -> None:
    session = await client.prepare_publish()
    channel = (await rows())[0].channel
    if phase == "offered":
        await client.offer()
    assert (await client.ask("stop", "s1"))["definition"] == "publish_finished"

    for event in (
        control.Answered(session, channel, SDP, ("candidate:1",)),
        control.Started(session, channel),
        control.Failed(session, channel, control.Failure.REMOTE_DESCRIPTION),
        control.Closed(session, channel, CloseReason.START_TIMEOUT),
    ):
        await send_event(event)

    await client.expect_no_event(channel)


async def test_a_late_answer_does_not_reach_the_next_attempt(client: Client) -> None:
    old = await client.prepare_publish()
    await client.ask("stop", "s1")
    await client.prepare_publish()
    offer = await client.offer()

    await send_event(control.Answered(old, offer.reply_to, "old", ()))
    await send_event(control.Answered(offer.session, offer.reply_to, "new", ()))

    assert (await client.hear())["sdp"] == "new"


async def test_stop_is_done_later_in_the_database_when_it_is_away(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "RETRY_S", 0.0)
    real, tries = services.close_session, 0
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def away_at_first(session: str, *rest: str) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OperationalError("no connection")
        result = real(session)
        loop.call_soon_threadsafe(done.set)
        return result

    offer = await client.publish()
    monkeypatch.setattr(services, "close_session", away_at_first)

    assert (await client.ask("stop", "s1"))["definition"] == "publish_finished"
    assert link.closed() == [control.CloseSession(offer.session)]
    await done.wait()
    assert await rows() == []


async def test_a_socket_that_is_killed_in_the_middle_of_stop_leaves_nothing(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def stuck(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    session = await client.prepare_publish()
    monkeypatch.setattr(context.Context, "close", stuck)
    await client.say("stop", "s1")
    await reached.wait()

    client.future.cancel()
    await client.wait()

    assert await rows() == []
    assert link.closed() == [control.CloseSession(session)]


# -- a publisher whose network is gone ------------------------------------------


def require_token() -> str:
    """The application asks for tokens; a one-time one for s1."""
    application = Application.objects.get(name=APPLICATION)
    application.publish_token_enabled = True
    application.save()
    token = Token.objects.create(
        application=application,
        stream_id="s1",
        type="publish",
        expire_date=int(time.time()) + 3600,
    )
    return token.token_id


async def fall_silent(offer: control.AcceptOffer, *, silent: bool = True) -> None:
    await send_event(control.Silence(offer.session, offer.reply_to, silent))


def row_of(offer: control.AcceptOffer) -> QuerySet[LiveSession]:
    return LiveSession.objects.filter(pk=offer.session)


async def test_a_stop_of_who_is_silent_parks_its_stream(
    client: Client, link: FakeLink
) -> None:
    """As the SDK's own retry: `stop`, and 500 ms later `publish` (contract 5.2)."""
    offer = await client.publish()
    await fall_silent(offer)

    assert (await client.ask("stop", "s1")) == notification(
        "publish_finished", subscriberId=""
    )
    assert link.closed() == [control.CloseSession(offer.session, park=True)]
    assert await states() == [("publish", "parked")]

    again = await client.publish()
    assert again.stream == offer.stream
    assert again.session != offer.session
    assert await states() == [("publish", "live")]


async def test_a_stop_of_who_is_heard_again_ends_its_stream(
    client: Client, link: FakeLink
) -> None:
    offer = await client.publish()
    await fall_silent(offer)
    await fall_silent(offer, silent=False)

    await client.ask("stop", "s1")

    assert link.closed() == [control.CloseSession(offer.session)]
    assert await rows() == []


async def test_a_second_stop_of_who_was_silent_changes_nothing(
    client: Client, link: FakeLink
) -> None:
    """The SDK's retry, when its `publish` was refused in between."""
    await fall_silent(await client.publish())
    await client.ask("stop", "s1")

    await client.say("stop", "s1")

    await client.expect_silence()
    assert await states() == [("publish", "parked")]
    assert len(link.closed()) == 1


async def test_a_stop_of_who_was_silent_when_its_connection_was_lost_ends_nothing(
    client: Client, link: FakeLink
) -> None:
    """The goodbye of the SDK's peer connection may get through before `stop`."""
    offer = await client.publish()
    await fall_silent(offer)
    await send_event(
        control.Closed(offer.session, offer.reply_to, control.CloseReason.LOST)
    )

    await client.ask("stop", "s1")

    assert await states() == [("publish", "parked")]
    assert link.closed() == []


async def test_a_stop_of_who_never_was_live_frees_the_id(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    offer = await client.offer()
    await fall_silent(offer)

    await client.ask("stop", "s1")

    assert await rows() == []
    assert link.closed() == [control.CloseSession(offer.session)]


async def test_a_return_that_stays_silent_is_parked_again(
    client: Client, link: FakeLink
) -> None:
    await fall_silent(await client.publish())
    await client.ask("stop", "s1")
    await client.prepare_publish()
    offer = await client.offer()
    await fall_silent(offer)

    await client.ask("stop", "s1")

    assert await states() == [("publish", "parked")]
    assert link.closed()[-1] == control.CloseSession(offer.session, park=True)


async def test_a_stop_of_who_is_silent_frees_an_id_that_cannot_wait(
    client: Client, link: FakeLink
) -> None:
    """As when the database was away while it went live, and knows it as preparing."""
    offer = await client.publish()
    await fall_silent(offer)
    await in_database(lambda: row_of(offer).update(state="preparing"))

    await client.ask("stop", "s1")

    assert await rows() == []
    assert link.closed() == [control.CloseSession(offer.session)]


async def test_what_was_parked_by_a_stop_goes_to_whom_the_policy_lets(
    client: Client, open_socket: Open
) -> None:
    """The credentials are asked for again (contract 5.1)."""
    token = await in_database(require_token)
    await fall_silent(await client.publish(token=token))
    await client.ask("stop", "s1")

    other = await open_socket()
    refused = await other.ask("publish", "s1", token="another")
    assert refused["definition"] == "unauthorized_access"
    assert await states() == [("publish", "parked")]
    # Its one-time token is used up, and still good for its return.
    await client.publish(token=token)
