from __future__ import annotations

from typing import Any

import pytest

from streams.clock import from_ms, now_ms
from streams.models import Application, Ending, LiveSession, Subscriber
from streams.services.endings import wanted_endings
from streams.services.subscribers import subscriber_code
from tests.streams.rest.conftest import Caller

PATH = "broadcasts/cam/subscribers"
LIST = f"{PATH}/list/0/50"
SECRET = "6qsp6qhndryqs56zjmvs37i6gqtjsdvc"
ALICE = {"subscriberId": "alice", "b32Secret": SECRET, "type": "play"}


def test_it_registers_a_subscriber(writer: Caller) -> None:
    body = ALICE | {
        "subscriberName": "Alice",
        "totpExpiryPeriodSeconds": 30,
        "concurrentConnectionsLimit": 2,
    }
    answer = writer.post(PATH, body)
    assert answer.status_code == 200
    assert (answer.json()["success"], answer.json()["dataId"]) == (True, "alice")
    row = Subscriber.objects.get()
    assert (row.application.name, row.stream_id) == ("LiveApp", "cam")
    assert (row.subscriber_id, row.subscriber_name) == ("alice", "Alice")
    assert (row.b32_secret, row.totp_period_s) == (SECRET, 30)
    assert (row.type, row.concurrent_connections_limit) == ("play", 2)


def test_it_changes_what_a_later_body_names(writer: Caller) -> None:
    writer.post(PATH, ALICE | {"totpExpiryPeriodSeconds": 30})
    body = {"subscriberId": "alice", "type": "publish", "b32Secret": None}
    assert writer.post(PATH, body).json()["success"]
    row = Subscriber.objects.get()
    assert (row.type, row.b32_secret, row.totp_period_s) == ("publish", SECRET, 30)


def test_a_period_of_null_is_the_applications(writer: Caller) -> None:
    writer.post(PATH, ALICE | {"totpExpiryPeriodSeconds": 30})
    writer.post(PATH, {"subscriberId": "alice", "totpExpiryPeriodSeconds": None})
    assert Subscriber.objects.get().totp_period_s is None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"subscriberId": "ali"}, "subscriberId"),
        ({"subscriberId": ""}, "subscriberId"),
        ({"b32Secret": "not base32!"}, "b32Secret"),
        ({"b32Secret": SECRET[:-1]}, "b32Secret"),
        ({"totpExpiryPeriodSeconds": 9}, "totpExpiryPeriodSeconds"),
        ({"totpExpiryPeriodSeconds": 2**31}, "totpExpiryPeriodSeconds"),
        ({"type": "Play"}, "type"),
        ({"concurrentConnectionsLimit": 0}, "concurrentConnectionsLimit"),
        ({"blockedUntilUnitTimeStampMs": 2**70}, "blockedUntilUnitTimeStampMs"),
    ],
    ids=str,
)
def test_it_refuses_a_value_that_does_not_fit(
    writer: Caller, change: dict[str, Any], name: str
) -> None:
    answer = writer.post(PATH, ALICE | change)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert answer.json()["message"].startswith(f"{name}: ")
    assert not Subscriber.objects.exists()


