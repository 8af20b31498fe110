from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from django.db import OperationalError

from relay.control import RenditionReport
from streams import services
from streams.clock import now_ms
from streams.models import Application, Broadcast
from streams.policy import AccessDenied
from streams.services import IceServerConfig, SocketInfo, StreamInfo
from streams.turn import make_turn_credential
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

# What pages and SDKs read of a broadcast (contract 3.2, 7.1).
WIRE_NAMES = {
    "streamId",
    "status",
    "type",
    "publishType",
    "name",
    "description",
    "zombi",
    "virtual",
    "date",
    "startTime",
    "updateTime",
    "duration",
    "plannedStartDate",
    "plannedEndDate",
    "expireDurationMS",
    "metaData",
    "role",
    "mainTrackStreamId",
    "subTrackStreamIds",
    "webRTCViewerCount",
    "bitrate",
    "receivedBytes",
    "width",
    "height",
    "packetsLost",
    "jitterMs",
    "rttMs",
}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("WebRTCAppEE", True),
        ("LiveApp", True),
        ("WebRTCApp4", True),
        ("liveapp", False),
        ("", False),
        ("LiveApp/", False),
    ],
)
def test_it_knows_the_applications(db: None, name: str, known: bool) -> None:
    assert services.application_exists(name) is known


def test_ice_servers_are_those_of_the_application(application: Application) -> None:
    assert services.ice_server_config("LiveApp") == IceServerConfig(
        "stun:stun1.l.google.com:19302", "", ""
    )
    Application.objects.filter(pk=application.pk).update(
        stun_server_uri="turn:192.0.2.9",
        turn_server_username="user",
        turn_server_credential="word",
    )

    assert services.ice_server_config("LiveApp") == IceServerConfig(
        "turn:192.0.2.9", "user", "word"
    )
    assert services.ice_server_config("Nowhere") == IceServerConfig("", "", "")


def test_a_secret_shared_with_the_turn_server_makes_credentials_that_expire(
    application: Application,
) -> None:
    Application.objects.filter(pk=application.pk).update(
        stun_server_uri="turn:192.0.2.9",
        turn_server_username="user",
        turn_server_credential="word",
        turn_shared_secret="between us",
        turn_credential_s=600,
    )
    first, second = (
        services.ice_server_config("LiveApp", lambda: 1_700_000_000_999)
        for _ in range(2)
    )
    expiry, client = first.username.split(":")
    made = make_turn_credential("between us", client, 1_700_000_600)
    assert first == IceServerConfig("turn:192.0.2.9", made.username, made.password)
    assert expiry == "1700000600"
    assert second.username != first.username  # each has a quota of its own


def test_the_shared_secret_is_for_no_stun_server(application: Application) -> None:
    Application.objects.filter(pk=application.pk).update(
        turn_shared_secret="between us"
    )
    assert services.ice_server_config("LiveApp") == IceServerConfig(
        "stun:stun1.l.google.com:19302", "", ""
    )


def test_it_tells_the_measures_of_a_live_stream(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)
    Broadcast.objects.update(
        width=640, height=360, video_bitrate=1, audio_bitrate=2, video_codec="VP8"
    )

    with at_most(1):
        info = services.stream_info("LiveApp", "cam")

    assert info == (StreamInfo(640, 360, 1, 2, "VP8"),)


def test_it_tells_every_rendition_of_a_live_stream(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)
    renditions = [
        RenditionReport(1280, 720, 1_500_000, 64_000, "VP8"),
        RenditionReport(426, 240, 300_000, 32_000, "H264"),
    ]
    Broadcast.objects.update(renditions=[asdict(one) for one in renditions])

    with at_most(1):
        info = services.stream_info("LiveApp", "cam")

    assert info == (
        StreamInfo(1280, 720, 1_500_000, 64_000, "VP8"),
        StreamInfo(426, 240, 300_000, 32_000, "H264"),
    )


def test_a_stream_that_waits_for_its_publisher_has_measures(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)

    assert len(services.stream_info("LiveApp", "cam")) == 1


def test_a_stream_that_cannot_be_played_has_none(
    publish: Publish, alice: SocketInfo, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="registered")
    publish(alice)

    assert services.stream_info("LiveApp", "cam") == ()
    assert services.stream_info("LiveApp", "registered") == ()
    assert services.stream_info("LiveApp", "unknown") == ()


