from __future__ import annotations

from dataclasses import asdict, replace

from relay.control import RenditionReport, Report, StreamReport
from streams import services
from streams.clock import to_ms
from streams.models import Application, Broadcast, LiveSession, Node
from streams.services import SocketInfo
from tests.streams.conftest import Publish, TurnableClock, at_most
from tests.streams.reports import NO_STREAM

STREAM = replace(
    NO_STREAM,
    video_bitrate=1_500_000,
    audio_bitrate=64_000,
    received_bytes=12_345_678_901,
    packets_lost=7,
    jitter_ms=4,
    rtt_ms=21,
    viewers=3,
    key_frame_requests=2,
)


def report(*streams: StreamReport, relay: str = "relay-1") -> Report:
    return Report(relay=relay, streams=streams, peers=1)


def test_a_broadcast_shows_what_the_relay_measured(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = live(alice)
    clock.turn(seconds=5)

    services.record_report(report(replace(STREAM, session=grant.session)), clock)

    row = Broadcast.objects.get()
    assert row.update_time == to_ms(clock.now)
    assert (row.bitrate, row.video_bitrate, row.audio_bitrate) == (
        1_564_000,
        1_500_000,
        64_000,
    )
    assert (row.video_codec, row.audio_codec) == ("VP8", "opus")
    assert (row.width, row.height) == (1280, 720)
    assert row.received_bytes == 12_345_678_901
    assert (row.packets_lost, row.jitter_ms, row.rtt_ms) == (7, 4, 21)


ORIGINAL = RenditionReport(1280, 720, 1_500_000, 64_000, "VP8")
LOW = RenditionReport(426, 240, 300_000, 64_000, "VP8")


def test_a_broadcast_shows_what_viewers_may_get(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    session = live(alice).session
    stream = replace(
        STREAM, session=session, width=320, height=180, renditions=(ORIGINAL, LOW)
    )

    services.record_report(report(stream), clock)

    row = Broadcast.objects.get()
    assert row.renditions == [asdict(ORIGINAL), asdict(LOW)]
    assert (row.width, row.height) == (1280, 720)


def test_a_rendition_without_a_picture_yet_says_nothing_of_the_stream_s(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    unknown = replace(LOW, width=0, height=0)
    stream = replace(STREAM, session=live(alice).session, renditions=(unknown,))

    services.record_report(report(stream), clock)

    row = Broadcast.objects.get()
    assert (row.width, row.height) == (1280, 720)


def test_a_stream_that_is_over_has_no_renditions(
    live: Publish, alice: SocketInfo, application: Application, clock: TurnableClock
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    session = live(alice).session
    stream = replace(STREAM, session=session, renditions=(ORIGINAL, LOW))
    services.record_report(report(stream), clock)
    assert len(Broadcast.objects.get().renditions) == 2

    services.close_session(session, clock=clock)

    assert Broadcast.objects.get().renditions == []


def test_a_report_is_the_heartbeat_of_the_relay(db: None, clock: TurnableClock) -> None:
    services.register_node("relay-1", "relay", clock)
    clock.turn(seconds=5)

    with at_most(1):
        services.record_report(report(), clock)

    assert Node.objects.get().heartbeat_at == clock.now


def test_a_report_of_an_abandoned_session_changes_nothing(
    live: Publish, publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    first = live(alice)
    services.park_session(first.session, clock)
    publish(alice)

    services.record_report(report(replace(STREAM, session=first.session)), clock)

    assert Broadcast.objects.get().bitrate == 0


def test_a_report_of_another_relay_changes_nothing(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    stream = replace(STREAM, session=live(alice).session)

    services.record_report(report(stream, relay="relay-2"), clock)

    assert Broadcast.objects.get().bitrate == 0


def test_a_report_does_not_make_a_stream_live(
    publish: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    grant = publish(alice)

    services.record_report(report(replace(STREAM, session=grant.session)), clock)

    assert Broadcast.objects.get().status == "preparing"
    assert LiveSession.objects.get().state == "preparing"


def test_a_report_costs_one_query_a_stream(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    streams = [
        replace(STREAM, session=live(alice, f"s{number}").session)
        for number in range(4)
    ]

    with at_most(2 + 4):
        services.record_report(report(*streams), clock)
    assert Broadcast.objects.filter(width=1280).count() == 4


def test_media_that_arrives_is_noted(
    live: Publish, alice: SocketInfo, clock: TurnableClock
) -> None:
    stream = replace(STREAM, session=live(alice).session, received_bytes=1000)
    services.record_report(report(stream), clock)
    arrived_at = to_ms(clock.now)
    clock.turn(seconds=5)

    services.record_report(report(stream), clock)

    row = Broadcast.objects.get()
    assert row.media_time == arrived_at
    assert row.update_time == to_ms(clock.now)

    services.record_report(report(replace(stream, received_bytes=1001)), clock)

    assert Broadcast.objects.get().media_time == to_ms(clock.now)
