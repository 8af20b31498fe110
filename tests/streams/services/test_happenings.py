from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from streams import services
from streams.clock import to_ms
from streams.models import (
    Application,
    Broadcast,
    ConnectionEvent,
    WebhookDelivery,
)
from streams.services import SocketInfo
from streams.services.happenings import PUBLISH_TIMEOUT
from streams.signals import deliveries_wanted
from tests.streams.conftest import Play, Publish, TurnableClock, at_most

HOOK = "http://hook.example/app"


@pytest.fixture
def hooked(application: Application) -> Application:
    application.listener_hook_url = HOOK
    application.save()
    return application


def told() -> list[tuple[str, str]]:
    return [
        (row.action, row.stream_id) for row in WebhookDelivery.objects.order_by("pk")
    ]


def bodies() -> list[dict[str, Any]]:
    return [row.body for row in WebhookDelivery.objects.order_by("pk")]


def register(application: Application, stream_id: str, **fields: Any) -> Broadcast:
    return Broadcast.objects.create(
        application=application, stream_id=stream_id, **fields
    )


def test_nobody_is_told_where_no_address_is_set(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice, main_track="room")
    services.mark_started(play(bob).session, clock)
    services.close_session(grant.session)

    assert told() == []


def test_a_stream_that_starts_and_ends_is_told(
    live: Publish, alice: SocketInfo, hooked: Application, clock: TurnableClock
) -> None:
    register(hooked, "cam", category="news")
    grant = live(alice, name="Cam", meta_data='{"a":1}', subscriber_id="sub-1")
    started_at = str(to_ms(clock.now))
    clock.turn(seconds=3)
    services.close_session(grant.session, clock=clock)

    said = {
        "id": "cam",
        "streamName": "Cam",
        "category": "news",
        "metadata": '{"a":1}',
        "subscriberId": "sub-1",
    }
    assert bodies() == [
        {**said, "action": "liveStreamStarted", "timestamp": started_at},
        {**said, "action": "liveStreamEnded", "timestamp": str(to_ms(clock.now))},
    ]
    for row in WebhookDelivery.objects.all():
        assert (row.url, row.state, row.application) == (HOOK, "waiting", hooked)
        assert row.next_try_at == row.created_at


def test_an_automatic_stream_is_told_of_by_its_name_when_it_vanishes(
    live: Publish, alice: SocketInfo, hooked: Application
) -> None:
    services.close_session(live(alice, name="Cam").session)

    assert not Broadcast.objects.exists()
    assert bodies()[1]["streamName"] == "Cam"


def test_a_stream_has_an_address_of_its_own(
    live: Publish, alice: SocketInfo, hooked: Application
) -> None:
    register(hooked, "cam", listener_hook_url="http://hook.example/cam")

    live(alice)

    assert WebhookDelivery.objects.get().url == "http://hook.example/cam"


def test_a_viewer_that_comes_and_goes_is_told(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    hooked: Application,
    clock: TurnableClock,
) -> None:
    live(alice, name="Cam", meta_data="long", subscriber_id="publisher")
    grant = play(bob, subscriber_id="viewer")
    services.mark_started(grant.session, clock)
    services.close_session(grant.session)

    started, stopped = bodies()[1:]
    assert (started["action"], stopped["action"]) == ("playStarted", "playStopped")
    for body in (started, stopped):
        assert (body["id"], body["streamName"]) == ("cam", "Cam")
        assert body["subscriberId"] == "viewer"
        assert "metadata" not in body


def test_a_viewer_that_never_was_connected_is_not_told(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, hooked: Application
) -> None:
    live(alice)
    services.close_session(play(bob).session)

    assert told() == [("liveStreamStarted", "cam")]