def test_stream_measures_are_those_of_the_application(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    assert services.stream_info("WebRTCAppEE", "cam") == ()


def test_a_broadcast_is_told_by_its_wire_names(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice, name="My camera", meta_data='{"a":1}', role="speaker", main_track="r")

    with at_most(2):
        found = services.broadcast_object("LiveApp", "cam")

    assert found is not None
    assert found.keys() >= WIRE_NAMES
    assert json.dumps(found)
    assert (found["streamId"], found["name"]) == ("cam", "My camera")
    assert (found["metaData"], found["role"]) == ('{"a":1}', "speaker")
    assert found["mainTrackStreamId"] == "r"
    assert found["zombi"] is True


def test_what_is_unset_is_null_and_the_subtracks_are_a_list(
    application: Application,
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    found = services.broadcast_object("LiveApp", "cam")

    assert found is not None
    assert found["metaData"] is None
    assert found["role"] is None
    assert found["mainTrackStreamId"] is None
    assert found["subTrackStreamIds"] == []
    assert found["status"] == "created"


def test_viewers_are_counted_from_live_rows(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    live(alice, "other")
    for number in range(3):
        grant = play(replace(bob, channel=f"viewer-{number}"))
        services.mark_started(grant.session, clock)
    play(bob)  # still connecting

    found = services.broadcast_object("LiveApp", "cam")

    assert found is not None
    assert found["webRTCViewerCount"] == 3


def test_a_broadcast_not_heard_of_for_long_reads_as_terminated(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)
    Broadcast.objects.update(update_time=now_ms() - 20_001)

    found = services.broadcast_object("LiveApp", "cam")

    assert found is not None
    assert found["status"] == "terminated_unexpectedly"


def test_it_does_not_tell_where_the_publisher_is(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    text = json.dumps(services.broadcast_object("LiveApp", "cam"))

    assert alice.remote_ip not in text
    assert alice.user_agent not in text


def test_a_room_names_its_subtracks_and_those_name_it(
    live: Publish, alice: SocketInfo
) -> None:
    for stream_id in ("bert", "anna"):
        live(alice, stream_id, main_track="room", role="speaker")

    room = services.broadcast_object("LiveApp", "room")
    member = services.broadcast_object("LiveApp", "anna")

    assert room is not None
    assert (room["streamId"], room["status"]) == ("room", "broadcasting")
    assert room["subTrackStreamIds"] == ["anna", "bert"]
    assert room["metaData"] is None
    assert room["virtual"] is True
    assert member is not None
    assert (member["mainTrackStreamId"], member["role"]) == ("room", "speaker")
    assert (member["status"], member["metaData"]) == ("broadcasting", None)
    assert member["startTime"] > 0


def test_a_room_without_a_row_is_known_by_who_is_live_in_it(
    live: Publish, alice: SocketInfo, application: Application
) -> None:
    live(alice)
    Broadcast.objects.update(main_track_stream_id="room", start_time=7)
    Broadcast.objects.create(
        application=application, stream_id="away", main_track_stream_id="room"
    )

    with at_most(3):
        found = services.broadcast_object("LiveApp", "room")

    assert found is not None
    assert found.keys() >= WIRE_NAMES
    assert (found["streamId"], found["status"]) == ("room", "broadcasting")
    assert (found["virtual"], found["zombi"]) == (True, True)
    assert (found["startTime"], found["webRTCViewerCount"]) == (7, 0)
    assert found["subTrackStreamIds"] == ["away", "cam"]
    assert found["metaData"] is None
    assert services.broadcast_object("WebRTCAppEE", "room") is None


def test_a_room_where_nobody_is_live_is_nothing(application: Application) -> None:
    Broadcast.objects.create(
        application=application, stream_id="away", main_track_stream_id="room"
    )

    assert services.broadcast_object("LiveApp", "room") is None


def test_of_many_subtracks_those_that_are_live_are_told(
    live: Publish,
    alice: SocketInfo,
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.services.information.MAX_ROWS", 2)
    live(alice, "zoe", main_track="room")
    for stream_id in ("anna", "bert", "carl"):
        Broadcast.objects.create(
            application=application, stream_id=stream_id, main_track_stream_id="room"
        )

    found = services.broadcast_object("LiveApp", "room")

    assert found is not None
    assert found["subTrackStreamIds"] == ["anna", "zoe"]


def test_an_unknown_broadcast_is_nothing(db: None) -> None:
    assert services.broadcast_object("LiveApp", "cam") is None


def test_questions_are_refused_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Away:
        def filter(self, *args: object, **kwargs: object) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(Broadcast, "objects", Away())
    monkeypatch.setattr(Application, "objects", Away())

    for ask in (services.broadcast_object, services.stream_info):
        with pytest.raises(AccessDenied):
            ask("LiveApp", "cam")
    for ask_application in (services.ice_server_config, services.application_exists):
        with pytest.raises(AccessDenied):
            ask_application("LiveApp")
