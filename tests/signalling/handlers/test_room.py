"""Rooms that are joined by name (contract 6.2, 6.3)."""

from __future__ import annotations

from typing import Any

import pytest

from relay import control
from signalling import events
from signalling.limits import TokenBucket
from signalling.supervisor import Supervisor
from streams.models import Application, Broadcast, Ending, LiveSession
from tests.signalling.conftest import (
    APPLICATION,
    Client,
    FakeLink,
    Open,
    broadcast,
    change_application,
    in_database,
    rows,
    send_event,
    tell,
)

ROOM = {"room": "hall", "ATTR_ROOM_NAME": "hall"}


def notification(definition: str, **fields: Any) -> dict[str, Any]:
    return {"command": "notification", "definition": definition, **fields}


def joined(stream_id: str, *others: dict[str, Any]) -> dict[str, Any]:
    return notification(
        "joinedTheRoom",
        streamId=stream_id,
        **ROOM,
        streams=[other["streamId"] for other in others],
        streamList=list(others),
        maxTrackCount=-1,
    )


def entry(stream_id: str, name: str = "", meta_data: str | None = None) -> Any:
    return {"streamId": stream_id, "streamName": name, "metaData": meta_data}


async def join(client: Client, stream_id: str, **rest: Any) -> dict[str, Any]:
    return await client.ask("joinRoom", stream_id, room="hall", mode="legacy", **rest)


@pytest.fixture
async def anna(open_socket: Open) -> Client:
    """In the room, publishing nothing."""
    client = await open_socket()
    assert await join(client, "anna") == joined("anna")
    return client


@pytest.fixture
async def bert(open_socket: Open, anna: Client) -> Client:
    """In the room, and live; Anna has heard so."""
    client = await open_socket()
    await join(client, "bert")
    await client.prepare_publish("bert", streamName="Bert", metaData="{}")
    offer = await client.offer("bert")
    await tell(offer.reply_to, started(offer))
    assert await client.hear() == notification(
        "publish_started", streamId="bert", subscriberId="", **ROOM
    )
    assert await anna.hear() == notification("streamJoined", streamId="bert")
    return client


def started(offer: control.AcceptOffer) -> dict[str, Any]:
    event = control.Started(offer.session, offer.reply_to)
    return {"type": "relay.event", "event": control.encode(event).decode()}


async def test_who_joins_hears_who_publishes(open_socket: Open, bert: Client) -> None:
    carol = await open_socket()

    assert await join(carol, "carol") == joined("carol", entry("bert", "Bert", "{}"))


async def test_who_joins_without_an_id_gets_one(open_socket: Open) -> None:
    client = await open_socket()
    await client.say("joinRoom", room="hall")
    answer = await client.hear()

    assert len(answer["streamId"]) == 24
    assert answer == joined(answer["streamId"])


async def test_newer_sdks_name_the_room_main_track(client: Client) -> None:
    answer = await client.ask("joinRoom", "x", mainTrack="hall")
    assert answer == joined("x")


async def test_what_a_member_publishes_belongs_to_the_room(bert: Client) -> None:
    row = await broadcast("bert")

    assert row is not None
    assert row.main_track_stream_id == "hall"


async def test_what_is_published_under_another_id_does_not(bert: Client) -> None:
    await bert.publish("else")

    row = await broadcast("else")
    assert row is not None
    assert row.main_track_stream_id == ""


async def test_room_information_leaves_out_who_asks(anna: Client, bert: Client) -> None:
    answer = await anna.ask("getRoomInfo", "anna", room="hall")
    assert answer == {
        "command": "roomInformation",
        **ROOM,
        "streams": ["bert"],
        "streamList": [entry("bert", "Bert", "{}")],
    }
    answer = await bert.ask("getRoomInfo", "bert", room="hall")
    assert answer["streams"] == []


async def test_a_room_that_nobody_is_in_has_no_streams(client: Client) -> None:
    answer = await client.ask("getRoomInfo", "x", room="hall")

    assert answer == {
        "command": "error",
        "definition": "no_active_streams_in_room",
        "streamId": "x",
        **ROOM,
    }


async def test_a_room_of_silent_members_is_not_empty(anna: Client) -> None:
    answer = await anna.ask("getRoomInfo", room="hall")
    assert (answer["command"], answer["streams"]) == ("roomInformation", [])


