from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from streams import services
from streams.models import Admission, Application, Broadcast, Subscriber, Token
from streams.paging import MAX_ROWS
from streams.policy import AccessDenied, Denial
from streams.services import SocketInfo, SubtracksRequest, TrackListRequest, track_lists
from tests.streams.conftest import Publish, TurnableClock, at_most

ALL = slice(0, 50)


@pytest.fixture
def room(live: Publish, alice: SocketInfo) -> str:
    """Anna and Bert are live in it, Carl is registered there and is not."""
    live(alice, "anna", main_track="room", name="Anna", role="speaker")
    live(alice, "bert", main_track="room", name="Bert", meta_data='{"mic":1}')
    Broadcast.objects.create(
        application=Application.objects.get(name="LiveApp"),
        stream_id="carl",
        name="Carl",
        main_track_stream_id="room",
    )
    return "room"


def asked(stream_id: str, **fields: str) -> TrackListRequest:
    return replace(TrackListRequest("LiveApp", stream_id), **fields)


def reason_of(request: TrackListRequest, socket: SocketInfo | None) -> Denial:
    with pytest.raises(AccessDenied) as caught:
        services.track_list(request, socket)
    return caught.value.reason


def ids(room: str, page: slice = ALL, **fields: Any) -> list[str] | None:
    request = replace(SubtracksRequest("LiveApp", room), **fields)
    found = services.subtracks(request, page)
    return None if found is None else [broadcast["streamId"] for broadcast in found]


# The ids of tracks


def test_a_single_stream_has_itself(live: Publish, alice: SocketInfo) -> None:
    live(alice)

    with at_most(3):
        assert services.track_list(asked("cam"), None) == ["cam"]


def test_a_room_has_who_is_live(room: str) -> None:
    assert services.track_list(asked(room), None) == ["anna", "bert"]


def test_a_stream_with_subtracks_has_those(
    room: str, live: Publish, alice: SocketInfo
) -> None:
    live(alice, "main")
    Broadcast.objects.filter(stream_id="anna").update(main_track_stream_id="main")

    assert services.track_list(asked("main"), None) == ["anna"]


def test_a_registered_room_may_be_empty(application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="r", virtual=True)

    assert services.track_list(asked("r"), None) == []


@pytest.mark.parametrize("name", ["LiveApp", "WebRTCAppEE", "Nowhere"])
def test_what_is_not_live_has_no_tracks(
    publish: Publish, alice: SocketInfo, name: str
) -> None:
    publish(alice)  # its media has not arrived

    request = TrackListRequest(name, "cam")
    assert reason_of(request, None) is Denial.NO_STREAM
    assert reason_of(replace(request, stream_id="unknown"), alice) is Denial.NO_STREAM


def test_a_list_of_tracks_has_a_bound(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_lists, "MAX_ROWS", 1)

    assert MAX_ROWS == 250
    assert services.track_list(asked(room), None) == ["anna"]


def test_who_could_not_play_is_refused(
    live: Publish, alice: SocketInfo, bob: SocketInfo, application: Application
) -> None:
    live(alice)
    Application.objects.update(play_token_enabled=True)

    assert reason_of(asked("cam"), bob) is Denial.UNAUTHORIZED
    assert reason_of(asked("cam", token="wrong"), bob) is Denial.UNAUTHORIZED


def test_a_token_is_looked_at_and_not_used_up(
    live: Publish, alice: SocketInfo, bob: SocketInfo, application: Application
) -> None:
    live(alice)
    Application.objects.update(play_token_enabled=True)
    token = Token.objects.create(
        application=application, stream_id="cam", type="play", expire_date=2**33
    )

    for _ in range(2):
        with at_most(4):
            tracks = services.track_list(asked("cam", token=token.token_id), bob)
        assert tracks == ["cam"]

    assert Token.objects.filter(pk=token.pk).exists()
    assert not Admission.objects.exists()


def test_a_publish_token_of_the_room_is_good_for_its_tracks(
    room: str, bob: SocketInfo, application: Application
) -> None:
    Application.objects.update(play_token_enabled=True)
    token = Token.objects.create(
        application=application, stream_id=room, type="publish", expire_date=2**33
    )

    request = asked(room, token=token.token_id)
    assert services.track_list(request, bob) == ["anna", "bert"]


