"""What one who wants in, or in twice, could try besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from streams import services
from streams.clock import to_ms
from streams.credentials import StoredSubscriber, current_code, make_jwt
from streams.guesses import GuessLimiter
from streams.models import (
    Admission,
    Application,
    Broadcast,
    Ending,
    LiveSession,
    Subscriber,
    Token,
)
from streams.policy import AccessDenied, Denial
from streams.services import SocketInfo, access
from tests.streams.conftest import Play, Publish, TurnableClock

KEY = "a key of at least thirty-two characters"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def refusal(call: Callable[..., object], *args: Any, **kwargs: Any) -> Denial:
    with pytest.raises(AccessDenied) as denied:
        call(*args, **kwargs)
    return denied.value.reason


def change(**settings: Any) -> None:
    Application.objects.update(**settings)


def end(stream_id: str, ending: Ending, clock: TurnableClock) -> None:
    """As an operator and then the process that holds the socket do."""
    rows = LiveSession.objects.filter(stream_id=stream_id)
    rows.update(ending=ending)
    for row in rows:
        services.close_session(row.pk, clock=clock)


@pytest.fixture
def make_token(application: Application, clock: TurnableClock) -> Callable[..., str]:
    def make(type: str, stream_id: str = "cam") -> str:
        expires = int((clock() + timedelta(hours=1)).timestamp())
        token = Token.objects.create(
            application=application,
            stream_id=stream_id,
            type=type,
            expire_date=expires,
        )
        return token.token_id

    return make


@pytest.fixture
def known(application: Application, clock: TurnableClock) -> dict[str, str]:
    """A stored subscriber and a code of its own."""
    Subscriber.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="user1",
        type="publish",
        b32_secret=SECRET,
    )
    code = current_code(
        "user1",
        "cam",
        "publish",
        StoredSubscriber("publish", SECRET, None),
        "",
        60,
        int(clock().timestamp()),
    )
    return {"subscriber_id": "user1", "subscriber_code": code}


def test_a_play_token_is_used_up_though_the_stream_is_called_its_own_room(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    make_token: Callable[..., str],
) -> None:
    change(play_token_enabled=True)
    live(alice)
    token = make_token("play")

    assert play(bob, token=token, room="cam").session

    other = replace(bob, channel="channel-other", remote_ip="192.0.2.9")
    assert refusal(play, other, token=token, room="cam") is Denial.UNAUTHORIZED


def test_a_stream_cannot_be_called_its_own_room_to_keep_its_token(
    publish: Publish, alice: SocketInfo, make_token: Callable[..., str]
) -> None:
    change(publish_token_enabled=True)
    token = make_token("publish")

    assert refusal(publish, alice, token=token, main_track="cam") is Denial.ROOM_FAILED
    assert publish(alice, token=token).session
    assert not Token.objects.exists()


def test_a_publisher_s_jwt_plays_no_stream_that_is_called_its_own_room(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    change(play_jwt_enabled=True, jwt_stream_secret=KEY)
    live(alice)
    token = make_jwt(KEY, "cam", "publish", int(clock().timestamp()) + 60)

    assert refusal(play, bob, token=token, room="cam") is Denial.UNAUTHORIZED


def test_the_end_of_the_return_window_begins_no_other_for_the_token(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    make_token: Callable[..., str],
) -> None:
    change(publish_token_enabled=True)
    token = make_token("publish")
    grant = live(alice, token=token)
    services.close_socket(alice.channel, clock)
    clock.turn(seconds=10.1)
    assert services.close_parked("LiveApp/cam", grant.session, clock)

    assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED


@pytest.mark.parametrize(
    "ending", [Ending.STOPPED, Ending.BLOCKED, Ending.NOT_ACTIVE, Ending.NO_PACKETS]
)
def test_who_was_ended_for_good_does_not_come_back_by_a_used_token(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    make_token: Callable[..., str],
    ending: Ending,
) -> None:
    change(publish_token_enabled=True)
    token = make_token("publish")
    live(alice, token=token)

    end("cam", ending, clock)

    if ending == Ending.NO_PACKETS:  # its camera may be there again
        assert publish(alice, token=token).session
    else:
        assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED
        assert not Admission.objects.exists()


def test_strangers_guesses_do_not_keep_a_holder_from_its_return(
    live: Publish,
    publish: Publish,
    alice: SocketInfo,
    clock: TurnableClock,
    known: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "guesses", GuessLimiter())
    change(publish_totp_enabled=True)
    live(alice, **known)
    services.close_socket(alice.channel, clock)
    right = int(known["subscriber_code"])
    for number in range(1, 150):
        stranger = replace(
            alice, channel="x", remote_ip=f"198.51.100.{number}", user_agent="curl"
        )
        wrong = f"{(right + number * 1000) % 1_000_000:06}"
        guess = {**known, "subscriber_code": wrong}
        assert refusal(publish, stranger, **guess) is Denial.UNAUTHORIZED
    stranger = replace(alice, channel="x", remote_ip="198.51.100.200")
    assert refusal(publish, stranger, **known) is Denial.UNAUTHORIZED

    assert publish(replace(alice, channel="channel-new"), **known).restored


@pytest.mark.parametrize("role", ["publish", "play"])
def test_the_subscriber_is_locked_before_sessions_are_written(
    live: Publish,
    publish: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
    known: dict[str, str],
    role: str,
) -> None:
    """A block locks in this order too; in another each would wait for the other."""
    change(play_once_per_session=False)
    live(alice)
    socket, enter = (alice, publish) if role == "publish" else (bob, play)
    if role == "publish":
        services.close_socket(alice.channel, clock)
    else:
        play(bob, subscriber_id="user1")

    with CaptureQueriesContext(connection) as captured:
        enter(socket, subscriber_id="user1")

    statements = [query["sql"] for query in captured.captured_queries]
    first_write = next(
        number
        for number, sql in enumerate(statements)
        if sql.startswith(("INSERT", "UPDATE", "DELETE"))
    )
    looks = [
        number
        for number, sql in enumerate(statements)
        if 'FROM "streams_subscriber"' in sql
    ]
    assert len(looks) == 2
    assert looks[-1] < first_write


def test_a_stream_that_an_operator_put_into_a_room_counts_there(
    application: Application, publish: Publish, alice: SocketInfo, bob: SocketInfo
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="room1", virtual=True, subtracks_limit=1
    )
    for stream_id in ("cam", "cam2"):
        Broadcast.objects.create(
            application=application,
            stream_id=stream_id,
            main_track_stream_id="room1",
        )
    publish(alice)

    assert refusal(publish, bob, "cam2") is Denial.ROOM_FULL


def test_a_stream_that_an_operator_put_into_a_room_has_its_dates(
    application: Application, publish: Publish, alice: SocketInfo
) -> None:
    Broadcast.objects.create(
        application=application,
        stream_id="room1",
        planned_start_date=1,
        planned_end_date=2,
    )
    Broadcast.objects.create(
        application=application, stream_id="cam", main_track_stream_id="room1"
    )

    assert refusal(publish, alice) is Denial.ROOM_NOT_ACTIVE


def test_a_publisher_is_not_silent_because_reports_could_not_be_written(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    change(drop_without_packets=True)
    live(alice)
    clock.turn(seconds=30)
    Broadcast.objects.update(media_time=to_ms(clock()), update_time=to_ms(clock()))
    clock.turn(seconds=30)  # the database was away

    services.end_overdue(clock)

    assert not LiveSession.objects.exclude(ending="").exists()