@pytest.mark.parametrize("command", ["joinRoom", "getRoomInfo", "leaveFromRoom"])
@pytest.mark.parametrize("room", [None, "", "  ", {}])
async def test_a_room_must_be_named(client: Client, command: str, room: Any) -> None:
    answer = await client.ask(command, "x", room=room)
    assert answer == {
        "command": "error",
        "definition": "no_room_specified",
        "streamId": "x",
    }


async def test_a_room_has_an_id_s_alphabet(client: Client) -> None:
    answer = await client.ask("joinRoom", "x", room="a/b")
    assert answer["definition"] == "invalidStreamName"


@pytest.mark.parametrize(
    ("room", "changes", "definition"),
    [
        ({}, {"suspended": True}, "license_suspended_please_renew_license"),
        (
            {},
            {"accept_only_registered_rooms": True},
            "not_allowed_unregistered_streams",
        ),
        (
            {"planned_start_date": 1, "planned_end_date": 2},
            {},
            "room_not_active_or_expired",
        ),
    ],
    ids=["suspended", "unregistered", "dates"],
)
async def test_a_room_that_is_closed_is_not_entered(
    client: Client, room: dict[str, Any], changes: dict[str, Any], definition: str
) -> None:
    if changes:
        await change_application(**changes)
    if room:
        await in_database(_register_room, room)

    assert await client.ask("joinRoom", "x", room="hall") == {
        "command": "error",
        "definition": definition,
        "streamId": "x",
        "room": "hall",
    }
    assert await rows("x") == []


def _register_room(fields: dict[str, Any]) -> None:
    application = Application.objects.get(name=APPLICATION)
    Broadcast.objects.create(
        application=application, stream_id="hall", virtual=True, **fields
    )


async def test_who_leaves_publishes_and_plays_there_no_more(
    anna: Client, bert: Client, link: FakeLink
) -> None:
    await bert.prepare_publish("else")
    await anna.publish("anna2")
    await anna.expect_silence()

    await bert.say("leaveFromRoom", "bert", room="hall", mainTrack="hall")

    finished = await bert.hear()
    assert finished["definition"] == "publish_finished"
    assert finished["streamId"] == "bert"
    assert await bert.hear() == notification("leavedFromRoom", **ROOM)
    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    assert [row.role for row in await rows("bert")] == []
    assert len(await rows("else")) == 1


async def test_who_left_hears_no_more_of_the_room(anna: Client, bert: Client) -> None:
    await anna.ask("leaveFromRoom", "anna", room="hall")

    await bert.ask("stop", "bert")

    await anna.expect_silence()


async def test_what_is_played_from_a_room_ends_with_leaving_it(
    anna: Client, bert: Client, link: FakeLink
) -> None:
    asked = await anna.prepare_play("bert", room="hall")

    await anna.say("leaveFromRoom", room="hall")

    assert (await anna.hear())["definition"] == "play_finished"
    assert (await anna.hear())["definition"] == "leavedFromRoom"
    assert link.closed() == [control.CloseSession(asked.session)]


async def test_leaving_a_room_never_joined_is_answered(client: Client) -> None:
    answer = await client.ask("leaveFromRoom", room="hall")
    assert answer == notification("leavedFromRoom", **ROOM)


async def test_the_others_hear_of_a_stop(anna: Client, bert: Client) -> None:
    await bert.ask("stop", "bert")

    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    await anna.expect_silence()


async def test_the_others_hear_of_an_operator_s_stop(
    anna: Client, bert: Client
) -> None:
    (row,) = [row for row in await rows("bert") if row.role == "publish"]
    await tell(row.channel, events.session_end(row.pk, "relay-1", Ending.STOPPED))

    assert (await bert.hear())["definition"] == "publish_finished"
    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_a_lost_publisher_is_missed_when_nobody_waits_any_more(
    anna: Client, bert: Client
) -> None:
    (row,) = [row for row in await rows("bert") if row.role == "publish"]
    await bert.disconnect()
    await anna.expect_silence()

    await Supervisor(()).handle_event(
        "relay-1", control.StreamEnded(f"{APPLICATION}/bert", row.pk)
    )

    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_a_return_within_the_window_is_nothing_new(
    open_socket: Open, anna: Client, bert: Client
) -> None:
    await bert.disconnect()
    again = await open_socket()
    await join(again, "bert")

    await again.publish("bert")

    await anna.expect_silence()
    await again.ask("stop", "bert")
    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_a_lost_socket_leaves_its_rooms(anna: Client) -> None:
    await anna.disconnect()

    assert await rows("anna") == []


async def test_a_second_join_replaces_the_first(anna: Client) -> None:
    assert await join(anna, "anna") == joined("anna")

    assert len(await rows("anna")) == 1