def test_a_blocked_subscriber_is_refused(
    live: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    application: Application,
    clock: TurnableClock,
) -> None:
    live(alice)
    Subscriber.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="mallory",
        blocked_type="play",
        blocked_until_ms=2**50,
    )

    assert reason_of(asked("cam", subscriber_id="mallory"), bob) is Denial.BLOCKED


def test_where_a_webhook_decides_only_who_was_let_in_is_told(
    live: Publish, alice: SocketInfo, bob: SocketInfo, application: Application
) -> None:
    live(alice)
    Application.objects.update(play_webhook_url="https://example.org/may-play")

    assert reason_of(asked("cam"), bob) is Denial.NOT_APPROVED
    assert services.track_list(asked("cam"), None) == ["cam"]


# Subtracks


def test_subtracks_are_told_as_broadcasts(room: str, alice: SocketInfo) -> None:
    with at_most(2):
        found = services.subtracks(SubtracksRequest("LiveApp", room), ALL)

    assert found is not None
    anna, bert, carl = found
    assert (anna["streamId"], anna["name"], anna["role"]) == ("anna", "Anna", "speaker")
    assert anna["mainTrackStreamId"] == room
    assert (anna["status"], anna["metaData"]) == ("broadcasting", None)
    assert anna["startTime"] > 0
    assert bert["metaData"] == '{"mic":1}'
    assert carl["status"] == "created"
    assert alice.remote_ip not in json.dumps(found)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"role": "speaker"}, ["anna"]),
        ({"role": "default"}, ["bert", "carl"]),
        ({"role": "nobody"}, []),
        ({"status": "broadcasting"}, ["anna", "bert"]),
        ({"status": "created"}, ["carl"]),
        ({"status": "nonsense"}, []),
        ({"search": "ER"}, ["bert"]),
        ({"sort_by": "name", "descending": True}, ["carl", "bert", "anna"]),
        ({"sort_by": "status", "status": "broadcasting"}, ["anna", "bert"]),
        ({"sort_by": "password"}, ["anna", "bert", "carl"]),
        ({"role": "speaker", "status": "created"}, []),
    ],
)
def test_subtracks_are_filtered_and_sorted(
    room: str, fields: dict[str, Any], found: list[str]
) -> None:
    assert ids(room, **fields) == found
    request = replace(SubtracksRequest("LiveApp", room), **fields)
    assert services.count_subtracks(request) == len(found)


def test_a_publisher_not_heard_of_for_long_is_not_broadcasting(room: str) -> None:
    Broadcast.objects.filter(stream_id="anna").update(update_time=1)

    assert ids(room, status="broadcasting") == ["bert"]
    assert ids(room, status="terminated_unexpectedly") == ["anna"]


def test_subtracks_come_in_pages(room: str) -> None:
    assert ids(room, slice(0, 2)) == ["anna", "bert"]
    assert ids(room, slice(2, 4)) == ["carl"]
    assert ids(room, slice(2**31 - 1, 2**31)) == []


@pytest.mark.parametrize("name", ["LiveApp", "WebRTCAppEE", "Nowhere"])
def test_an_unknown_main_track_has_no_list(room: str, name: str) -> None:
    main = room if name != "LiveApp" else "unknown"
    request = SubtracksRequest(name, main)

    assert services.subtracks(request, ALL) is None
    assert services.count_subtracks(request) is None


def test_a_stream_without_subtracks_has_an_empty_list(
    live: Publish, alice: SocketInfo
) -> None:
    live(alice)

    assert ids("cam") == []
    assert services.count_subtracks(SubtracksRequest("LiveApp", "cam")) == 0


def test_a_page_does_not_carry_everything_that_members_say_of_themselves(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_lists, "MAX_META_DATA_CHARS", 15)
    Broadcast.objects.update(meta_data="x" * 10)

    found = services.subtracks(SubtracksRequest("LiveApp", room), ALL)

    assert found is not None
    assert [row["metaData"] for row in found] == ["x" * 10, None, None]


def test_questions_are_refused_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: str) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(track_lists, "find_application", away)
    request = SubtracksRequest("LiveApp", "room")

    assert reason_of(asked("cam"), None) is Denial.STORE_UNAVAILABLE
    with pytest.raises(AccessDenied):
        services.subtracks(request, ALL)
    with pytest.raises(AccessDenied):
        services.count_subtracks(request)
