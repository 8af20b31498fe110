from __future__ import annotations

import json
from typing import Any

from streams.models import Application, Broadcast
from streams.services.descriptions import (
    describe,
    describe_fully,
    subtracks_of,
    with_viewers,
)
from tests.streams.conftest import at_most

PRIVATE = {
    "remote_ip": "192.0.2.77",
    "user_agent": "Agent of Alice",
    "listener_hook_url": "https://hooks.example/?key=word",
}


def described(**fields: Any) -> Any:
    Broadcast.objects.update(**fields)
    return with_viewers(Broadcast.objects.all()).get()


def test_only_who_has_a_key_sees_the_publisher_and_the_webhook(
    application: Application,
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    row = described(**PRIVATE)

    public, full = json.dumps(describe(row)), json.dumps(describe_fully(row))

    for value in PRIVATE.values():
        assert value not in public
        assert value in full


def test_both_descriptions_say_the_same_of_the_rest(application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="cam", name="Door")
    row = described(bitrate=7)

    public, full = describe(row, ["sub"]), describe_fully(row, ["sub"])

    assert full | public == full
    assert full.keys() - public.keys() == {"remoteIp", "userAgent", "listenerHookURL"}
    assert public["subTrackStreamIds"] == ["sub"]


def test_descriptions_do_not_share_their_lists(application: Application) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    subtracks = ["sub"]

    described_row = describe(described(), subtracks)
    described_row["subTrackStreamIds"].append("other")

    assert subtracks == ["sub"]


def test_subtracks_are_those_of_the_application(application: Application) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    for owner, stream_id, main in (
        (application, "b", "room"),
        (application, "a", "room"),
        (application, "c", "second"),
        (application, "d", "third"),
        (application, "e", ""),
        (other, "f", "room"),
    ):
        Broadcast.objects.create(
            application=owner, stream_id=stream_id, main_track_stream_id=main
        )

    with at_most(1):
        found = subtracks_of(application.pk, ["room", "second", "empty"])

    assert found == {"room": ["a", "b"], "second": ["c"]}
