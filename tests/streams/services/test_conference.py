from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from relay.control import EndStream, Report
from streams import services
from streams.models import Application, Broadcast, LiveSession
from streams.policy import Denial
from streams.services import SocketInfo, claiming, conference
from streams.signals import relay_commands
from tests.streams.conftest import Arrange, Play, Publish, TurnableClock, at_most
from tests.streams.reports import NO_STREAM
from tests.streams.services.test_publishing import refusal

RELAYS = ("relay-1", "relay-2", "relay-3")


def room(stream_id: str = "hall") -> Broadcast | None:
    return Broadcast.objects.filter(stream_id=stream_id).first()


def endings(stream_id: str = "hall") -> list[str]:
    rows = LiveSession.objects.filter(stream_id=stream_id, role="play")
    return list(rows.values_list("ending", flat=True))


@pytest.fixture
def told() -> Any:
    """What relays were told, with their names."""
    heard: list[tuple[str, object]] = []

    def hear(relay: str, command: object, **_: object) -> None:
        heard.append((relay, command))

    relay_commands.connect(hear)
    yield heard
    relay_commands.disconnect(hear)


@pytest.fixture
def carol(bob: SocketInfo) -> SocketInfo:
    return replace(bob, channel="channel-carol", remote_ip="192.0.2.3")


# The room's row


def test_the_first_participant_makes_the_room(
    publish: Publish, alice: SocketInfo
) -> None:
    grant = publish(alice, main_track="hall")

    made = room()
    assert made is not None
    assert (made.zombi, made.virtual, made.status) == (True, True, "broadcasting")
    assert (grant.room, grant.role) == ("hall", "default")


def test_a_room_that_was_joined_is_made_too(
    publish: Publish, alice: SocketInfo
) -> None:
    publish(alice, room="hall")

    assert room() is not None


