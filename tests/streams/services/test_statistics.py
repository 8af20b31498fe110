from __future__ import annotations

from dataclasses import replace

from streams import services
from streams.models import Application
from streams.services import SocketInfo, statistics
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


def test_a_stream_that_waits_for_its_publisher_is_live(
    live: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    services.park_session(live(alice).session, clock)

    assert statistics.count_live_streams(application.pk) == 1


def test_what_is_sent_is_one_query_however_many_watch(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    application: Application,
    clock: TurnableClock,
) -> None:
    live(alice)
    for number in range(5):
        grant = play(replace(bob, channel=f"viewer-{number}"))
        services.mark_started(grant.session, clock)

    with at_most(1):
        sent = statistics.send_statistics(application)

    assert sent["viewers"] == 5


def test_nobody_sends_and_nobody_is_sent_anything(application: Application) -> None:
    with at_most(2):
        sent = statistics.send_statistics(application)
        received = statistics.receive_statistics(application)

    assert sent["videoSendStats"]["videoBytesSentPerSecond"] == 0
    assert sent["videoSendStats"]["videoFramesEncoded"] is None
    assert received["videoReceiveStats"]["videoBytesReceivedPerSecond"] == 0
    assert received["videoReceiveStats"]["videoFirCount"] == 0
    assert received["highestJitterMs"] is None


def test_a_number_is_that_of_its_session() -> None:
    assert statistics.client_number("a") == statistics.client_number("a")
    assert statistics.client_number("a") != statistics.client_number("b")
    assert 0 <= statistics.client_number("\xff" * 99) < 2**31
