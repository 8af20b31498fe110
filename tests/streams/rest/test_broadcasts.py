"""Registering, looking up and changing broadcasts by REST (contract 8)."""

from __future__ import annotations

from typing import Any

import pytest

from streams.models import Application, Broadcast
from streams.rest.broadcasts import examples
from streams.rest.broadcasts.serializers import BroadcastSerializer
from streams.services import SocketInfo
from tests.streams.conftest import Publish, at_most
from tests.streams.rest.conftest import Caller

SETTABLE: dict[str, Any] = {
    "name": "Front door",
    "description": "What it sees",
    "category": "doors",
    "publish": False,
    "publicStream": False,
    "is360": True,
    "virtual": True,
    "latitude": "52.1",
    "longitude": "4.3",
    "altitude": "-2",
    "plannedStartDate": 1_800_000_000,
    "plannedEndDate": 1_800_003_600,
    "expireDurationMS": 60_000,
    "metaData": '{"a": 1}',
    "role": "speaker",
    "mainTrackStreamId": "room",
    "subtracksLimit": 3,
    "webRTCViewerLimit": 9,
    "listenerHookURL": "https://hooks.example/here",
    "encoderSettingsList": [
        {
            "height": 240,
            "videoBitrate": 300_000,
            "audioBitrate": 48_000,
            "forceEncode": True,
            "forceSameResolutionEncode": False,
        }
    ],
}
READ_ONLY: dict[str, Any] = {
    "status": "broadcasting",
    "zombi": True,
    "publishType": "RTMP",
    "date": 5,
    "startTime": 5,
    "absoluteStartTimeMs": 5,
    "updateTime": 5,
    "duration": 5,
    "webRTCViewerCount": 5,
    "hlsViewerCount": 5,
    "bitrate": 5,
    "receivedBytes": 5,
    "width": 5,
    "height": 5,
    "packetsLost": 5,
    "jitterMs": 5,
    "rttMs": 5,
    "remoteIp": "192.0.2.66",
    "userAgent": "me",
    "subTrackStreamIds": ["cam"],
    "username": "someone",
    "password": "word",
    "maxIdleTime": 5,
    "unheardOf": {"what": "ever"},
}
BAD_VALUES: list[tuple[str, Any]] = [
    ("name", ["a", "list"]),
    ("name", {"an": "object"}),
    ("name", True),
    ("name", "n" * 256),
    ("name", "nul\0"),
    ("name", "half \ud83d"),
    ("description", "d" * 65_537),
    ("metaData", "m" * 65_537),
    ("metaData", {"a": 1}),
    ("type", "ipCamera"),
    ("type", ["liveStream"]),
    ("type", "half \ud83d"),
    ("publish", "perhaps"),
    ("publish", []),
    ("virtual", 7),
    ("plannedStartDate", -1),
    ("plannedStartDate", "soon"),
    ("plannedStartDate", [1]),
    ("plannedEndDate", 10**30),
    ("plannedEndDate", 253_402_300_800),
    ("plannedEndDate", 1.5),
    ("expireDurationMS", -1),
    ("expireDurationMS", 10 * 365 * 86_400_000 + 1),
    ("mainTrackStreamId", "a/b"),
    ("mainTrackStreamId", "cam"),
    ("subtracksLimit", -2),
    ("subtracksLimit", 2**63),
    ("webRTCViewerLimit", -2),
    ("webRTCViewerLimit", True),
    ("listenerHookURL", "not a url"),
    ("listenerHookURL", "javascript:alert(1)"),
    ("listenerHookURL", "https://x.example/" + "u" * 500),
    ("encoderSettingsList", {}),
    ("encoderSettingsList", "240"),
    ("encoderSettingsList", [240]),
    ("encoderSettingsList", [{"height": 0}]),
    ("encoderSettingsList", [{"height": 240}, {"height": -1}]),
    ("encoderSettingsList", [{"videoBitrate": 1}]),
    ("encoderSettingsList", [{"height": 240}] * 11),
]


def test_it_registers_a_stream(writer: Caller) -> None:
    response = writer.post("broadcasts/create", {"streamId": "cam", "name": "Door"})

    assert response.status_code == 200
    made = response.json()
    assert (made["streamId"], made["name"]) == ("cam", "Door")
    assert (made["status"], made["zombi"]) == ("created", False)
    assert made["date"] > 1_700_000_000_000
    row = Broadcast.objects.get()
    assert (row.application.name, row.stream_id) == ("LiveApp", "cam")


