"""What a viewer is sent, what its path bears, and a publisher's ladder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from relay import control
from signalling import events
from streams import services
from streams.models import WebhookDelivery
from tests.signalling.conftest import (
    Client,
    FakeLink,
    Open,
    change_application,
    in_database,
    send_event,
    tell,
)
from tests.streams.reports import NO_VIEWER

LADDER = [
    {"height": 240, "videoBitrate": 300_000, "audioBitrate": 32_000},
    {"height": 480, "videoBitrate": 800_000, "forceEncode": False},
]


async def watch(open_socket: Open) -> tuple[Client, control.CreateOffer]:
    """Somebody publishes s1, and somebody plays it."""
    await (await open_socket()).publish("s1")
    viewer = await open_socket()
    return viewer, await viewer.play("s1")


async def watch_room(open_socket: Open) -> tuple[Client, control.CreateRoomOffer]:
    """Anna publishes in the hall, and somebody plays the hall."""
    await (await open_socket()).publish("anna", mainTrack="hall")
    viewer = await open_socket()
    return viewer, await viewer.play_room("hall")


async def told(client: Client, stream_id: str, **fields: Any) -> Any:
    """What the relay is told by forceStreamQuality, which is not answered."""
    before = len(client.link.commands)
    await client.say("forceStreamQuality", stream_id, **fields)
    await client.expect_silence()
    new = client.link.commands[before:]
    assert len(new) < 2
    return new[0] if new else None


def measured(asked: control.CreateOffer | control.CreateRoomOffer) -> dict[str, Any]:
    """As the supervisor sends it."""
    viewer = replace(
        NO_VIEWER,
        session=asked.session,
        reply_to=asked.reply_to,
        target_bitrate=1_200_000,
        video_bitrate=900_000,
        audio_bitrate=48_000,
    )
    return events.viewer_measured(viewer)


# What relays are asked for


async def test_a_publisher_s_offer_carries_its_ladder(client: Client) -> None:
    await change_application(encoder_settings=LADDER, tcp_candidates_enabled=False)
    await client.prepare_publish()

    offer = await client.offer()

    assert offer.encoder_settings == (
        control.EncoderSetting(480, 800_000, 0, force_encode=False),
        control.EncoderSetting(240, 300_000, 32_000),
    )
    assert not offer.tcp_candidates


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_viewer_s_offer_says_what_the_application_does(
    open_socket: Open, enabled: bool
) -> None:
    await change_application(adaptive_enabled=enabled, tcp_candidates_enabled=enabled)

    _, single = await watch(open_socket)
    _, room = await watch_room(open_socket)

    assert (single.adaptive, single.tcp_candidates) == (enabled, enabled)
    assert (room.adaptive, room.tcp_candidates) == (enabled, enabled)


# forceStreamQuality


@pytest.mark.parametrize("track", ["s1", None])
async def test_a_viewer_pins_the_quality_of_its_stream(
    open_socket: Open, track: str | None
) -> None:
    viewer, asked = await watch(open_socket)

    said = await told(viewer, "s1", trackId=track, streamHeight=240)

    assert said == control.ForceQuality(asked.session, "s1", 240)


@pytest.mark.parametrize(
    ("track", "named"), [("anna", "anna"), ("hall", ""), (None, "")]
)
async def test_a_viewer_pins_the_quality_in_a_room(
    open_socket: Open, track: str | None, named: str
) -> None:
    viewer, asked = await watch_room(open_socket)

    said = await told(viewer, "hall", trackId=track, streamHeight="360")

    assert said == control.ForceQuality(asked.session, named, 360)


@pytest.mark.parametrize("automatic", [0, "0", "auto"])
async def test_a_viewer_leaves_the_choice_to_the_server(
    open_socket: Open, automatic: object
) -> None:
    viewer, asked = await watch(open_socket)

    said = await told(viewer, "s1", streamHeight=automatic)

    assert said == control.ForceQuality(asked.session, "s1", 0)


@pytest.mark.parametrize("height", [None, "", "high", -240, 1e9, {}, [], True])
async def test_what_is_no_height_changes_nothing(
    open_socket: Open, height: object
) -> None:
    viewer, _ = await watch(open_socket)

    assert await told(viewer, "s1", streamHeight=height) is None


async def test_a_publisher_s_quality_is_not_forced(client: Client) -> None:
    await client.publish("s1")

    assert await told(client, "s1", streamHeight=240) is None


# resolutionChangeInfo


async def test_a_viewer_hears_that_its_rendition_changed(open_socket: Open) -> None:
    viewer, asked = await watch(open_socket)

    await send_event(control.RenditionChanged(asked.session, asked.reply_to, "s1", 240))

    assert await viewer.hear() == {
        "command": "notification",
        "definition": "resolutionChangeInfo",
        "streamId": "s1",
        "streamHeight": 240,
    }


async def test_a_room_s_viewer_hears_of_which_participant(open_socket: Open) -> None:
    viewer, asked = await watch_room(open_socket)

    await send_event(
        control.RenditionChanged(asked.session, asked.reply_to, "anna", 240)
    )

    heard = await viewer.hear()
    assert (heard["streamId"], heard["trackId"]) == ("hall", "anna")
    assert heard["streamHeight"] == 240


async def test_nobody_hears_of_an_abandoned_play(open_socket: Open) -> None:
    viewer, asked = await watch(open_socket)
    assert (await viewer.ask("stop", "s1"))["definition"] == "play_finished"

    await send_event(control.RenditionChanged(asked.session, asked.reply_to, "s1", 240))
    await tell(asked.reply_to, measured(asked))

    await viewer.expect_no_event(asked.reply_to)


# bitrateMeasurement


async def test_a_viewer_hears_what_its_path_bears(open_socket: Open) -> None:
    viewer, asked = await watch(open_socket)

    await tell(asked.reply_to, measured(asked))

    assert await viewer.hear() == {
        "command": "notification",
        "definition": "bitrateMeasurement",
        "streamId": "s1",
        "targetBitrate": 1_200_000,
        "videoBitrate": 900_000,
        "audioBitrate": 48_000,
    }


async def test_a_room_s_viewer_hears_of_the_room(open_socket: Open) -> None:
    viewer, asked = await watch_room(open_socket)

    await tell(asked.reply_to, measured(asked))

    heard = await viewer.hear()
    assert (heard["definition"], heard["streamId"]) == ("bitrateMeasurement", "hall")


async def test_a_viewer_that_is_not_connected_hears_no_measurement(
    open_socket: Open,
) -> None:
    await (await open_socket()).publish("s1")
    viewer = await open_socket()
    asked = await viewer.prepare_play("s1")

    await tell(asked.reply_to, measured(asked))

    await viewer.expect_no_event(asked.reply_to)


async def test_a_viewer_of_the_2017_dialect_hears_it_under_both_names(
    open_socket: Open,
) -> None:
    path = "/WebRTCApp4/websocket"
    await (await open_socket(path)).publish("s1")
    viewer = await open_socket(path)
    asked = await viewer.play("s1")

    await tell(asked.reply_to, measured(asked))

    heard = await viewer.hear()
    assert (heard["streamId"], heard["streamName"]) == ("s1", "s1")


# the ladder's problems

PROBLEMS = {
    control.EncoderProblem.NO_SETTINGS: "no_encoder_settings",
    control.EncoderProblem.NOT_OPENED: "encoderNotOpened",
    control.EncoderProblem.BLOCKED: "encoderBlocked",
}


@pytest.mark.parametrize(("problem", "definition"), PROBLEMS.items())
async def test_a_publisher_hears_what_became_of_its_ladder(
    client: Client, problem: control.EncoderProblem, definition: str
) -> None:
    offer = await client.publish("s1")

    await send_event(
        control.EncoderFailed(offer.session, offer.reply_to, problem, (480, 240))
    )

    assert await client.hear() == {
        "command": "error",
        "definition": definition,
        "streamId": "s1",
    }


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_the_stream_goes_on_without_its_ladder(
    client: Client, link: FakeLink, problem: control.EncoderProblem
) -> None:
    offer = await client.publish("s1")
    await send_event(control.EncoderFailed(offer.session, offer.reply_to, problem))
    await client.hear()

    answer = await client.ask("getStreamInfo", "s1")

    assert answer["command"] == "streamInformation"
    assert link.closed() == []


@pytest.mark.parametrize(
    ("problem", "actions"),
    [
        (control.EncoderProblem.NOT_OPENED, ["encoderNotOpenedError"]),
        (control.EncoderProblem.BLOCKED, []),
        (control.EncoderProblem.NO_SETTINGS, []),
    ],
)
async def test_the_operator_hears_of_an_encoder_that_does_not_start(
    client: Client, problem: control.EncoderProblem, actions: list[str]
) -> None:
    offer = await client.publish("s1")
    await change_application(listener_hook_url="http://hook.example/")

    await send_event(control.EncoderFailed(offer.session, offer.reply_to, problem))
    await client.hear()

    posted = WebhookDelivery.objects.values_list("action", flat=True)
    assert await in_database(list, posted) == actions


async def test_a_publisher_hears_of_its_ladder_while_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await client.publish("s1")

    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(services, "tell_encoder_not_opened", away)
    problem = control.EncoderProblem.NOT_OPENED

    await send_event(control.EncoderFailed(offer.session, offer.reply_to, problem))

    assert (await client.hear())["definition"] == "encoderNotOpened"


async def test_each_event_is_about_its_own_role(open_socket: Open) -> None:
    publisher = await open_socket()
    published = await publisher.publish("s1")
    viewer = await open_socket()
    played = await viewer.play("s1")

    await send_event(
        control.RenditionChanged(published.session, published.reply_to, "s1", 240)
    )
    await publisher.expect_no_event(published.reply_to)
    await send_event(
        control.EncoderFailed(
            played.session, played.reply_to, control.EncoderProblem.BLOCKED
        )
    )
    await viewer.expect_no_event(played.reply_to)