def test_the_last_participant_takes_the_room_along(
    live: Publish, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    first, second = live(alice, "a", main_track="hall"), live(bob, "b", room="hall")

    services.close_session(first.session, clock=clock)
    assert room() is not None

    services.close_session(second.session, clock=clock)
    assert room() is None


def test_a_room_goes_on_for_one_who_is_preparing(
    live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    first = live(alice, "a", main_track="hall")
    publish(bob, "b", main_track="hall")

    services.close_session(first.session)

    assert room() is not None


def test_a_room_goes_on_for_one_who_is_awaited(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice, main_track="hall")

    services.close_socket(alice.channel, clock)
    assert room() is not None

    services.close_parked("LiveApp/cam", grant.session, clock)
    assert room() is None


@pytest.mark.parametrize("virtual", [True, False])
def test_a_registered_room_is_live_and_then_finished(
    application: Application,
    live: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    virtual: bool,
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall", virtual=virtual)

    grant = live(alice, main_track="hall")
    live_room = room()
    clock.turn(seconds=7)
    services.close_session(grant.session, clock=clock)

    after = room()
    assert live_room is not None
    assert after is not None
    assert (live_room.status, live_room.virtual) == ("broadcasting", virtual)
    assert (after.status, after.virtual, after.duration) == ("finished", virtual, 7000)


def test_a_room_of_an_operator_is_entered_without_a_word(
    application: Application, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Broadcast.objects.create(
        application=application,
        stream_id="cam",
        main_track_stream_id="hall",
        role="speaker",
    )

    grant = live(alice)

    assert (grant.room, grant.role) == ("hall", "speaker")
    assert room() is not None
    services.close_session(grant.session, clock=clock)
    assert room() is None


def test_rooms_of_two_applications_are_two(
    live: Publish, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice, main_track="hall")
    live(bob, "b", application="WebRTCAppEE", main_track="hall")

    services.close_session(grant.session, clock=clock)

    assert Broadcast.objects.get(stream_id="hall").application.name == "WebRTCAppEE"


def test_a_relay_s_death_ends_its_rooms(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice, main_track="hall")
    play(bob, "hall")

    services.close_relay("relay-1", clock)

    assert not LiveSession.objects.exists()
    assert not Broadcast.objects.exists()


def test_reports_keep_a_registered_room_alive(
    application: Application, live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall")
    grant = live(alice, main_track="hall")
    stream = replace(NO_STREAM, stream="LiveApp/cam", session=grant.session)
    clock.turn(seconds=60)

    services.record_report(Report("relay-1", (stream,), 1), clock)

    alive = room()
    assert alive is not None
    assert alive.update_time == int(clock().timestamp() * 1000)


# What is no room


def test_a_live_stream_is_no_room(
    live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "cam")

    assert refusal(publish, bob, "b", main_track="cam") is Denial.ROOM_FAILED
    assert not Broadcast.objects.filter(stream_id="b").exists()


def test_a_stream_that_is_awaited_is_no_room(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    live(alice, "cam")
    services.close_socket(alice.channel, clock)

    assert refusal(publish, bob, "b", main_track="cam") is Denial.ROOM_FAILED


@pytest.mark.parametrize("main_track", ["cam", "a/b", "nul\0l/"])
def test_what_is_no_id_or_the_stream_s_own_is_no_room(
    publish: Publish, alice: SocketInfo, main_track: str
) -> None:
    assert refusal(publish, alice, main_track=main_track) is Denial.ROOM_FAILED


@pytest.mark.parametrize("virtual", [True, False])
def test_a_room_in_use_is_no_stream(
    application: Application,
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    virtual: bool,
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall", virtual=virtual)
    live(alice, main_track="hall")

    assert refusal(publish, bob, "hall") is Denial.ID_IN_USE


def test_a_registered_room_is_no_stream_even_while_it_is_empty(
    application: Application, publish: Publish, bob: SocketInfo
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall", virtual=True)

    assert refusal(publish, bob, "hall") is Denial.ID_IN_USE


def test_what_was_a_main_track_can_be_published_afterwards(
    application: Application,
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall")
    services.close_session(live(alice, main_track="hall").session)

    assert publish(bob, "hall").session


# Races


def test_two_first_participants_at_once_make_one_room(
    publish: Publish, alice: SocketInfo, bob: SocketInfo, on_first_decision: Arrange
) -> None:
    on_first_decision(
        "decide_publish", lambda: publish(bob, "b", relays=RELAYS, main_track="hall")
    )

    grant = publish(alice, "a", relays=RELAYS, main_track="hall")

    assert Broadcast.objects.filter(stream_id="hall").count() == 1
    sessions = LiveSession.objects.filter(room="hall")
    assert {session.relay for session in sessions} == {grant.relay}
    assert len(sessions) == 2


def test_the_last_leaves_while_another_enters(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    on_first_decision: Arrange,
) -> None:
    first = live(alice, "a", main_track="hall")
    on_first_decision("decide_publish", lambda: services.close_session(first.session))

    publish(bob, "b", main_track="hall")

    assert room() is not None


def test_the_last_leaves_while_a_viewer_enters(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    on_first_decision: Arrange,
) -> None:
    first = live(alice, main_track="hall")
    on_first_decision("decide_play", lambda: services.close_session(first.session))

    assert refusal(play, bob, "hall") is Denial.NO_STREAM
    assert not LiveSession.objects.exists()


def test_a_room_becomes_a_stream_while_a_participant_enters(
    application: Application,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    on_first_decision: Arrange,
) -> None:
    Broadcast.objects.create(application=application, stream_id="hall")
    on_first_decision("decide_publish", lambda: publish(bob, "hall"))

    assert refusal(publish, alice, main_track="hall") is Denial.ROOM_FAILED
    assert [row.stream_id for row in LiveSession.objects.all()] == ["hall"]


@pytest.mark.parametrize("registered", [True, False])
def test_a_stream_becomes_a_room_while_it_is_published(
    application: Application,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    on_first_decision: Arrange,
    registered: bool,
) -> None:
    if registered:
        Broadcast.objects.create(application=application, stream_id="hall")
    on_first_decision("decide_publish", lambda: publish(bob, "b", main_track="hall"))

    assert refusal(publish, alice, "hall") is Denial.ID_IN_USE
    assert [row.stream_id for row in LiveSession.objects.all()] == ["b"]


def test_the_room_moves_to_another_relay_while_one_enters(
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As seen by two processes of which one does not see every relay."""
    grants: list[services.PublishGrant] = []

    def choose_late(key: str, relays: Sequence[str]) -> str:
        monkeypatch.undo()
        chosen = conference.choose_relay(key, relays)
        others = tuple(relay for relay in relays if relay != chosen)
        grants.append(publish(bob, "b", relays=others, main_track="hall"))
        return chosen

    monkeypatch.setattr(claiming, "choose_relay", choose_late)

    grants.append(publish(alice, "a", relays=RELAYS, main_track="hall"))

    assert len({grant.relay for grant in grants}) == 1


# Relays


def test_all_of_a_room_are_on_one_relay(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, carol: SocketInfo
) -> None:
    grants = [
        live(alice, "a", relays=RELAYS, main_track="hall"),
        live(bob, "b", relays=RELAYS, room="hall"),
    ]
    viewer = play(carol, "hall", relays=RELAYS)

    assert {grant.relay for grant in grants} == {viewer.relay}


def test_a_room_goes_where_its_sessions_are(
    live: Publish, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    chosen = conference.choose_relay("LiveApp/hall", RELAYS)
    other = next(relay for relay in RELAYS if relay != chosen)
    live(alice, "a", relays=(other,), main_track="hall")

    assert publish(bob, "b", relays=RELAYS, main_track="hall").relay == other


def test_a_relay_that_is_down_is_not_chosen(
    live: Publish, publish: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, "a", relays=("relay-1",), main_track="hall")

    assert publish(bob, "b", relays=("relay-2",), main_track="hall").relay == "relay-2"


def test_rooms_spread_over_relays_and_few_move_when_one_comes() -> None:
    keys = [f"LiveApp/room{number}" for number in range(300)]
    before = {key: conference.choose_relay(key, RELAYS) for key in keys}
    after = {key: conference.choose_relay(key, (*RELAYS, "relay-4")) for key in keys}

    for relay in RELAYS:
        assert 60 < sum(chosen == relay for chosen in before.values()) < 140
    moved = {key for key in keys if before[key] != after[key]}
    assert {after[key] for key in moved} == {"relay-4"}


def test_a_return_finds_its_stream(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    first = live(alice, relays=RELAYS, main_track="hall")
    services.close_socket(alice.channel, clock)

    again = publish(bob, relays=RELAYS, main_track="hall")

    assert (again.restored, again.relay) == (True, first.relay)


def test_a_stream_that_comes_back_into_a_room_elsewhere_is_a_new_one(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    told: list[tuple[str, object]],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    live(alice, "cam", relays=("relay-1",))
    live(bob, "b", relays=("relay-2",), main_track="hall")
    services.close_socket(alice.channel, clock)

    with django_capture_on_commit_callbacks(execute=True):
        again = publish(alice, "cam", relays=RELAYS, main_track="hall")

    assert (again.restored, again.relay) == (False, "relay-2")
    assert told == [("relay-1", EndStream("LiveApp/cam"))]


def test_a_return_to_another_room_leaves_the_first(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    live(alice, main_track="hall")
    services.close_socket(alice.channel, clock)

    assert publish(alice, main_track="cellar").restored

    assert room("hall") is None
    assert room("cellar") is not None


# Viewers


def test_a_viewer_gets_what_the_application_says(
    application: Application,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
) -> None:
    Application.objects.update(
        max_video_track_count=9,
        max_audio_track_count=3,
        send_audio_levels=True,
        audio_level_threshold=100,
        data_channel_distribution="publisher",
        visibility_matrix={"default": ["host"]},
        av1_enabled=False,
    )
    live(alice, main_track="hall")

    grant = play(bob, "hall")

    view = grant.view
    assert view is not None
    assert view.sees_roles == ("host",)
    assert view.video_codecs == ("VP8", "H264", "VP9")
    assert (view.max_video_tracks, view.max_audio_tracks) == (9, 3)
    assert (view.audio_levels, view.audio_level_threshold) == (True, 100)
    assert (grant.data_channels, grant.distribution) == (True, "publisher")


def test_a_single_stream_has_no_view(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, main_track="hall")

    assert play(bob, "cam").view is None


def test_a_room_can_be_played_before_anybody_is_live(
    publish: Publish, play: Play, alice: SocketInfo
) -> None:
    publish(alice, main_track="hall")

    assert play(alice, "hall").view is not None


@pytest.mark.parametrize("registered", [True, False])
def test_a_room_that_nobody_prepares_is_not_played(
    application: Application, play: Play, bob: SocketInfo, registered: bool
) -> None:
    if registered:
        Broadcast.objects.create(
            application=application, stream_id="hall", virtual=True
        )

    assert refusal(play, bob, "hall") is Denial.NO_STREAM


def test_a_room_is_not_played_twice_by_a_socket(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, main_track="hall")
    play(bob, "hall")

    assert refusal(play, bob, "hall") is Denial.ALREADY_PLAYING


def test_a_room_has_a_limit_of_viewers(
    application: Application,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="hall", virtual=True, viewer_limit=1
    )
    live(alice, main_track="hall")
    play(bob, "hall")

    assert refusal(play, carol, "hall") is Denial.VIEWER_LIMIT


def test_a_room_is_played_within_its_dates_only(
    application: Application,
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    now_s = int(clock().timestamp())
    Broadcast.objects.create(
        application=application,
        stream_id="hall",
        virtual=True,
        planned_start_date=now_s,
        planned_end_date=now_s + 60,
    )
    live(alice, main_track="hall")
    clock.turn(seconds=61)

    assert refusal(play, bob, "hall") is Denial.ROOM_NOT_ACTIVE


def test_viewers_of_a_room_end_with_it(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
) -> None:
    first, second = live(alice, "a", main_track="hall"), live(bob, "b", room="hall")
    play(carol, "hall")
    play(carol, "b")

    services.close_session(first.session)
    assert endings() == [""]

    services.close_session(second.session)
    assert endings() == ["room_ended"]
    assert endings("b") == [""]  # its relay ends that one


def test_viewers_hear_of_the_end_of_their_room(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    grant = live(alice, main_track="hall")
    viewer = play(bob, "hall")

    services.close_session(grant.session)

    (ending,) = services.wanted_endings("asgi-1")
    assert (ending.session, ending.channel) == (viewer.session, bob.channel)


def test_viewers_of_a_room_are_nobody_in_it(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    grant = live(alice, main_track="hall")
    play(bob, "hall")
    services.close_session(grant.session)

    assert services.room_state("LiveApp", "hall", "").empty


# What it costs


def test_a_room_costs_few_queries(
    live: Publish,
    publish: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    carol: SocketInfo,
    clock: TurnableClock,
) -> None:
    with at_most(10):
        publish(alice, "a", main_track="hall")
    with at_most(9):
        grant = publish(bob, "b", main_track="hall")
    with at_most(7):
        play(carol, "hall")
    with at_most(7):
        services.close_session(grant.session)


def test_a_stream_without_a_room_costs_no_more(
    live: Publish, publish: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    with at_most(6):
        grant = publish(alice)
    services.mark_started(grant.session)
    with at_most(4):
        play(bob)
    with at_most(2):
        assert refusal(play, bob, "nobody") is Denial.NO_STREAM


# Metadata


def test_a_publisher_says_what_its_stream_is(live: Publish, alice: SocketInfo) -> None:
    grant = live(alice, main_track="hall")

    assert services.update_meta_data(grant.session, "cam", "{}") == "hall"

    assert Broadcast.objects.get(stream_id="cam").meta_data == "{}"
    assert Broadcast.objects.get(stream_id="hall").meta_data == ""


def test_a_participant_says_what_its_room_is(live: Publish, alice: SocketInfo) -> None:
    grant = live(alice, main_track="hall")

    services.update_meta_data(grant.session, "hall", "x\0" * 20_000)

    made = room()
    assert made is not None
    assert len(made.meta_data) == 20_000


def test_nobody_says_what_another_s_stream_is(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo
) -> None:
    live(alice, main_track="hall")
    other = live(bob, "b")
    viewer = play(bob, "hall")

    for session in (other.session, viewer.session, "f" * 32):
        assert services.update_meta_data(session, "cam", "mine") == ""
        assert services.update_meta_data(session, "hall", "mine") == ""

    assert not Broadcast.objects.filter(meta_data="mine").exists()
