"""A room played as one: who is let in, what the relay is asked, how it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from relay import control
from streams import services
from streams.models import Application, Broadcast
from tests.signalling.conftest import (
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
    tell,
)


async def offered(asked: control.CreateRoomOffer, *mids: str) -> None:
    mapping = {mid: f"ARDAMSv{mid}" for mid in mids}
    event = control.Offered(asked.session, asked.reply_to, SDP, (), mapping)
    await send_event(event)


# What relays are told


async def test_a_participant_s_room_and_role_are_with_the_relay(
    client: Client,
) -> None:
    await change_application(data_channel_distribution="none")

    offer = await client.publish("anna", mainTrack="hall", role="speaker")

    assert (offer.room, offer.role) == ("LiveApp/hall", "speaker")
    assert (offer.data_channels, offer.distribution) == (True, "none")
    started = await rows("anna", "publish")
    assert (started[0].room, started[0].brought) == ("hall", True)


async def test_a_stream_without_a_room_is_in_none(client: Client) -> None:
    offer = await client.publish("anna")

    assert (offer.room, offer.role) == ("", "default")


async def test_an_operator_s_room_is_with_the_relay_too(
    client: Client, application: Application
) -> None:
    await in_database(
        lambda: Broadcast.objects.create(
            application=application, stream_id="anna", main_track_stream_id="hall"
        )
    )

    assert (await client.publish("anna")).room == "LiveApp/hall"


async def test_a_viewer_s_room_is_asked_for_with_all_that_it_needs(
    open_socket: Open,
) -> None:
    await change_application(
        max_video_track_count=9,
        max_audio_track_count=3,
        send_audio_levels=True,
        audio_level_threshold=100,
        data_channel_enabled=False,
    )
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()

    asked = await viewer.ask_room(
        "hall",
        role="speaker",
        userPublishId="bert",
        trackList=["hall", "!anna"],
        disableTracksByDefault=False,
    )

    assert asked == control.CreateRoomOffer(
        session=asked.session,
        reply_to=asked.reply_to,
        room="LiveApp/hall",
        start_timeout_ms=5000,
        sees_roles=("speaker", "active_attendee"),
        own_streams=("bert",),
        tracks=("!anna",),
        enabled=True,
        video_codecs=("VP8", "H264", "VP9", "AV1"),
        max_video_tracks=9,
        max_audio_tracks=3,
        audio_levels=True,
        audio_level_threshold=100,
        data_channels=False,
    )


async def test_what_the_socket_publishes_in_the_room_is_its_own(
    client: Client,
) -> None:
    await client.publish("anna", mainTrack="hall")
    await client.prepare_publish("screen", mainTrack="hall")
    await client.publish("other")

    asked = await client.ask_room("hall", userPublishId="a/b")

    assert asked.own_streams == ("anna", "screen")


async def test_who_publishes_after_it_has_played_does_not_see_itself(
    open_socket: Open, link: FakeLink
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    client = await open_socket()
    played = await client.play_room("hall")

    await client.publish("bert", mainTrack="hall")

    assert link.last(control.SetTracks) == control.SetTracks(
        played.session, "bert", video=False, audio=False
    )


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, True),
        ({"trackList": ["!s1"]}, False),
        ({"disableTracksByDefault": True}, False),
        ({"disableTracksByDefault": True, "trackList": ["s1"]}, True),
    ],
)
async def test_a_single_stream_is_sent_as_its_track_list_says(
    open_socket: Open, fields: dict[str, Any], sent: bool
) -> None:
    await (await open_socket()).publish("s1")

    asked = await (await open_socket()).prepare_play("s1", **fields)

    assert (asked.send_video, asked.send_audio) == (sent, sent)


# Who is let in


async def test_publish_and_play_of_a_room_come_in_one_tick(
    client: Client, link: FakeLink
) -> None:
    await client.say("publish", "anna", mainTrack="hall")
    await client.say("play", "hall", userPublishId="anna")

    assert (await client.hear())["command"] == "start"
    await client.expect_silence()
    assert link.last(control.CreateRoomOffer).own_streams == ("anna",)


async def test_a_room_that_nobody_prepares_does_not_exist(client: Client) -> None:
    assert await client.ask("play", "hall") == {
        "command": "error",
        "streamId": "hall",
        "definition": "no_stream_exist",
        "error_code": "404",
        "information": "stream_not_exist_or_not_streaming",
    }


async def test_who_waits_for_a_room_hears_when_it_is_live(open_socket: Open) -> None:
    viewer, publisher = await open_socket(), await open_socket()
    assert (await viewer.ask("play", "hall"))["definition"] == "no_stream_exist"

    await publisher.publish("anna", mainTrack="hall")

    heard = await viewer.hear()
    assert (heard["definition"], heard["streamId"]) == ("streaming_started", "hall")


async def test_a_room_is_played_once_by_a_socket(client: Client) -> None:
    await client.publish("anna", mainTrack="hall")
    await client.play_room("hall")

    assert (await client.ask("play", "hall"))["definition"] == "already_playing"


async def test_a_live_stream_is_no_main_track(open_socket: Open) -> None:
    await (await open_socket()).publish("cam")
    other = await open_socket()

    assert await other.ask("publish", "s2", mainTrack="cam") == {
        "command": "error",
        "streamId": "s2",
        "definition": "mainTrackDBOperationFailed",
        "room": "cam",
    }
    assert await broadcast("s2") is None


async def test_a_room_is_no_stream(open_socket: Open) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    other = await open_socket()

    assert (await other.ask("publish", "hall"))["definition"] == "streamIdInUse"


# Re-offers


async def test_each_answer_brings_the_next_offer(
    open_socket: Open, link: FakeLink
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    asked = await viewer.play_room("hall")

    for mids in (("1",), ("1", "2"), ("2",)):
        await offered(asked, *mids)
        offer = await viewer.hear()
        assert (offer["type"], offer["streamId"]) == ("offer", "hall")
        assert offer["idMapping"] == {mid: f"ARDAMSv{mid}" for mid in mids}
        await viewer.say("takeConfiguration", "hall", type="answer", sdp=f"a{mids}")
        await viewer.expect_silence()
        answer = link.last(control.AcceptAnswer)
        assert (answer.session, answer.sdp) == (asked.session, f"a{mids}")


async def test_an_offer_before_the_viewer_is_connected_is_passed_on(
    open_socket: Open, link: FakeLink
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    asked = await viewer.ask_room("hall")
    for number in (1, 2):
        await offered(asked, str(number))
        assert (await viewer.hear())["type"] == "offer"
        await viewer.say("takeConfiguration", "hall", type="answer", sdp="answer")
        await viewer.expect_silence()
    await send_event(control.Started(asked.session, asked.reply_to))

    assert (await viewer.hear())["definition"] == "play_started"
    answers = [c for c in link.commands if isinstance(c, control.AcceptAnswer)]
    assert len(answers) == 2


async def test_an_offer_waits_for_the_answer_to_the_one_before(
    open_socket: Open,
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    asked = await viewer.play_room("hall")

    await offered(asked, "1")
    assert (await viewer.hear())["type"] == "offer"
    await offered(asked, "1", "2")
    await viewer.expect_no_event(asked.reply_to)


async def test_an_answer_that_nobody_asked_for_is_ignored(
    open_socket: Open, link: FakeLink
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    await viewer.play_room("hall")
    before = list(link.commands)

    await viewer.say("takeConfiguration", "hall", type="answer", sdp="again")
    await viewer.expect_silence()

    assert link.commands == before


async def test_a_single_stream_gets_one_offer(open_socket: Open) -> None:
    await (await open_socket()).publish("s1")
    viewer = await open_socket()
    asked = await viewer.play("s1")

    await send_event(control.Offered(asked.session, asked.reply_to, SDP, (), {}))

    await viewer.expect_no_event(asked.reply_to)


async def test_an_answer_that_does_not_fit_ends_the_viewer(open_socket: Open) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    asked = await viewer.play_room("hall")
    failure = control.Failure.REMOTE_DESCRIPTION

    await send_event(control.Failed(asked.session, asked.reply_to, failure))

    assert (await viewer.hear())["definition"] == "notSetRemoteDescription"
    assert await rows("hall") == []


async def test_a_viewer_hears_who_comes_and_who_goes(open_socket: Open) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    asked = await viewer.play_room("hall", subscriberId="bob1")

    await send_event(
        control.TracksChanged(asked.session, asked.reply_to, ("bert",), ("anna",))
    )

    common = {"command": "notification", "streamId": "hall", "subscriberId": "bob1"}
    assert await viewer.hear() == {
        **common,
        "definition": "subtrackRemoved",
        "trackId": "anna",
    }
    assert await viewer.hear() == {
        **common,
        "definition": "subtrackAdded",
        "trackId": "bert",
    }


# The end


async def end_marked(client: Client, channel: str) -> None:
    """As the supervisor does."""
    for ended in await in_database(
        lambda: list(services.wanted_endings(_node_of(channel)))
    ):
        await tell(
            ended.channel,
            {
                "type": "session.end",
                "session": ended.session,
                "relay": ended.relay,
                "ending": ended.ending,
            },
        )


def _node_of(channel: str) -> str:
    from streams.models import LiveSession

    return str(
        LiveSession.objects.filter(channel=channel)
        .values_list("node_id", flat=True)
        .first()
    )


async def test_viewers_end_with_the_last_participant_and_may_come_back(
    open_socket: Open, link: FakeLink
) -> None:
    publisher, viewer = await open_socket(), await open_socket()
    await publisher.publish("anna", mainTrack="hall")
    asked = await viewer.play_room("hall")

    assert (await publisher.ask("stop", "anna"))["definition"] == "publish_finished"
    await end_marked(viewer, asked.reply_to)

    assert await viewer.hear() == {
        "command": "notification",
        "definition": "play_finished",
        "streamId": "hall",
        "subscriberId": "",
    }
    await viewer.expect_no_event(asked.reply_to)  # and no `stop`
    assert control.CloseSession(asked.session) in link.closed()
    assert await rows("hall") == []
    assert await broadcast("hall") is None


async def test_a_viewer_that_stops_is_told_once(client: Client) -> None:
    await client.publish("anna", mainTrack="hall")
    asked = await client.play_room("hall")

    assert (await client.ask("stop", "anna"))["definition"] == "publish_finished"
    assert (await client.ask("stop", "hall"))["definition"] == "play_finished"
    await client.expect_no_event(asked.reply_to)
    assert await rows("hall") == []


async def test_leaving_the_room_ends_its_play_too(
    client: Client, link: FakeLink
) -> None:
    joined = await client.ask("joinRoom", "anna", room="hall", mode="multitrack")
    assert joined["definition"] == "joinedTheRoom"
    await client.publish("anna")
    asked = await client.play_room("hall")

    heard = [await client.ask("leaveFromRoom", room="hall")]
    heard += [await client.hear(), await client.hear()]

    said = [(body["definition"], body.get("streamId")) for body in heard]
    assert said == [
        ("publish_finished", "anna"),
        ("play_finished", "hall"),
        ("leavedFromRoom", None),
    ]
    assert control.CloseSession(asked.session) in link.closed()
    assert await rows("hall") == []


async def test_a_joined_room_says_how_many_are_seen_at_once(client: Client) -> None:
    await change_application(max_video_track_count=9)

    joined = await client.ask("joinRoom", "anna", room="hall")

    assert joined["maxTrackCount"] == 9


# Returns


async def test_a_client_that_lost_its_socket_need_not_say_all_again(
    open_socket: Open,
) -> None:
    await (await open_socket()).publish("anna", mainTrack="hall")
    first = await open_socket()
    await first.play_room(
        "hall",
        subscriberId="bob1",
        subscriberName="Bob",
        disableTracksByDefault=True,
    )
    await close(first)

    again = await (await open_socket()).ask_room("hall", subscriberId="bob1")

    assert again.enabled is False
    (row,) = await rows("hall", "play")
    assert row.subscriber_name == "Bob"


async def test_the_2017_dialect_plays_a_room(open_socket: Open, link: FakeLink) -> None:
    client = await open_socket("/WebRTCApp4")
    await client.say("publish", streamName="anna", mainTrack="hall")
    assert (await client.hear())["streamName"] == "anna"
    await client.say("play", streamName="hall")
    await client.expect_silence()
    asked = link.last(control.CreateRoomOffer)
    await offered(asked, "1")

    offer = await client.hear()
    assert (offer["streamName"], offer["streamId"]) == ("hall", "hall")
    await client.say("takeConfiguration", streamName="hall", type="answer", sdp="a")
    await client.expect_silence()
    assert link.last(control.AcceptAnswer).session == asked.session
    await client.say("stop")
    heard = [(await client.hear())["definition"] for _ in range(2)]
    assert sorted(heard) == ["play_finished", "publish_finished"]
