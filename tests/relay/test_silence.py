from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay import control
from relay.silence import SILENT_S, SilenceWatch
from tests.relay.conftest import RunningRelay
from tests.relay.data_clients import publish_data
from tests.relay.raw_peer import connect_publisher, publish_raw

STREAM = "LiveApp/one"


def test_media_and_checks_are_both_heard() -> None:
    watch = SilenceWatch(0.0)
    assert not watch.look(100, 0.0, SILENT_S - 1)
    assert not watch.look(100, SILENT_S, 2 * SILENT_S - 2)
    assert not watch.look(200, SILENT_S, 3 * SILENT_S - 3)
    assert not watch.silent


def test_it_falls_silent_once_and_speaks_again_once() -> None:
    watch = SilenceWatch(0.0)
    assert watch.look(0, 0.0, SILENT_S)
    assert watch.silent
    assert not watch.look(0, 0.0, SILENT_S + 1)
    assert watch.look(1, 0.0, SILENT_S + 2)
    assert not watch.silent


@given(
    steps=st.lists(
        st.tuples(st.floats(0.1, 2 * SILENT_S), st.booleans(), st.booleans())
    )
)
def test_it_is_silent_when_nothing_came_for_long(
    steps: list[tuple[float, bool, bool]],
) -> None:
    watch = SilenceWatch(0.0)
    now = heard = check = 0.0
    received = 0
    for pause_s, media, checked in steps:
        now += pause_s
        was_silent = watch.silent
        if media:
            received += 1
        if checked:
            check = now
        if media or checked:
            heard = now
        assert watch.look(received, check, now) is (watch.silent is not was_silent)
        assert watch.silent is (now - heard >= SILENT_S)


def heard_of(relay: RunningRelay, seconds: float) -> list[control.Silence]:
    """What signalling is told when the relay looks `seconds` later."""
    relay.clock.now += seconds
    relay.router._periodic(relay.clock.now)
    return [e for e in relay.drain() if isinstance(e, control.Silence)]


async def test_signalling_hears_of_a_publisher_that_falls_silent_and_comes_back(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    assert heard_of(still_relay, 0.0) == []
    silence = control.Silence(publisher.session, "socket", True)
    assert heard_of(still_relay, SILENT_S) == [silence]
    assert heard_of(still_relay, 1.0) == []
    await publisher.check()
    silence = control.Silence(publisher.session, "socket", False)
    assert heard_of(still_relay, 0.5) == [silence]


async def test_a_publisher_whose_checks_alone_arrive_is_not_silent(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    for _ in range(4):
        await publisher.check()
        assert heard_of(still_relay, SILENT_S - 1) == []


async def test_one_that_never_sent_anything_is_silent_too(
    still_relay: RunningRelay,
) -> None:
    publisher = await connect_publisher(still_relay, STREAM)
    silence = control.Silence(publisher.session, "socket", True)
    assert heard_of(still_relay, SILENT_S) == [silence]


async def test_a_publisher_of_data_alone_is_never_silent(
    still_relay: RunningRelay,
) -> None:
    await publish_data(still_relay, STREAM)
    assert heard_of(still_relay, 2 * SILENT_S) == []


async def test_nothing_is_said_of_a_stream_that_waits(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    still_relay.router.handle(control.CloseSession(publisher.session, park=True))
    assert heard_of(still_relay, SILENT_S) == []
