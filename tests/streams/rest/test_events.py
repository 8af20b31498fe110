from __future__ import annotations

from typing import Any

from streams.models import Application, ConnectionEvent, Subscriber
from streams.rest.events import EVENTS_PER_SUBSCRIBER
from tests.streams.rest.conftest import Caller

PATH = "broadcasts/cam/connection-events/0/50"
STATS = "broadcasts/cam/subscriber-stats/list/0/50"


def event(application: Application, **fields: Any) -> ConnectionEvent:
    values = {
        "stream_id": "cam",
        "subscriber_id": "alice",
        "event_type": "connected",
        "type": "play",
        "timestamp": 1000,
    }
    return ConnectionEvent.objects.create(application=application, **(values | fields))


def test_it_lists_events_by_the_contracts_names(
    reader: Caller, application: Application
) -> None:
    event(
        application,
        event_type="refused",
        reason="unauthorized_access",
        count=7,
        remote_ip="192.0.2.7",
        duration_ms=5,
        instance="media-1",
    )
    assert reader.get(PATH).json() == [
        {
            "timestamp": 1000,
            "eventType": "refused",
            "instanceIP": "media-1",
            "type": "play",
            "eventProtocol": "webrtc",
            "streamId": "cam",
            "subscriberId": "alice",
            "reason": "unauthorized_access",
            "remoteIp": "192.0.2.7",
            "durationMs": 5,
            "count": 7,
        }
    ]


def test_it_lists_the_newest_first_and_by_page(
    reader: Caller, application: Application
) -> None:
    for timestamp in (1, 3, 2):
        event(application, timestamp=timestamp)
    page = reader.get("broadcasts/cam/connection-events/1/1").json()
    assert [row["timestamp"] for row in page] == [2]


def test_it_lists_one_subscribers_events(
    reader: Caller, application: Application
) -> None:
    event(application)
    event(application, subscriber_id="bobby")
    rows = reader.get(f"{PATH}?subscriberId=bobby").json()
    assert [row["subscriberId"] for row in rows] == ["bobby"]


def test_it_lists_this_stream_and_application_only(
    reader: Caller, application: Application
) -> None:
    event(application, stream_id="other")
    event(Application.objects.create(name="OtherApp"))
    assert reader.get(PATH).json() == []


def test_statistics_have_each_subscribers_last_events(
    reader: Caller, application: Application
) -> None:
    for subscriber_id in ("alice", "bobby"):
        Subscriber.objects.create(
            application=application, stream_id="cam", subscriber_id=subscriber_id
        )
    for timestamp in range(EVENTS_PER_SUBSCRIBER + 1):
        event(application, timestamp=timestamp)
    event(application, subscriber_id="nobody known")
    event(application, stream_id="other", subscriber_id="bobby")
    alice, bobby = reader.get(STATS).json()
    assert (alice["subscriberId"], alice["streamId"]) == ("alice", "cam")
    times = [row["timestamp"] for row in alice["connectionEvents"]]
    assert times == list(range(EVENTS_PER_SUBSCRIBER, 0, -1))
    assert bobby == {"subscriberId": "bobby", "streamId": "cam", "connectionEvents": []}


def test_statistics_come_by_page(reader: Caller, application: Application) -> None:
    for subscriber_id in ("alice", "bobby"):
        Subscriber.objects.create(
            application=application, stream_id="cam", subscriber_id=subscriber_id
        )
    page = reader.get("broadcasts/cam/subscriber-stats/list/1/1").json()
    assert [row["subscriberId"] for row in page] == ["bobby"]
