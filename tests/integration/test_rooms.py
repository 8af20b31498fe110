"""Rooms with the real server: who sees whom, as participants come and go."""

from __future__ import annotations

import asyncio

from tests.integration.client import Client, Clients
from tests.integration.media import Pictures
from tests.integration.rooms import RoomPlay
from tests.integration.web import ask, new_key
from tests.server_process import ServerProcess

SHADES = {"anna": 40, "bert": 120, "cleo": 200}


async def enter(clients: Clients, server: ServerProcess, room: str, who: str) -> Client:
    """A participant of one shade, live."""
    client = await clients.open(server)
    await client.publish(
        f"{room}-{who}", [Pictures(SHADES[who])], mainTrack=room, audio=False
    )
    return client


async def test_participants_see_each_other_come_and_go(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    room = stream_id
    anna, bert, cleo = (f"{room}-{who}" for who in SHADES)
    first = await enter(clients, server, room, "anna")
    plays = [await RoomPlay.start(first, room, userPublishId=anna)]
    assert plays[0].participants == set()

    second = await enter(clients, server, room, "bert")
    plays.append(await RoomPlay.start(second, room, userPublishId=bert))
    await plays[0].until_participants(bert)
    await plays[0].see(bert, SHADES["bert"])
    await plays[1].until_participants(anna)
    await plays[1].see(anna, SHADES["anna"])

    third = await enter(clients, server, room, "cleo")
    plays.append(await RoomPlay.start(third, room))  # its socket says whose it is
    await plays[2].until_participants(anna, bert)
    await plays[2].see(anna, SHADES["anna"])
    await plays[2].see(bert, SHADES["bert"])
    for play, others in ((plays[0], (bert, cleo)), (plays[1], (anna, cleo))):
        await play.until_participants(*others)
        await play.see(cleo, SHADES["cleo"])

    await second.send("stop", bert)
    for play, left in ((plays[0], cleo), (plays[2], anna)):
        await play.until_participants(left)
        assert ("subtrackRemoved", bert) in play.changes
        await play.see(left, SHADES[left.rpartition("-")[2]])
    assert ("subtrackAdded", cleo) in plays[0].changes
    assert all(play.others == [] for play in (plays[0], plays[2]))


async def test_who_only_watches_is_told_of_the_end(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    room = stream_id
    anna = await enter(clients, server, room, "anna")
    viewer = await RoomPlay.start(await clients.open(server), room)
    await viewer.until_participants(f"{room}-anna")

    await anna.stop_publishing(f"{room}-anna")

    finished = await viewer.until_said("play_finished")
    assert finished["streamId"] == room
    await viewer.client.send("play", room)
    assert (await viewer.until_said("no_stream_exist"))["error_code"] == "404"


async def test_a_track_stops_and_goes_on_for_one_viewer(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    room, anna = stream_id, f"{stream_id}-anna"
    await enter(clients, server, room, "anna")
    await enter(clients, server, room, "bert")
    viewer = await RoomPlay.start(await clients.open(server), room)
    await viewer.until_participants(anna, f"{room}-bert")
    await viewer.see(anna, SHADES["anna"])

    await viewer.client.send("enableTrack", room, trackId=anna, enabled=False)
    await clients.settle(server)
    stopped = await viewer.received(anna)
    for _ in range(3):  # the other one goes on
        await viewer.see(f"{room}-bert", SHADES["bert"])
    assert await viewer.received(anna) <= stopped + 1  # one that was on its way

    await viewer.client.send("enableTrack", room, trackId=anna, enabled=True)
    while await viewer.received(anna) <= stopped + 1:
        await viewer.see(f"{room}-bert", SHADES["bert"])


async def test_a_viewer_s_role_says_whom_it_sees(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    room = stream_id
    for who, role in (("anna", "speaker"), ("bert", "attendee"), ("cleo", "")):
        client = await clients.open(server)
        pictures = [Pictures(SHADES[who])]
        name = f"{room}-{who}"
        await client.publish(name, pictures, mainTrack=room, audio=False, role=role)

    for role, seen in (("attendee", "anna"), ("speaker", "anna"), ("", "cleo")):
        viewer = await RoomPlay.start(await clients.open(server), room, role=role)
        assert viewer.participants == {f"{room}-{seen}"}


async def test_a_room_in_which_somebody_just_begins_plays_at_once(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    client = await clients.open(server)
    own = f"{stream_id}-anna"
    await client.send("publish", own, mainTrack=stream_id)
    await client.send("play", stream_id, userPublishId=own)
    await client.expect("start", own, subscriberId="")

    play = RoomPlay(client, stream_id)
    await play.take_offer()
    await play.until_said("play_started")

    assert play.mapping == {}


async def test_a_back_end_moves_a_live_stream_and_gives_it_a_role(
    server: ServerProcess, clients: Clients, stream_id: str
) -> None:
    room, anna, bert = stream_id, f"{stream_id}-anna", f"{stream_id}-bert"
    await enter(clients, server, room, "anna")
    publisher = await clients.open(server)
    await publisher.publish(bert, [Pictures(SHADES["bert"])], audio=False)
    viewer = await RoomPlay.start(await clients.open(server), room)
    assert viewer.participants == {anna}
    key = await asyncio.to_thread(new_key, server)

    async def change(method: str, path: str, body: object = None) -> None:
        url = f"/LiveApp/rest/v2/broadcasts/{path}"
        headers = {"Authorization": f"Bearer {key}"}
        answer = await asyncio.to_thread(ask, server, method, url, body, **headers)
        assert answer.json["success"], answer.text

    await change("POST", f"{room}/subtrack?id={bert}")
    await viewer.until_participants(anna, bert)
    await viewer.see(bert, SHADES["bert"])

    await change("PUT", bert, {"role": "speaker"})  # whom this viewer does not see
    await viewer.until_participants(anna)
    speaker = await RoomPlay.start(await clients.open(server), room, role="speaker")
    assert speaker.participants == {bert}

    await change("DELETE", f"{room}/subtrack?id={bert}")
    await speaker.until_participants()
    await publisher.expect_nothing()  # it goes on