async def test_an_id_is_in_one_room_of_its_socket(anna: Client, bert: Client) -> None:
    answer = await anna.ask("joinRoom", "anna", room="cellar")
    assert answer["room"] == "cellar"

    await bert.ask("stop", "bert")

    await anna.expect_silence()
    assert [row.room for row in await rows("anna")] == ["cellar"]


async def test_rooms_of_two_applications_are_two(
    open_socket: Open, bert: Client
) -> None:
    await in_database(lambda: Application.objects.get_or_create(name="Another"))
    elsewhere = await open_socket("/Another/websocket")

    assert await join(elsewhere, "carol") == joined("carol")


async def test_who_leaves_after_its_connection_ended_publishes_no_more(
    anna: Client, bert: Client
) -> None:
    """The SDK closes its connections before it leaves the room."""
    (row,) = await rows("bert", "publish")
    closed = control.Closed(row.pk, row.channel, control.CloseReason.LOST)
    await send_event(closed)
    await bert.expect_no_event(row.channel)

    await bert.say("leaveFromRoom", "bert", room="hall")

    assert (await bert.hear())["definition"] == "publish_finished"
    assert (await bert.hear())["definition"] == "leavedFromRoom"
    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    assert await rows("bert") == []


async def test_an_operator_ends_a_membership(anna: Client, bert: Client) -> None:
    (row,) = await rows("bert", "participant")
    await tell(row.channel, events.session_end(row.pk, "", Ending.STOPPED))

    assert (await bert.hear())["definition"] == "publish_finished"
    assert await bert.hear() == notification("leavedFromRoom", **ROOM)
    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    assert await rows("bert") == []


async def test_members_whose_rows_were_swept_start_anew(anna: Client) -> None:
    (row,) = await rows("anna")
    lost = {"type": "relay.lost", "sessions": [row.pk]}
    await in_database(row.delete)

    await tell(row.channel, lost)

    assert (await anna.hear())["definition"] == "server_will_stop"
    await anna.prepare_publish("anna")
    made = await broadcast("anna")
    assert made is not None
    assert made.main_track_stream_id == ""


async def test_who_returns_without_joining_again_is_missed_when_it_stops(
    open_socket: Open, anna: Client, bert: Client
) -> None:
    """The SDK publishes again by itself; the page may not join again."""
    await bert.disconnect()
    again = await open_socket()
    await again.publish("bert")

    await again.ask("stop", "bert")

    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_a_return_that_stops_before_its_media_came_is_missed(
    open_socket: Open, anna: Client, bert: Client
) -> None:
    await bert.disconnect()
    again = await open_socket()
    await join(again, "bert")
    await again.prepare_publish("bert")

    await again.ask("stop", "bert")

    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_main_track_is_the_room_that_hears_of_the_stream(
    open_socket: Open, anna: Client
) -> None:
    client = await open_socket()
    await client.ask("joinRoom", "cam", room="cellar")

    await client.publish("cam", mainTrack="hall")

    assert await anna.hear() == notification("streamJoined", streamId="cam")


async def test_an_awaited_stream_is_missed_when_its_relay_dies(
    anna: Client, bert: Client
) -> None:
    await bert.disconnect()

    await Supervisor(()).handle_loss("relay-1")

    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    await anna.expect_silence()


async def test_an_awaited_stream_is_missed_when_an_operator_stops_it(
    anna: Client, bert: Client
) -> None:
    await bert.disconnect()
    await in_database(
        lambda: LiveSession.objects.filter(role="publish").update(ending=Ending.STOPPED)
    )

    await Supervisor(()).end_sessions()

    assert await anna.hear() == notification("streamLeaved", streamId="bert")


async def test_a_relay_s_death_is_told_once(anna: Client, bert: Client) -> None:
    await Supervisor(()).handle_loss("relay-1")

    assert (await bert.hear())["definition"] == "server_will_stop"
    assert await anna.hear() == notification("streamLeaved", streamId="bert")
    await anna.expect_silence()


async def test_a_long_answer_counts_as_several_commands(
    open_socket: Open, anna: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[float] = []
    monkeypatch.setattr(TokenBucket, "charge", lambda _, tokens: charged.append(tokens))
    publisher = await open_socket()
    await publisher.publish("cam", mainTrack="hall", metaData="x" * 16_384)
    assert (await anna.hear())["definition"] == "streamJoined"

    await anna.ask("getRoomInfo", "anna", room="hall")

    assert charged[-1] == 1
    assert sum(charged) == 1
