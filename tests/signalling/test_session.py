from __future__ import annotations

import asyncio

import pytest

from signalling.errors import SignallingError
from signalling.limits import MAX_SESSIONS
from signalling.session import Attempt, Phase, PublishAttempt, Role, SocketSession


def publisher(session: str = "p1", stream_id: str = "s1") -> PublishAttempt:
    return PublishAttempt(session, Role.PUBLISH, stream_id, "relay-1", 5000)


def viewer(session: str = "v1", stream_id: str = "s1") -> Attempt:
    return Attempt(session, Role.PLAY, stream_id, "relay-1", 5000)


@pytest.fixture
def session() -> SocketSession:
    return SocketSession("LiveApp", False, "192.0.2.1", "a browser")


def test_a_publishers_first_offer_is_taken_and_no_other() -> None:
    attempt = publisher()

    assert attempt.take_offer()
    assert not attempt.take_offer()
    assert attempt.phase is Phase.CONNECTING


def test_a_publisher_neither_gets_an_offer_nor_answers() -> None:
    attempt = publisher()

    assert not attempt.make_offer()
    assert not attempt.take_answer()
    assert attempt.phase is Phase.PREPARING


def test_a_viewer_answers_the_one_offer_once() -> None:
    attempt = viewer()

    assert not attempt.take_answer()
    assert attempt.make_offer()
    assert not attempt.make_offer()
    assert attempt.take_answer()
    assert not attempt.take_answer()
    assert not attempt.take_offer()
    assert attempt.phase is Phase.CONNECTING


@pytest.mark.parametrize("attempt", [publisher(), viewer()])
def test_it_goes_live_once(attempt: Attempt) -> None:
    assert attempt.go_live()
    assert not attempt.go_live()
    assert not attempt.take_offer()
    assert not attempt.make_offer()


async def test_going_live_ends_its_timer() -> None:
    attempt = publisher()
    attempt.timer = timer = asyncio.get_running_loop().call_later(60, lambda: None)

    attempt.go_live()

    assert timer.cancelled()
    assert attempt.timer is None


@pytest.mark.parametrize(
    ("live", "restored", "can_wait"),
    [
        (False, False, False),
        (True, False, True),
        (False, True, True),
        (True, True, True),
    ],
)
def test_a_publisher_can_wait_when_it_has_viewers(
    live: bool, restored: bool, can_wait: bool
) -> None:
    attempt = publisher()
    attempt.restored = restored
    if live:
        attempt.go_live()

    assert attempt.can_wait is can_wait


def test_a_viewer_cannot_wait() -> None:
    attempt = viewer()
    attempt.go_live()

    assert not attempt.can_wait


def test_publishing_and_playing_one_id_are_apart(session: SocketSession) -> None:
    one, other = publisher(), viewer()
    session.add(one)
    session.add(other)

    assert session.find(Role.PUBLISH, "s1") is one
    assert session.find(Role.PLAY, "s1") is other
    assert session.of_stream("s1") == [one, other]
    assert session.of_stream("s2") == []


def test_no_id_means_every_stream(session: SocketSession) -> None:
    one, other = publisher("p1", "s1"), viewer("v1", "s2")
    session.add(one)
    session.add(other)

    assert session.of_stream("") == [one, other]


def test_a_newer_attempt_replaces_the_older(session: SocketSession) -> None:
    older, newer = publisher("p1"), publisher("p2")
    assert session.add(older) is None

    assert session.add(newer) is older

    assert session.get("p1") is None
    assert session.attempts() == [newer]


def test_forgetting_an_older_attempt_keeps_the_newer(session: SocketSession) -> None:
    older, newer = publisher("p1"), publisher("p2")
    session.add(older)
    session.add(newer)

    session.forget(older)

    assert session.find(Role.PUBLISH, "s1") is newer


async def test_clearing_forgets_everything_once(session: SocketSession) -> None:
    loop = asyncio.get_running_loop()
    attempt = publisher()
    attempt.timer = timer = loop.call_later(60, lambda: None)
    session.add(attempt)
    session.waiting["s2"] = wait = loop.call_later(60, lambda: None)

    assert session.clear() == [attempt]

    assert timer.cancelled()
    assert wait.cancelled()
    assert session.clear() == []


def test_a_socket_has_a_bounded_number_of_attempts(session: SocketSession) -> None:
    for index in range(MAX_SESSIONS):
        session.check_room(f"s{index}")
        session.add(viewer(str(index), f"s{index}"))

    with pytest.raises(SignallingError, match="highResourceUsage"):
        session.check_room("one more")