@pytest.mark.parametrize("body", [None, {}, {"streamId": ""}, {"streamId": None}])
def test_it_makes_an_id_where_none_is_given(writer: Caller, body: Any) -> None:
    made = writer.post("broadcasts/create?autoStart=true", body).json()

    assert len(made["streamId"]) == 24
    assert made["streamId"].isdigit()
    assert Broadcast.objects.get().stream_id == made["streamId"]


def test_all_that_can_be_set_is_kept_and_shown(writer: Caller) -> None:
    body = {"streamId": "cam", "type": "liveStream", **SETTABLE}

    made = writer.post("broadcasts/create", body).json()

    assert {name: made[name] for name in body} == body
    assert writer.get("broadcasts/cam").json() == made


def test_a_rendition_has_the_defaults(writer: Caller) -> None:
    """Contract 7.2, EncoderSettings."""
    made = writer.post("broadcasts/create", {"encoderSettingsList": [{"height": 240}]})

    assert made.json()["encoderSettingsList"] == [
        {
            "height": 240,
            "videoBitrate": 0,
            "audioBitrate": 0,
            "forceEncode": True,
            "forceSameResolutionEncode": False,
        }
    ]


def test_what_is_not_the_callers_to_say_is_not_read(writer: Caller) -> None:
    plain = writer.post("broadcasts/create", {"streamId": "a"}).json()

    made = writer.post("broadcasts/create", {"streamId": "b", **READ_ONLY}).json()

    ignored = READ_ONLY.keys() - {"date", "unheardOf"}
    assert {name: made[name] for name in ignored} == {
        name: plain[name] for name in ignored
    }
    assert made["date"] != 5


def test_a_stream_without_anything_set_has_the_defaults(writer: Caller) -> None:
    made = writer.post("broadcasts/create", {"streamId": "cam"}).json()

    expected: dict[str, Any] = {
        "type": "liveStream",
        "publishType": None,
        "name": "",
        "metaData": None,
        "role": None,
        "mainTrackStreamId": None,
        "subTrackStreamIds": [],
        "encoderSettingsList": [],
        "publish": True,
        "publicStream": True,
        "is360": False,
        "virtual": False,
        "plannedStartDate": 0,
        "plannedEndDate": 0,
        "expireDurationMS": 0,
        "subtracksLimit": -1,
        "webRTCViewerLimit": -1,
        "hlsViewerLimit": -1,
        "webRTCViewerCount": 0,
        "userAgent": "N/A",
        "remoteIp": None,
        "username": None,
        "password": None,
        "mp4Enabled": 0,
        "maxIdleTime": 0,
    }
    assert {name: made[name] for name in expected} == expected


@pytest.mark.parametrize("example", ["answered", "shown"])
def test_the_document_knows_every_field_and_no_other(
    writer: Caller, example: str
) -> None:
    made = writer.post("broadcasts/create", {"streamId": "cam"}).json()
    known = {"answered": made, "shown": examples.BROADCAST}[example]

    assert known.keys() == BroadcastSerializer().fields.keys()
    assert BroadcastSerializer(data=known).is_valid()


def test_it_refuses_an_id_in_use(writer: Caller) -> None:
    writer.post("broadcasts/create", {"streamId": "cam", "name": "first"})

    response = writer.post("broadcasts/create", {"streamId": "cam", "name": "second"})

    assert response.status_code == 400
    assert response.json()["success"] is False
    assert response.json()["message"] == "streamId: This id is in use."
    assert Broadcast.objects.get().name == "first"


