"""What REST's tests do not reach: clocks and changes in between."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from streams.models import Application, Subscriber
from streams.services.subscribers import (
    MAX_BLOCK_S,
    SubscriberChanges,
    block_subscriber,
    list_subscribers,
    save_subscriber,
    subscriber_code,
)
from tests.streams.conftest import TurnableClock, at_most

SECRET = "6qsp6qhndryqs56zjmvs37i6gqtjsdvc"
PAGE = slice(0, 50)


def test_a_block_ends_by_itself(application: Application, clock: TurnableClock) -> None:
    row = block_subscriber(application, "cam", "alice", 60, "play", clock)
    clock.turn(seconds=60)
    assert row.is_blocked("play", clock())
    clock.turn(seconds=1)
    assert not row.is_blocked("play", clock())


def test_a_block_keeps_what_the_subscriber_is(
    application: Application, clock: TurnableClock
) -> None:
    changes = SubscriberChanges(b32_secret=SECRET, type="play", totp_period_s=30)
    save_subscriber(application, "cam", "alice", changes)
    block_subscriber(application, "cam", "alice", 60, "play", clock)
    row = Subscriber.objects.get()
    assert (row.b32_secret, row.type, row.totp_period_s) == (SECRET, "play", 30)


@pytest.mark.parametrize("seconds", [-1, MAX_BLOCK_S + 1])
def test_a_block_is_bounded(application: Application, seconds: int) -> None:
    with pytest.raises(ValidationError):
        block_subscriber(application, "cam", "alice", seconds, "play")
    assert not Subscriber.objects.exists()


def test_the_longest_block_can_be_stored(application: Application) -> None:
    row = block_subscriber(application, "cam", "alice", MAX_BLOCK_S, "play")
    row.full_clean()
    assert row.blocked_until is not None


def test_a_subscriber_is_of_its_stream_and_application(
    application: Application,
) -> None:
    other = Application.objects.create(name="OtherApp")
    save_subscriber(application, "cam", "alice", SubscriberChanges(type="play"))
    save_subscriber(application, "cam2", "alice", SubscriberChanges(type="publish"))
    save_subscriber(other, "cam", "alice", SubscriberChanges(type="publish"))
    (listed,) = list_subscribers(application, "cam", PAGE)
    assert listed.subscriber.type == "play"


def test_a_page_costs_two_queries(application: Application) -> None:
    for number in range(5):
        save_subscriber(application, "cam", f"alice{number}", SubscriberChanges())
    with at_most(2):
        assert len(list_subscribers(application, "cam", PAGE)) == 5


def test_a_code_has_the_subscribers_period(
    application: Application, clock: TurnableClock
) -> None:
    changes = SubscriberChanges(b32_secret=SECRET, totp_period_s=30)
    save_subscriber(application, "cam", "alice", changes)
    codes = []
    for _ in range(3):
        codes.append(subscriber_code(application, "cam", "alice", clock=clock))
        clock.turn(seconds=15)
    assert codes[0] == codes[1] != codes[2]


@pytest.mark.parametrize("role", ["publish", "play"])
def test_an_unknown_subscribers_code_is_of_its_direction(
    application: Application, clock: TurnableClock, role: str
) -> None:
    codes = set()
    for publish, play in (("one", "two"), ("two", "one")):
        application.totp_secret_publish = publish
        application.totp_secret_play = play
        codes.add(subscriber_code(application, "cam", "alice", role, clock))
    assert len(codes) == 2


def test_a_stored_subscriber_without_a_secret_has_the_derived_one(
    application: Application, clock: TurnableClock
) -> None:
    application.totp_secret_play = "secret"
    before = subscriber_code(application, "cam", "alice", "play", clock)
    save_subscriber(application, "cam", "alice", SubscriberChanges())
    assert subscriber_code(application, "cam", "alice", "play", clock) == before
