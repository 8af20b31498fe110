from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.db import OperationalError

from streams import services
from streams.models import Application, Broadcast, Subscriber
from streams.policy import AccessDenied, Denial
from streams.services import Presence, SocketInfo, audience
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

ALL = slice(0, 50)
VIEWER = Presence(plays={"cam"})


@pytest.fixture
def watched(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    """Anna publishes `cam`; Bert plays it twice, Carl once, somebody without a name."""
    live(alice, subscriber_id="anna")
    viewers = (("bert", "Bertie"), ("bert", ""), ("carl", "Carl"), ("", ""))
    for number, (subscriber_id, name) in enumerate(viewers):
        grant = play(
            replace(bob, channel=f"viewer-{number}"),
            subscriber_id=subscriber_id,
            subscriber_name=name,
        )
        services.mark_started(grant.session, clock)
    play(replace(bob, channel="late"), subscriber_id="dora")  # still connecting


def reason_of(asking: Presence, stream_id: str = "cam", app: str = "LiveApp") -> Denial:
    with pytest.raises(AccessDenied) as caught:
        services.connected_subscribers(app, stream_id, asking, ALL)
    with pytest.raises(AccessDenied) as counting:
        services.count_connected_subscribers(app, stream_id, asking)
    assert counting.value.reason is caught.value.reason
    return caught.value.reason


def test_it_tells_who_is_connected(watched: None) -> None:
    with at_most(3):
        found = services.connected_subscribers("LiveApp", "cam", VIEWER, ALL)

    common = {"streamId": "cam", "connected": True}
    assert found == [
        {"subscriberId": "anna", "subscriberName": None, "type": "publish", **common},
        {"subscriberId": "bert", "subscriberName": "Bertie", "type": "play", **common},
        {"subscriberId": "carl", "subscriberName": "Carl", "type": "play", **common},
    ]
    with at_most(2):
        count = services.count_connected_subscribers("LiveApp", "cam", VIEWER)
    assert count == 3


def test_what_is_registered_goes_before_what_they_say(
    watched: None, application: Application
) -> None:
    Subscriber.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="bert",
        subscriber_name="Bert B.",
        type="publish",
        b32_secret="6qsp6qhndryqs56zjmvs37i6gqtjsdvc",
    )

    found = services.connected_subscribers("LiveApp", "cam", VIEWER, ALL)

    assert (found[1]["subscriberName"], found[1]["type"]) == ("Bert B.", "publish")
    assert "6qsp6" not in json.dumps(found).lower()


def test_they_come_in_pages(watched: None) -> None:
    def names(page: slice) -> list[str]:
        found = services.connected_subscribers("LiveApp", "cam", VIEWER, page)
        return [row["subscriberId"] for row in found]

    assert names(slice(0, 2)) == ["anna", "bert"]
    assert names(slice(2, 4)) == ["carl"]
    assert names(slice(2**31 - 1, 2**31)) == []


@pytest.mark.parametrize(
    "asking",
    [
        Presence(publishes={"cam"}),
        Presence(plays={"cam", "other"}),
        Presence(plays={"room"}),  # that the stream is in
    ],
)
def test_who_takes_part_may_know(
    live: Publish, alice: SocketInfo, asking: Presence
) -> None:
    live(alice, main_track="room", subscriber_id="anna")

    assert services.connected_subscribers("LiveApp", "cam", asking, ALL)
    assert services.count_connected_subscribers("LiveApp", "cam", asking) == 1


@pytest.mark.parametrize(
    "asking",
    [
        Presence(),
        Presence(publishes={"other"}, plays={"other"}),
        Presence(publishes={"room"}),
        Presence(plays={""}),
    ],
)
def test_nobody_else_may(live: Publish, alice: SocketInfo, asking: Presence) -> None:
    live(alice, main_track="room", subscriber_id="anna")

    assert reason_of(asking) is Denial.UNAUTHORIZED


def test_who_only_publishes_into_a_stream_may_not(
    live: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    """It was asked what it may publish, and not what it may play."""
    live(alice, subscriber_id="anna")
    live(bob, "intruder")
    Broadcast.objects.filter(stream_id="intruder").update(main_track_stream_id="cam")

    assert reason_of(Presence(publishes={"intruder"})) is Denial.UNAUTHORIZED


def test_an_unknown_stream_is_refused_in_the_same_way(watched: None) -> None:
    assert reason_of(Presence(), "unknown") is Denial.UNAUTHORIZED
    assert reason_of(VIEWER, app="Nowhere") is Denial.UNAUTHORIZED


def test_it_is_of_the_application(watched: None) -> None:
    assert services.connected_subscribers("WebRTCAppEE", "cam", VIEWER, ALL) == []


def test_questions_are_refused_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: str) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(audience, "find_application", away)

    assert reason_of(VIEWER) is Denial.STORE_UNAVAILABLE
