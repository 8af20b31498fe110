"""Two sockets meet in a room and talk through the server (contract 6.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.layers import get_channel_layer

from signalling import events
from streams.models import Application, Ending
from tests.signalling.conftest import (
    Client,
    FakeLink,
    Open,
    change_application,
    in_database,
    rows,
    states,
    tell,
    until,
)

START = {"command": "start", "streamId": "room", "subscriberId": ""}
STOP = {"command": "stop", "streamId": "room"}


def notification(definition: str, stream_id: str = "room") -> dict[str, Any]:
    return {
        "command": "notification",
        "definition": definition,
        "streamId": stream_id,
    }


def error(definition: str) -> dict[str, Any]:
    return {"command": "error", "definition": definition, "streamId": "room"}


@pytest.fixture
async def pair(open_socket: Open) -> tuple[Client, Client]:
    """Two peers in the room; the first has been told to make its offer."""
    first, second = await open_socket(), await open_socket()
    assert await first.ask("join", "room") == notification("joined")
    assert await second.ask("join", "room") == notification("joined")
    assert await first.hear() == START
    return first, second


@pytest.mark.parametrize(
    ("modes", "offering"),
    [
        (("both", "both"), 0),
        (("play", "both"), 1),
        (("both", "play"), 0),
        (("play", "play"), 0),
    ],
)
async def test_who_waited_offers_unless_it_has_nothing_to_send(
    open_socket: Open, modes: tuple[str, str], offering: int
) -> None:
    peers = [await open_socket(), await open_socket()]
    for peer, mode in zip(peers, modes, strict=True):
        await peer.say("join", "room", mode=mode, multiPeer=False)
        assert await peer.hear() == notification("joined")

    assert await peers[offering].hear() == START
    await peers[1 - offering].expect_silence()


async def test_what_one_says_the_other_hears_to_the_letter(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair
    frames = [
        '{"streamId":"room", "command":"takeConfiguration","type":"offer","sdp":"é"}',
        '{"command":"takeCandidate","streamId":"room","label":1,"id":"a","x":[null]}',
        '{"command":"peerMessageCommand","streamId":"room","definition":"d","data":{}}',
    ]
    for frame in frames:
        await first.send_to(text_data=frame)
        assert await second.receive_from(timeout=10) == frame
        await second.send_to(text_data=frame)
        assert await first.receive_from(timeout=10) == frame


async def test_a_message_without_a_peer_is_refused(client: Client) -> None:
    await client.ask("join", "room")

    for command in ("takeConfiguration", "takeCandidate", "peerMessageCommand"):
        assert await client.ask(command, "room") == error("no_peer_associated_before")


async def test_a_message_to_a_room_never_joined_is_refused(client: Client) -> None:
    answer = await client.ask("peerMessageCommand", "room", data=1)
    assert answer == error("no_peer_associated_before")


async def test_a_third_peer_finds_no_place(
    open_socket: Open, pair: tuple[Client, Client]
) -> None:
    third = await open_socket()

    assert await third.ask("join", "room") == error("NoSpaceForNewPeer")
    assert await states("room") == [("peer", "live")] * 2


async def test_who_leaves_is_told_and_the_other_stops(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair

    assert await first.ask("leave", "room") == notification("leaved")

    assert await second.hear() == STOP
    assert await second.ask("peerMessageCommand", "room") == error(
        "no_peer_associated_before"
    )
    assert len(await rows("room")) == 1


async def test_who_waits_offers_to_the_one_that_comes_again(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair
    await first.ask("leave", "room")
    await second.hear()

    assert await first.ask("join", "room") == notification("joined")

    assert await second.hear() == START
    await first.expect_silence()


async def test_a_lost_socket_leaves(
    open_socket: Open, pair: tuple[Client, Client]
) -> None:
    first, second = pair

    await first.disconnect()

    assert await second.hear() == STOP
    third = await open_socket()
    assert await third.ask("join", "room") == notification("joined")
    assert await second.hear() == START


async def test_a_second_join_of_a_socket_takes_its_own_place(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair

    assert await first.ask("join", "room") == notification("joined")

    assert await second.hear() == START
    assert len(await rows("room")) == 2


async def test_leave_and_stop_of_a_room_never_joined_are_silent(
    client: Client,
) -> None:
    await client.say("leave", "room")
    await client.say("stop", "room")

    await client.expect_silence()


async def test_stop_gives_up_the_place(pair: tuple[Client, Client]) -> None:
    first, second = pair

    await first.say("stop", "room")

    assert await second.hear() == STOP
    await first.expect_silence()


async def test_rooms_of_two_applications_are_two(
    open_socket: Open, pair: tuple[Client, Client]
) -> None:
    await in_database(lambda: Application.objects.get_or_create(name="Another"))
    elsewhere = await open_socket("/Another/websocket")

    assert await elsewhere.ask("join", "room") == notification("joined")
    await elsewhere.expect_silence()


async def test_the_2017_dialect_names_the_room_by_stream_name(
    open_socket: Open,
) -> None:
    first, second = await open_socket("/WebRTCApp4"), await open_socket("/WebRTCApp4")
    for peer in (first, second):
        await peer.say("join", streamName="room")
        joined = await peer.hear()
        assert (joined["definition"], joined["streamName"]) == ("joined", "room")
    assert (await first.hear())["streamName"] == "room"

    await second.say("leave")  # without a name: every room

    assert (await second.hear())["definition"] == "leaved"
    assert (await first.hear())["command"] == "stop"


async def test_a_message_for_an_earlier_join_is_dropped(client: Client) -> None:
    await client.ask("join", "room")
    (row,) = await rows("room")
    for stale in (
        events.peer_frame("room", "0" * 32, "1" * 32, '{"command":"late"}'),
        events.peer_left("room", "0" * 32, "1" * 32),
        events.peer_joined("room", "0" * 32, "1" * 32, "channel", offers=True),
        events.peer_left("another room", row.pk, ""),
    ):
        await tell(row.channel, stale)

    await client.expect_no_event(row.channel)


async def test_an_operator_ends_a_peer(
    pair: tuple[Client, Client], link: FakeLink
) -> None:
    row = min(await rows("room"), key=lambda row: row.seat or 0)
    await tell(row.channel, events.session_end(row.pk, "", Ending.STOPPED))

    assert await pair[0].hear() == STOP
    assert await pair[1].hear() == STOP
    assert len(await rows("room")) == 1
    assert link.commands == []


async def test_it_refuses_while_the_application_is_suspended(client: Client) -> None:
    await change_application(suspended=True)

    answer = await client.ask("join", "room")

    assert answer == error("license_suspended_please_renew_license")


async def test_peers_need_no_relay(client: Client, link: FakeLink) -> None:
    link.names = ()

    assert await client.ask("join", "room") == notification("joined")


async def test_a_peer_that_does_not_keep_up_costs_a_log_line(
    pair: tuple[Client, Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from channels.exceptions import ChannelFull

    layer = get_channel_layer()

    async def full(*_: object) -> None:
        raise ChannelFull

    monkeypatch.setattr(layer, "send", full)
    await pair[0].say("peerMessageCommand", "room", data="x" * 10)
    await pair[0].expect_silence()

    await until(lambda: "does not keep up" in caplog.text)


async def test_hostile_frames_reach_nobody(pair: tuple[Client, Client]) -> None:
    first, second = pair
    for frame in (
        "undefined",
        json.dumps({"command": "peerMessageCommand", "streamId": ""}),
        json.dumps({"command": "peerMessageCommand", "streamId": "a:b"}),
        json.dumps(
            {"command": "peerMessageCommand", "streamId": "room", "d": "x" * 70_000}
        ),
    ):
        await first.send_to(text_data=frame)
    assert (await first.hear())["definition"] == "noStreamNameSpecified"
    assert (await first.hear())["definition"] == "invalidStreamName"

    await second.expect_silence()


async def test_word_of_who_left_does_not_end_the_next_pair(
    open_socket: Open, pair: tuple[Client, Client]
) -> None:
    """The third sits down before the second hears that the first has gone."""
    first, second = pair
    gone, waiting = sorted(await rows("room"), key=lambda row: row.seat or 0)
    left = events.peer_left("room", waiting.pk, gone.pk)
    await in_database(gone.delete)
    third = await open_socket()

    assert await third.ask("join", "room") == notification("joined")
    assert [await second.hear(), await second.hear()] == [STOP, START]
    await tell(waiting.channel, left)

    await second.expect_no_event(waiting.channel)
    await second.say("peerMessageCommand", "room", data=1)
    assert (await third.hear())["data"] == 1
    # What the first still says reaches nobody: it sits opposite no more.
    await first.say("peerMessageCommand", "room", data=2)
    await first.expect_silence()
    await second.expect_no_event(waiting.channel)


async def test_who_sits_down_beside_one_that_is_leaving_hears_so(
    open_socket: Open,
) -> None:
    """The first leaves without having heard of the second."""
    first, second = await open_socket(), await open_socket()
    await first.ask("join", "room")
    await second.ask("join", "room")
    assert await first.hear() == START
    ends = {row.seat: row for row in await rows("room")}
    unheard = events.peer_left("room", ends[1].pk, ends[2].pk)
    await tell(ends[1].channel, unheard)  # as if it had never sat there
    assert await first.hear() == STOP

    await first.ask("leave", "room")

    assert await second.hear() == STOP


async def test_a_join_that_the_other_cannot_hear_of_is_refused(
    open_socket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels.exceptions import ChannelFull

    first, second = await open_socket(), await open_socket()
    await first.ask("join", "room")

    async def full(*_: object) -> None:
        raise ChannelFull

    with monkeypatch.context() as patch:
        patch.setattr(get_channel_layer(), "send", full)
        assert await second.ask("join", "room") == error("highResourceUsage")

    assert len(await rows("room")) == 1
    assert await second.ask("join", "room") == notification("joined")
    assert await first.hear() == START


async def test_a_burst_reaches_the_other_whole(pair: tuple[Client, Client]) -> None:
    """More at once than a channel holds."""
    first, second = pair
    frame = '{"command":"takeCandidate","streamId":"room","n":%d}'
    for number in range(300):
        first.input_queue.put_nowait(
            {"type": "websocket.receive", "text": frame % number}
        )

    for number in range(300):
        assert await second.receive_from(timeout=10) == frame % number


@pytest.mark.parametrize(("size", "least"), [(60_000, 30), (10_000, 120)])
async def test_long_frames_are_not_cheap(
    pair: tuple[Client, Client], size: int, least: int
) -> None:
    """What a candidate costs is for one that is as short as real ones are."""
    first, second = pair
    frame = json.dumps(
        {"command": "takeCandidate", "streamId": "room", "x": "x" * size}
    )
    for _ in range(2 * least):
        first.input_queue.put_nowait({"type": "websocket.receive", "text": frame})
    await until(lambda: first.input_queue.empty())

    for row in await rows("room"):
        await tell(row.channel, {"type": events.SERVER_STOP})
    heard = 0
    while (await second.hear())["command"] != "notification":
        heard += 1
    assert least - 3 <= heard < 2 * least


async def test_old_and_new_clients_of_the_2017_path_know_each_other_s_frames(
    open_socket: Open,
) -> None:
    old, new = await open_socket("/WebRTCApp4"), await open_socket("/WebRTCApp4")
    await old.say("join", streamName="room")
    await old.hear()
    await new.ask("join", "room")
    await old.hear()

    await old.send_to(
        text_data='{"command":"takeCandidate","streamName":"room","streamId":null}\n'
    )
    heard = await new.receive_from(timeout=10)
    assert heard == (
        '{"command":"takeCandidate","streamName":"room","streamId":null'
        ',"streamId":"room"}'
    )
    await new.say("takeConfiguration", "room", type="answer", sdp="v=0")
    assert (await old.hear())["streamName"] == "room"


async def test_peers_whose_rows_were_swept_start_anew(
    pair: tuple[Client, Client],
) -> None:
    first, second = pair
    row = min(await rows("room"), key=lambda row: row.seat or 0)
    lost = {"type": "relay.lost", "sessions": [row.pk]}
    await in_database(row.delete)

    await tell(row.channel, lost)

    assert (await first.hear())["definition"] == "server_will_stop"
    assert await second.hear() == STOP
    assert await first.ask("join", "room") == notification("joined")
    assert await second.hear() == START