def test_a_refused_change_leaves_the_subscriber_alone(writer: Caller) -> None:
    writer.post(PATH, ALICE)
    writer.post(PATH, ALICE | {"type": "publish", "totpExpiryPeriodSeconds": 9})
    assert Subscriber.objects.get().type == "play"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "play"},
        {"subscriberId": None},
        {"subscriberId": ["alice"]},
        {"subscriberId": "a\0lice"},
        {"subscriberId": "\ud800lice"},
        {"subscriberId": "a" * 256},
        ALICE | {"totpExpiryPeriodSeconds": "ten"},
    ],
    ids=str,
)
def test_it_refuses_a_body_that_is_no_subscriber(writer: Caller, body: Any) -> None:
    answer = writer.post(PATH, body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("body", [[], "text", b"{"], ids=str)
def test_it_refuses_a_body_that_is_no_object(writer: Caller, body: Any) -> None:
    assert writer.post(PATH, body).status_code == 400


def test_the_secret_is_in_no_answer(writer: Caller, reader: Caller) -> None:
    answers = [writer.post(PATH, ALICE), reader.get(LIST)]
    assert all(SECRET not in answer.content.decode() for answer in answers)
    assert all("b32Secret" not in answer.content.decode() for answer in answers)


def test_it_lists_subscribers(writer: Caller, reader: Caller) -> None:
    writer.post(PATH, ALICE)
    assert reader.get(LIST).json() == [
        {
            "subscriberId": "alice",
            "subscriberName": None,
            "streamId": "cam",
            "type": "play",
            "connected": False,
            "currentConcurrentConnections": 0,
            "concurrentConnectionsLimit": 1,
            "blockedType": None,
            "blockedUntilUnitTimeStampMs": 0,
            "registeredNodeIp": None,
            "avgVideoBitrate": 0,
            "avgAudioBitrate": 0,
            "totpExpiryPeriodSeconds": None,
        }
    ]


def watch(
    application: Application,
    node: str,
    subscriber_id: str = "alice",
    role: str = "play",
    **fields: Any,
) -> LiveSession:
    count = LiveSession.objects.count()
    return LiveSession.objects.create(
        id=f"session-{count}",
        channel=f"channel-{count}",
        application=application,
        stream_id="cam",
        role=role,
        node_id=node,
        relay="relay-1",
        subscriber_id=subscriber_id,
        **fields,
    )


def test_connections_are_counted_from_sessions(
    writer: Caller, application: Application, node: str
) -> None:
    for subscriber_id in ("alice", "bobby"):
        writer.post(PATH, ALICE | {"subscriberId": subscriber_id})
    watch(application, node, state="live")
    watch(application, node, state="preparing")
    watch(application, node, state="parked", role="publish")
    listed = {row["subscriberId"]: row for row in writer.get(LIST).json()}
    assert listed["alice"]["connected"] is True
    assert listed["alice"]["currentConcurrentConnections"] == 2
    assert listed["alice"]["registeredNodeIp"]
    assert listed["bobby"]["connected"] is False


def test_it_lists_by_page_and_stream(writer: Caller) -> None:
    for subscriber_id in ("alice", "bobby", "carol"):
        writer.post(PATH, ALICE | {"subscriberId": subscriber_id})
    writer.post("broadcasts/other/subscribers", ALICE)
    page = writer.get(f"{PATH}/list/1/1").json()
    assert [row["subscriberId"] for row in page] == ["bobby"]


def test_it_deletes_one_subscriber(writer: Caller) -> None:
    for subscriber_id in ("alice", "bobby"):
        writer.post(PATH, ALICE | {"subscriberId": subscriber_id})
    first = writer.delete(f"{PATH}/alice").json()
    second = writer.delete(f"{PATH}/alice").json()
    assert (first["success"], second["success"]) == (True, False)
    assert Subscriber.objects.get().subscriber_id == "bobby"


def test_it_deletes_a_streams_subscribers(writer: Caller) -> None:
    writer.post(PATH, ALICE)
    writer.post("broadcasts/other/subscribers", ALICE)
    first, second = (writer.delete(PATH).json() for _ in range(2))
    assert (first["success"], second["success"]) == (True, False)
    assert Subscriber.objects.get().stream_id == "other"


# Codes


@pytest.fixture
def in_2023(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the contract's vectors."""

    def at_that_time(
        application: Application, stream_id: str, subscriber_id: str, kind: str
    ) -> str:
        vectors = from_ms(1_700_000_000_000)
        return subscriber_code(
            application, stream_id, subscriber_id, kind, lambda: vectors
        )

    monkeypatch.setattr("streams.rest.subscribers.subscriber_code", at_that_time)


@pytest.mark.usefixtures("in_2023")
def test_it_shows_a_subscribers_code(writer: Caller) -> None:
    writer.post(PATH, ALICE)
    answer = writer.get(f"{PATH}/alice/totp?type=play")
    assert answer.json()["success"] is True
    assert answer.json()["dataId"] == "216877"


@pytest.mark.usefixtures("in_2023")
def test_without_a_type_the_code_is_for_what_the_subscriber_is_for(
    writer: Caller,
) -> None:
    writer.post(PATH, ALICE)
    assert writer.get(f"{PATH}/alice/totp").json()["dataId"] == "216877"


@pytest.mark.usefixtures("in_2023")
def test_it_shows_an_unknown_subscribers_code(writer: Caller) -> None:
    Application.objects.update(
        totp_secret_publish="secret123", totp_secret_play="secret"
    )
    answer = writer.get("broadcasts/stream1/subscribers/sub1/totp?type=publish")
    assert answer.json()["dataId"] == "145568"


@pytest.mark.parametrize(
    "query", ["type=Play", "type=publish", "type=publish_play"], ids=str
)
def test_it_shows_no_code_that_could_not_let_in(writer: Caller, query: str) -> None:
    writer.post(PATH, ALICE)
    answer = writer.get(f"{PATH}/alice/totp?{query}")
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert answer.json()["dataId"] is None


def test_it_shows_no_code_without_a_secret(writer: Caller) -> None:
    answer = writer.get(f"{PATH}/alice/totp?type=play")
    assert (answer.status_code, answer.json()["success"]) == (200, False)


# Blocks


def test_it_blocks_a_subscriber_and_ends_its_session(
    writer: Caller, application: Application, node: str
) -> None:
    writer.post(PATH, ALICE)
    mine = watch(application, node)
    watch(application, node, subscriber_id="bobby")
    before_ms = now_ms()
    answer = writer.put(f"{PATH}/alice/block/60/play")
    row = Subscriber.objects.get()
    assert answer.json()["success"] is True
    assert row.blocked_type == "play"
    assert before_ms + 60_000 <= row.blocked_until_ms <= now_ms() + 60_000
    endings = [(found.session, found.ending) for found in wanted_endings(node)]
    assert endings == [(mine.pk, Ending.BLOCKED)]


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        ("publish", {"publish"}),
        ("play", {"play"}),
        ("publish_play", {"publish", "play"}),
    ],
)
def test_it_ends_what_is_blocked_only(
    writer: Caller, application: Application, node: str, kind: str, ended: set[str]
) -> None:
    for role in ("publish", "play"):
        watch(application, node, role=role)
    writer.put(f"{PATH}/alice/block/60/{kind}")
    assert {found.role for found in wanted_endings(node)} == ended