def test_it_refuses_the_id_of_an_automatic_stream_that_is_live(
    writer: Caller, live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    assert writer.post("broadcasts/create", {"streamId": "cam"}).status_code == 400
    assert Broadcast.objects.get().zombi


def test_applications_have_ids_of_their_own(
    writer: Caller, application: Application
) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    Broadcast.objects.create(application=other, stream_id="cam", name="other")

    assert writer.get("broadcasts/cam").status_code == 404
    assert writer.put("broadcasts/cam", {"name": "x"}).json()["success"] is False
    assert writer.delete("broadcasts/cam").json()["success"] is False
    assert writer.post("broadcasts/create", {"streamId": "cam"}).status_code == 200
    assert Broadcast.objects.get(application=other).name == "other"


@pytest.mark.parametrize(
    "stream_id",
    ["a b", "a/b", "a?", "ä", "x" * 129, "a\n", "\0", "\ud83d", [], {}, "é"],
)
def test_it_refuses_an_id_that_no_stream_can_have(
    writer: Caller, stream_id: Any
) -> None:
    response = writer.post("broadcasts/create", {"streamId": stream_id})

    assert response.status_code == 400
    assert "streamId" in response.json()["message"]
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_it_registers_nothing_with_a_bad_value(
    writer: Caller, name: str, value: Any
) -> None:
    response = writer.post("broadcasts/create", {"streamId": "cam", name: value})

    assert response.status_code == 400
    assert response.json()["success"] is False
    assert name in response.json()["message"]
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_change_with_a_bad_value_changes_nothing(
    writer: Caller, application: Application, name: str, value: Any
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam", category="c")
    before = Broadcast.objects.values().get()

    response = writer.put("broadcasts/cam", {"category": "new", name: value})

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert name in response.json()["message"]
    assert Broadcast.objects.values().get() == before


@pytest.mark.parametrize("body", [[], ["cam"], "cam", 7, b"{", b"\xff", b"null"])
@pytest.mark.parametrize("call", ["POST create", "PUT cam", "POST conference-rooms"])
def test_it_refuses_a_body_that_is_not_an_object(
    writer: Caller, application: Application, call: str, body: Any
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    method, path = call.split()

    response = writer(method, f"broadcasts/{path}", body)

    assert response.status_code == 400
    assert response.json()["success"] is False
    assert Broadcast.objects.count() == 1


def test_the_start_is_not_after_the_end(writer: Caller) -> None:
    dates = {"plannedStartDate": 2_000_000_001, "plannedEndDate": 2_000_000_000}

    refused = writer.post("broadcasts/create", {"streamId": "cam", **dates})
    one = writer.post("broadcasts/create", {"streamId": "a", "plannedStartDate": 9})
    same = writer.post(
        "broadcasts/create",
        {"streamId": "b", "plannedStartDate": 9, "plannedEndDate": 9},
    )

    assert refused.status_code == 400
    assert "plannedEndDate" in refused.json()["message"]
    assert (one.status_code, same.status_code) == (200, 200)


def test_a_start_is_compared_with_the_end_that_there_is(
    writer: Caller, application: Application
) -> None:
    Broadcast.objects.create(
        application=application,
        stream_id="cam",
        planned_start_date=100,
        planned_end_date=200,
    )

    refused = writer.put("broadcasts/cam", {"plannedStartDate": 201}).json()

    assert refused["success"] is False
    assert Broadcast.objects.get().planned_start_date == 100
    assert writer.put("broadcasts/cam", {"plannedEndDate": 0}).json()["success"]
    assert writer.put("broadcasts/cam", {"plannedStartDate": 201}).json()["success"]


def test_an_unknown_stream_is_a_404_without_a_body(writer: Caller) -> None:
    for stream_id in ("cam", "a%20b", "x" * 200, "%C3%A4"):
        response = writer.get(f"broadcasts/{stream_id}")

        assert (response.status_code, response.content) == (404, b"")


def test_whoever_has_a_key_sees_where_the_publisher_is(
    reader: Caller, live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    shown = reader.get("broadcasts/cam").json()

    assert (shown["remoteIp"], shown["userAgent"]) == ("192.0.2.1", "Firefox")
    assert (shown["status"], shown["zombi"]) == ("broadcasting", True)


def test_a_stream_costs_few_queries(writer: Caller, application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    with at_most(5):  # the application, the key and its use, the row, its subtracks
        assert writer.get("broadcasts/cam").status_code == 200


def test_a_change_leaves_the_rest_as_it_is(
    writer: Caller, application: Application
) -> None:
    made = writer.post("broadcasts/create", {"streamId": "cam", **SETTABLE}).json()

    response = writer.put(
        "broadcasts/cam", {"name": "Back", "metaData": "", "role": None}
    )

    assert response.status_code == 200
    assert response.json()["success"] is True
    shown = writer.get("broadcasts/cam").json()
    assert shown == {**made, "name": "Back", "metaData": None}


def test_a_stream_can_be_sent_back_as_it_was_answered(writer: Caller) -> None:
    """Back ends get a broadcast, change a field and put the whole of it."""
    made = writer.post("broadcasts/create", {"streamId": "cam"}).json()

    assert writer.put("broadcasts/cam", {**made, "name": "Back"}).json()["success"]
    assert writer.get("broadcasts/cam").json() == {**made, "name": "Back"}


def test_a_change_cannot_say_what_is_not_the_callers_to_say(
    writer: Caller, application: Application
) -> None:
    made = writer.post("broadcasts/create", {"streamId": "cam"}).json()

    changed = writer.put("broadcasts/cam", {**READ_ONLY, "streamId": "other"}).json()

    assert changed["success"] is True
    assert writer.get("broadcasts/cam").json() == made
    assert Broadcast.objects.count() == 1


def test_a_change_of_an_unknown_stream_is_no_success(writer: Caller) -> None:
    response = writer.put("broadcasts/cam", {"name": "x"})

    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["message"] == "Broadcast not found"
    assert not Broadcast.objects.exists()
