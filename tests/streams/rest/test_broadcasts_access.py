"""Who may use the REST interface of broadcasts and rooms (contract 8)."""

from __future__ import annotations

import pytest

from streams.models import Application, Broadcast
from tests.streams.rest.conftest import Caller


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "create"),
        ("PUT", "cam"),
        ("DELETE", "cam"),
        ("DELETE", "?ids=cam"),
        ("POST", "cam/stop"),
        ("POST", "cam/start"),
        ("POST", "cam/subtrack?id=sub"),
        ("DELETE", "cam/subtrack?id=sub"),
        ("POST", "cam/data"),
        ("PUT", "cam/recording/true"),
        ("POST", "cam/endpoint"),
        ("DELETE", "cam/endpoint"),
        ("POST", "conference-rooms"),
        ("PUT", "conference-rooms/room"),
        ("DELETE", "conference-rooms/room"),
        ("PUT", "conference-rooms/room/sub"),
        ("DELETE", "conference-rooms/room/sub"),
    ],
)
def test_changes_need_a_key_that_may_write_here(
    reader: Caller,
    outsider: Caller,
    nobody: Caller,
    application: Application,
    method: str,
    path: str,
) -> None:
    for stream_id, main in (("cam", ""), ("sub", "cam"), ("room", "")):
        Broadcast.objects.create(
            application=application,
            stream_id=stream_id,
            main_track_stream_id=main,
            virtual=stream_id == "room",
        )
    before = list(Broadcast.objects.values())

    answers = [who(method, f"broadcasts/{path}") for who in (reader, outsider, nobody)]

    assert [answer.status_code for answer in answers] == [403, 403, 401]
    assert list(Broadcast.objects.values()) == before


GETS = [
    "cam",
    "list/0/10",
    "count",
    "count/x",
    "active-live-stream-count",
    "total-broadcast-statistics",
    "webrtc-send-low-level-stats",
    "webrtc-receive-low-level-stats",
    "cam/broadcast-statistics",
    "cam/webrtc-client-stats/0/10",
    "cam/stream-info",
    "cam/subtracks/0/10",
    "cam/active-subtracks/0/10",
    "cam/active-subtracks-count",
    "conference-rooms/list/0/10",
    "conference-rooms/room",
    "conference-rooms/room/room-info",
]


@pytest.mark.parametrize("path", GETS)
def test_looking_needs_a_key_for_the_application(
    reader: Caller,
    outsider: Caller,
    nobody: Caller,
    application: Application,
    path: str,
) -> None:
    for stream_id in ("cam", "room"):
        Broadcast.objects.create(
            application=application, stream_id=stream_id, virtual=stream_id == "room"
        )

    answers = [who.get(f"broadcasts/{path}") for who in (reader, outsider, nobody)]

    assert [answer.status_code for answer in answers] == [200, 403, 401]


@pytest.mark.parametrize("path", [*GETS, "create"])
def test_an_unknown_application_is_a_404(writer: Caller, path: str) -> None:
    unknown = Caller(writer.authorization, "Nowhere")
    method = "POST" if path == "create" else "GET"

    response = unknown(method, f"broadcasts/{path}")

    assert response.status_code == 404
    assert response.json()["success"] is False