def test_it_blocks_an_unknown_subscriber(writer: Caller) -> None:
    writer.put(f"{PATH}/alice/block/60/play")
    row = Subscriber.objects.get()
    assert (row.subscriber_id, row.blocked_type) == ("alice", "play")
    assert row.type == "publish"  # the block alone forbids something


def test_a_block_is_listed(writer: Caller) -> None:
    writer.put(f"{PATH}/alice/block/60/publish_play")
    (listed,) = writer.get(LIST).json()
    assert listed["blockedType"] == "publish_play"
    assert listed["blockedUntilUnitTimeStampMs"] > now_ms()


def test_zero_seconds_end_a_block(
    writer: Caller, application: Application, node: str
) -> None:
    writer.put(f"{PATH}/alice/block/60/play")
    watch(application, node)
    assert writer.put(f"{PATH}/alice/block/0/play").json()["success"]
    row = Subscriber.objects.get()
    assert (row.blocked_type, row.blocked_until_ms) == ("", 0)
    assert wanted_endings(node) == []


@pytest.mark.parametrize(
    "path",
    ["alice/block/60/Play", "alice/block/9999999999999/play", "ali/block/1/play"],
)
def test_it_refuses_a_bad_block(writer: Caller, path: str) -> None:
    answer = writer.put(f"{PATH}/{path}")
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert not Subscriber.objects.exists()


def test_a_block_in_a_subscribers_body_counts_at_once(
    writer: Caller, application: Application, node: str
) -> None:
    watch(application, node)
    block = {"blockedType": "play", "blockedUntilUnitTimeStampMs": now_ms() + 60_000}
    assert writer.post(PATH, ALICE | block).json()["success"]
    assert len(wanted_endings(node)) == 1


def test_half_a_block_in_a_body_is_refused(writer: Caller) -> None:
    answer = writer.post(PATH, ALICE | {"blockedType": "play"})
    assert answer.json()["success"] is False
    assert not Subscriber.objects.exists()


def test_a_read_key_may_not_block(reader: Caller) -> None:
    assert reader.put(f"{PATH}/alice/block/60/play").status_code == 403
    assert not Subscriber.objects.exists()