def test_the_start_of_a_viewer_costs_two_queries_more(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    """The event, and the address of the broadcast."""
    live(alice)
    grant = play(bob)

    with at_most(4):
        services.mark_started(grant.session, clock)


def test_a_return_is_not_told(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    hooked: Application,
    clock: TurnableClock,
) -> None:
    services.park_session(live(alice, main_track="room").session, clock)
    services.mark_started(publish(alice).session, clock)

    assert [action for action, _ in told()] == [
        "liveStreamStarted",
        "subtrackAddedInTheMainTrack",
        "firstActiveTrackAddedInMainTrack",
    ]


def test_a_publisher_without_media_is_told_when_it_is_given_up(
    publish: Publish, alice: SocketInfo, hooked: Application
) -> None:
    grant = publish(alice, subscriber_id="sub-1", main_track="room")

    services.close_session(grant.session, PUBLISH_TIMEOUT)

    [body] = bodies()
    assert (body["action"], body["id"]) == ("publishTimeoutError", "cam")
    assert body["subscriberId"] == "sub-1"
    assert body["metadata"] == '{"subscriberId": "sub-1"}'
    assert not ConnectionEvent.objects.exists()


def test_a_viewer_that_is_given_up_is_not_told(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, hooked: Application
) -> None:
    live(alice)
    services.close_session(play(bob).session, PUBLISH_TIMEOUT)

    assert told() == [("liveStreamStarted", "cam")]


def test_a_live_publisher_that_is_given_up_has_ended(
    live: Publish, alice: SocketInfo, hooked: Application
) -> None:
    services.close_session(live(alice).session, PUBLISH_TIMEOUT)

    assert [action for action, _ in told()] == ["liveStreamStarted", "liveStreamEnded"]


def test_a_publisher_that_gives_up_itself_is_not_told(
    publish: Publish, alice: SocketInfo, hooked: Application
) -> None:
    services.close_session(publish(alice).session)

    assert told() == []


def test_an_encoder_that_does_not_start_is_told(
    live: Publish, alice: SocketInfo, hooked: Application, clock: TurnableClock
) -> None:
    grant = live(alice, name="Cam", subscriber_id="sub-1")

    with at_most(3):
        services.tell_encoder_not_opened(grant.session, clock)

    assert bodies()[-1] == {
        "id": "cam",
        "action": "encoderNotOpenedError",
        "streamName": "Cam",
        "subscriberId": "sub-1",
        "timestamp": str(to_ms(clock.now)),
    }


def test_an_encoder_of_a_stream_that_is_over_is_nobody_s(
    live: Publish, alice: SocketInfo, hooked: Application
) -> None:
    session = live(alice).session
    services.close_session(session)
    before = told()

    services.tell_encoder_not_opened(session)

    assert told() == before


# rooms


def test_tracks_that_come_and_go_are_told_to_the_room(
    live: Publish, alice: SocketInfo, bob: SocketInfo, application: Application
) -> None:
    room = "http://hook.example/room"
    register(application, "room", name="Room", category="team", listener_hook_url=room)
    first = live(alice, "a", main_track="room", name="A", subscriber_id="sub-a")
    second = live(bob, "b", main_track="room")
    services.close_session(first.session)
    services.close_session(second.session)

    assert told() == [
        ("subtrackAddedInTheMainTrack", "a"),
        ("firstActiveTrackAddedInMainTrack", "a"),
        ("subtrackAddedInTheMainTrack", "b"),
        ("subtrackLeftTheMainTrack", "a"),
        ("subtrackLeftTheMainTrack", "b"),
        ("noActiveSubtracksLeftInMainTrack", "room"),
    ]
    assert set(WebhookDelivery.objects.values_list("url", flat=True)) == {room}
    added, first_active, *_, none_left = bodies()
    for body in bodies():
        assert body["mainTrackId"] == body["roomId"] == "room"
        del body["timestamp"]
    assert (added["streamName"], added["subscriberId"]) == ("A", "sub-a")
    assert (first_active["streamName"], first_active["category"]) == ("Room", "team")
    assert first_active["subscriberId"] == "sub-a"
    assert none_left["streamName"] == "Room"
    assert "subscriberId" not in none_left


def test_a_track_tells_its_own_address_of_itself_and_the_rooms_of_the_room(
    live: Publish, alice: SocketInfo, hooked: Application
) -> None:
    register(hooked, "cam", listener_hook_url="http://hook.example/cam")

    live(alice, main_track="room")

    assert list(
        WebhookDelivery.objects.order_by("pk").values_list("action", "url")
    ) == [
        ("liveStreamStarted", "http://hook.example/cam"),
        ("subtrackAddedInTheMainTrack", HOOK),
        ("firstActiveTrackAddedInMainTrack", HOOK),
    ]


def test_a_track_that_is_awaited_is_still_in_its_room(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    hooked: Application,
    clock: TurnableClock,
) -> None:
    grant = live(alice, "a", main_track="room")
    other = live(bob, "b", main_track="room")
    services.park_session(grant.session, clock)
    services.close_session(other.session, clock=clock)
    assert ("noActiveSubtracksLeftInMainTrack", "room") not in told()

    publish(alice, "a")  # back, but its media is not
    again = live(bob, "b", main_track="room")
    services.close_session(again.session, clock=clock)

    assert ("noActiveSubtracksLeftInMainTrack", "room") not in told()
    assert told().count(("firstActiveTrackAddedInMainTrack", "b")) == 0


def test_a_publisher_that_only_tries_is_not_in_the_room(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    hooked: Application,
) -> None:
    publish(alice, "a", main_track="room")

    live(bob, "b", main_track="room")

    assert ("firstActiveTrackAddedInMainTrack", "b") in told()


def test_a_room_that_loses_all_tracks_at_once_is_told_once(
    live: Publish, alice: SocketInfo, hooked: Application, clock: TurnableClock
) -> None:
    for stream_id in ("a", "b"):
        live(alice, stream_id, main_track="room")
    live(alice, "c", main_track="other")

    services.close_relay("relay-1", clock)

    actions = [row for row in told() if row[0] == "noActiveSubtracksLeftInMainTrack"]
    assert sorted(stream_id for _, stream_id in actions) == ["other", "room"]


def test_equal_stream_ids_of_two_applications_are_told_apart(
    live: Publish, alice: SocketInfo, hooked: Application, clock: TurnableClock
) -> None:
    other = Application.objects.create(name="Other")
    register(other, "cam", name="not mine", listener_hook_url="http://not.mine/")
    register(other, "room", listener_hook_url="http://not.mine/")

    services.close_session(live(alice, main_track="room").session)

    assert set(WebhookDelivery.objects.values_list("url", flat=True)) == {HOOK}
    assert not any(body.get("streamName") for body in bodies())


# with the change or not at all


def test_what_is_undone_is_not_told(
    publish: Publish, alice: SocketInfo, hooked: Application, clock: TurnableClock
) -> None:
    grant = publish(alice)
    with transaction.atomic():
        services.mark_started(grant.session, clock)
        transaction.set_rollback(True)

    assert told() == []
    assert not ConnectionEvent.objects.exists()


def test_the_worker_is_told_after_the_commit(
    publish: Publish,
    alice: SocketInfo,
    hooked: Application,
    clock: TurnableClock,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[object] = []

    def hear(**_: object) -> None:
        heard.append(WebhookDelivery.objects.count())

    grant = publish(alice)
    deliveries_wanted.connect(hear)
    try:
        with django_capture_on_commit_callbacks() as callbacks:
            services.mark_started(grant.session, clock)
        assert heard == []
        for callback in callbacks:
            callback()
    finally:
        deliveries_wanted.disconnect(hear)

    assert heard == [1]
