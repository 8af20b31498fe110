from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.control import Report
from streams import services
from streams.clock import to_ms
from streams.live import queries
from streams.live.history import slot_of
from streams.live.queries import read_sample
from streams.live.snapshot import RelayLine
from streams.models import (
    DEAD_AFTER,
    Application,
    Broadcast,
    ConnectionEvent,
    LiveSession,
    Node,
)
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most
from tests.streams.measures import Measures
from tests.streams.reports import report, stream, viewer
from tests.streams.services.test_reports import STREAM


@pytest.fixture(autouse=True)
def measures(monkeypatch: pytest.MonkeyPatch) -> Measures:
    made = Measures()
    monkeypatch.setattr(queries, "measured", made.store)
    return made


@pytest.fixture
def cam(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> str:
    """`cam`, live with two viewers and measured once; its session."""
    grant = live(alice, name="Lobby")
    for number in range(2):
        viewer = play(replace(bob, channel=f"viewer-{number}"))
        services.mark_started(viewer.session, clock)
    report = Report("relay-1", (replace(STREAM, session=grant.session),), 3)
    services.record_report(report, clock)
    return grant.session


def add_streams(application: Application, count: int) -> None:
    """Live ones: `s0` has one viewer, `s1` two, and so on."""
    for number in range(count):
        name = f"s{number}"
        Broadcast.objects.create(application=application, stream_id=name, bitrate=10)
        watchers = ["publish", *["play"] * (number + 1)]
        for place, role in enumerate(watchers):
            key = f"{number}-{place}"
            LiveSession.objects.create(
                id=key,
                channel=key,
                application=application,
                stream_id=name,
                role=role,
                state="live",
                relay="relay-1",
            )


def refuse(application: Application, at_ms: int, reason: str, count: int = 1) -> None:
    ConnectionEvent.objects.create(
        application=application,
        stream_id="cam",
        event_type="refused",
        type="play",
        timestamp=at_ms,
        reason=reason,
        count=count,
    )


def test_it_describes_a_live_stream(cam: str, clock: TurnableClock) -> None:
    broadcast = Broadcast.objects.get(stream_id="cam")

    sample = read_sample(clock)

    (line,) = sample.streams
    assert line.key == broadcast.pk
    assert (line.application, line.stream, line.name) == ("LiveApp", "cam", "Lobby")
    assert (line.state, line.since) == ("live", to_ms(clock.now))
    assert (line.viewers, line.bitrate) == (2, broadcast.bitrate)
    assert (line.width, line.height, line.codecs) == (1280, 720, "VP8, opus")
    assert sample.at_ms == to_ms(clock.now)


def test_it_adds_up(cam: str, clock: TurnableClock) -> None:
    bitrate = Broadcast.objects.get(stream_id="cam").bitrate

    totals = read_sample(clock).totals

    assert bitrate > 0
    assert (totals.publishers, totals.viewers) == (1, 2)
    assert (totals.incoming, totals.outgoing) == (bitrate, 0)


def test_it_shows_what_was_measured_of_a_publisher(
    cam: str, clock: TurnableClock, measures: Measures
) -> None:
    (line,) = read_sample(clock).streams
    assert (line.loss, line.rtt) == (None, None)

    measures.streams({"LiveApp/cam": 25})
    (line,) = read_sample(clock).streams
    assert (line.loss, line.rtt) == (0.02, 30)

    measures.streams({"LiveApp/cam": 25}, rtt_ms=0)
    (line,) = read_sample(clock).streams
    assert line.rtt is None


def test_a_publisher_that_is_awaited_is_not_measured(
    cam: str, clock: TurnableClock, measures: Measures
) -> None:
    measures.streams({"LiveApp/cam": 25})
    services.park_session(cam, clock)

    (line,) = read_sample(clock).streams
    assert line.loss is None


def test_it_shows_the_relays(
    cam: str, clock: TurnableClock, measures: Measures
) -> None:
    store = measures.store
    store.record("relay-2@asgi", report())
    store.record_viewers("relay-1@asgi", [viewer("v", video_bitrate=8000)])
    store.record(
        "relay-1@asgi",
        report(
            stream("p"),
            peers=1000,
            cpu_percent=50.0,
            lag_ms=12.5,
            rss_bytes=70_000_000,
        ),
    )

    sample = read_sample(clock)

    assert sample.relays == (
        RelayLine("relay-1", True, 1, 1000, 0.5, 12.5, 70_000_000, 8000),
        RelayLine("relay-2", False, 0, 0, 0.0, 0.0, 0, 0),
    )
    assert sample.totals.outgoing == 8000


def test_a_publisher_that_is_awaited_sends_nothing(
    cam: str, clock: TurnableClock
) -> None:
    services.park_session(cam, clock)

    sample = read_sample(clock)

    assert [(line.state, line.bitrate) for line in sample.streams] == [("parked", 0)]
    assert sample.totals.publishers == 0
    assert (sample.totals.incoming, sample.totals.outgoing) == (0, 0)


def test_a_publisher_that_connects_has_no_time_yet(
    publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    publish(alice)

    (line,) = read_sample(clock).streams

    assert (line.state, line.since) == ("preparing", 0)


def test_registered_streams_that_nobody_publishes_are_not_there(
    application: Application, cam: str, clock: TurnableClock
) -> None:
    Broadcast.objects.create(application=application, stream_id="idle", bitrate=9)
    other = Application.objects.create(name="Other")
    Broadcast.objects.create(application=other, stream_id="cam", bitrate=9)

    sample = read_sample(clock)

    assert [line.application for line in sample.streams] == ["LiveApp"]
    assert sample.totals.incoming == Broadcast.objects.get(name="Lobby").bitrate


def test_the_most_watched_come_first_and_the_others_are_counted(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_STREAMS", 3)
    add_streams(application, 5)

    sample = read_sample()

    assert [line.stream for line in sample.streams] == ["s4", "s3", "s2"]
    assert sample.left_out == 2
    assert (sample.totals.publishers, sample.totals.viewers) == (5, 15)
    assert sample.totals.incoming == 50


def test_it_shows_two_hundred_at_most() -> None:
    assert queries.MAX_STREAMS == 200


def test_it_counts_the_processes_that_are_up(
    node: str, clock: TurnableClock, db: None
) -> None:
    now = clock.now
    Node.objects.create(name="r1", kind="relay", pid=1, heartbeat_at=now)
    Node.objects.create(name="r2", kind="relay", pid=1, heartbeat_at=now, closed=True)
    Node.objects.create(
        name="r3",
        kind="relay",
        pid=1,
        heartbeat_at=now - DEAD_AFTER - timedelta(seconds=1),
    )

    totals = read_sample(clock).totals

    assert (totals.relays, totals.web) == (1, 1)


def test_refusals_are_summed_by_reason_and_step(
    application: Application, clock: TurnableClock
) -> None:
    now = to_ms(clock.now)
    refuse(application, now, "unauthorized", 3)
    refuse(application, now + 1, "unauthorized", 2)
    refuse(application, now - 60_000, "unauthorized")
    refuse(application, now, "other")
    refuse(application, now - 700_000, "long ago")
    ConnectionEvent.objects.create(
        application=application,
        stream_id="cam",
        event_type="connected",
        type="play",
        timestamp=now,
    )

    refused = {(e.slot, e.reason): e.count for e in read_sample(clock).refused}

    slot = slot_of(now)
    assert refused == {
        (slot, "unauthorized"): 5,
        (slot - 6, "unauthorized"): 1,
        (slot, "other"): 1,
    }


def test_without_anybody_it_is_empty(db: None) -> None:
    sample = read_sample()

    assert (sample.streams, sample.left_out, sample.refused) == ((), 0, ())
    assert sample.totals.outgoing == 0


@pytest.mark.parametrize("streams", [1, 12])
def test_it_asks_five_times_however_many_streams_there_are(
    application: Application, streams: int
) -> None:
    add_streams(application, streams)

    with at_most(5):
        sample = read_sample()

    assert len(sample.streams) == streams
