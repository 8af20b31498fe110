from __future__ import annotations

from typing import Any

import pytest

from signalling import returning as module
from signalling.messages import Play, parse_message
from signalling.returning import ReturningViewers
from signalling.session import Attempt, Role

WINDOW_MS = 10_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def viewers(clock: Clock) -> ReturningViewers:
    return ReturningViewers(clock)


def attempt(**values: Any) -> Attempt:
    """One that has just ended."""
    known: dict[str, Any] = {
        "session": "f" * 32,
        "role": Role.PLAY,
        "stream_id": "hall",
        "relay": "relay-1",
        "start_timeout_ms": 5000,
        "subscriber_id": "bob1",
        "subscriber_name": "Bob",
        "tracks_disabled": True,
        "return_window_ms": WINDOW_MS,
        "ended_at": 100.0,
    }
    return Attempt(**{**known, **values})


def play(**fields: str) -> Play:
    pairs = {"subscriberId": "bob1", **fields}
    text = ",".join(f'"{name}":{value!s}' for name, value in _quoted(pairs).items())
    message = parse_message(f'{{"command":"play","streamId":"hall",{text}}}')
    assert isinstance(message, Play)
    return message


def _quoted(pairs: dict[str, str]) -> dict[str, str]:
    return {name: f'"{value}"' for name, value in pairs.items()}


def completed(viewers: ReturningViewers, message: Play) -> tuple[str, bool]:
    said = viewers.complete("LiveApp", message)
    return said.subscriber_name, bool(said.tracks_disabled)


def test_who_comes_back_need_not_say_it_again(
    viewers: ReturningViewers, clock: Clock
) -> None:
    viewers.keep("LiveApp", attempt())
    clock.now += WINDOW_MS / 1000

    assert completed(viewers, play()) == ("Bob", True)


def test_what_is_said_again_goes_first(viewers: ReturningViewers) -> None:
    viewers.keep("LiveApp", attempt())

    said = play(subscriberName="Robert", disableTracksByDefault="false")
    assert completed(viewers, said) == ("Robert", False)


def test_it_is_forgotten_after_the_window(
    viewers: ReturningViewers, clock: Clock
) -> None:
    viewers.keep("LiveApp", attempt())
    clock.now += WINDOW_MS / 1000 + 1

    assert completed(viewers, play()) == ("", False)
    clock.now = 100.0
    assert completed(viewers, play()) == ("", False)


def test_one_who_is_still_there_is_somebody_else(viewers: ReturningViewers) -> None:
    viewers.keep("LiveApp", attempt(ended_at=None))

    assert completed(viewers, play()) == ("", False)


@pytest.mark.parametrize(
    "other",
    [
        {"subscriber_id": ""},
        {"subscriber_id": "eve1"},
        {"stream_id": "cellar"},
        {"role": Role.PUBLISH},
    ],
)
def test_nobody_gets_what_another_said(
    viewers: ReturningViewers, other: dict[str, Any]
) -> None:
    viewers.keep("LiveApp", attempt(**other))

    assert completed(viewers, play()) == ("", False)


def test_another_application_has_other_viewers(viewers: ReturningViewers) -> None:
    viewers.keep("WebRTCAppEE", attempt())

    assert completed(viewers, play()) == ("", False)


def test_who_says_nothing_the_next_time_is_taken_at_its_word(
    viewers: ReturningViewers,
) -> None:
    viewers.keep("LiveApp", attempt())
    viewers.keep("LiveApp", attempt(subscriber_name="", tracks_disabled=False))

    assert completed(viewers, play()) == ("", False)


def test_the_oldest_is_forgotten_when_there_are_too_many(
    viewers: ReturningViewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    for subscriber in ("bob1", "carol", "dave"):
        viewers.keep("LiveApp", attempt(subscriber_id=subscriber))

    assert completed(viewers, play()) == ("", False)
    assert completed(viewers, play(subscriberId="carol")) == ("Bob", True)
