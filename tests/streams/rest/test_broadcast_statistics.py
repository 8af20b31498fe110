"""Statistics of broadcasts by REST (contract 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rest_framework.serializers import Serializer

from streams import services
from streams.models import Application, Broadcast, LiveSession
from streams.rest.broadcasts import examples, measures
from streams.rest.broadcasts.statistics_serializers import (
    BasicStreamInfoSerializer,
    ClientStatsSerializer,
    ReceiveStatsSerializer,
    SendStatsSerializer,
    TotalWatchersSerializer,
    WatchersSerializer,
)
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most
from tests.streams.rest.conftest import Caller

NOBODY = {
    "totalRTMPWatchersCount": 0,
    "totalHLSWatchersCount": 0,
    "totalWebRTCWatchersCount": 0,
    "totalDASHWatchersCount": 0,
}


@pytest.fixture
def watched(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> list[str]:
    """`cam` with three viewers and one who connects, `other` with one."""
    live(alice)
    live(alice, "other")
    Broadcast.objects.filter(stream_id="cam").update(
        bitrate=1_280_000,
        video_bitrate=1_200_000,
        audio_bitrate=80_000,
        packets_lost=3,
        received_bytes=1000,
        jitter_ms=7,
        width=640,
        height=360,
        video_codec="VP8",
    )
    Broadcast.objects.filter(stream_id="other").update(
        video_bitrate=800, audio_bitrate=16, packets_lost=4, jitter_ms=2
    )
    sessions = []
    for number in range(3):
        viewer = replace(bob, channel=f"viewer-{number}", remote_ip=f"192.0.2.{number}")
        clock.turn(seconds=1)
        grant = play(viewer, viewer_info=f"screen {number}")
        services.mark_started(grant.session, clock)
        sessions.append(grant.session)
    services.mark_started(play(bob, "other").session, clock)
    play(replace(bob, channel="late"))
    return sessions


@pytest.mark.usefixtures("watched")
def test_it_counts_who_watches_a_stream(reader: Caller) -> None:
    shown = reader.get("broadcasts/cam/broadcast-statistics").json()

    assert shown == {**NOBODY, "totalWebRTCWatchersCount": 3}
    assert WatchersSerializer(data=shown).is_valid()


def test_of_an_unknown_stream_nothing_is_known(reader: Caller) -> None:
    response = reader.get("broadcasts/unknown/broadcast-statistics")

    assert response.status_code == 200
    assert response.json() == dict.fromkeys(NOBODY, -1)


def test_nobody_watches_a_stream_that_is_not_live(
    reader: Caller, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")

    shown = reader.get("broadcasts/cam/broadcast-statistics").json()

    assert shown == NOBODY


@pytest.mark.usefixtures("watched")
def test_it_counts_who_watches_in_all(reader: Caller) -> None:
    shown = reader.get("broadcasts/total-broadcast-statistics").json()

    assert shown == {
        **NOBODY,
        "totalWebRTCWatchersCount": 4,
        "activeLiveStreamCount": 2,
    }
    assert TotalWatchersSerializer(data=shown).is_valid()


@pytest.mark.usefixtures("watched")
def test_totals_are_of_the_application(writer: Caller) -> None:
    other = Caller(writer.authorization, "WebRTCAppEE")

    shown = other.get("broadcasts/total-broadcast-statistics").json()
    sent = other.get("broadcasts/webrtc-send-low-level-stats").json()
    received = other.get("broadcasts/webrtc-receive-low-level-stats").json()

    assert shown == {**NOBODY, "activeLiveStreamCount": 0}
    assert sent["viewers"] == 0
    assert sent["videoSendStats"]["videoBytesSentPerSecond"] == 0
    assert (received["packetsLost"], received["highestJitterMs"]) == (0, None)


def test_it_lists_the_viewers_longest_first(reader: Caller, watched: list[str]) -> None:
    with at_most(5):  # the application, the key and its use, the stream, viewers
        shown = reader.get("broadcasts/cam/webrtc-client-stats/0/10").json()

    assert [viewer["clientInfo"] for viewer in shown] == [
        "screen 0",
        "screen 1",
        "screen 2",
    ]
    assert [viewer["clientIp"] for viewer in shown] == [
        "192.0.2.0",
        "192.0.2.1",
        "192.0.2.2",
    ]
    for viewer in shown:
        assert viewer["sendBitrate"] == viewer["measuredBitrate"] == 1_280_000
        assert viewer["videoPacketCount"] is None
        assert ClientStatsSerializer(data=viewer).is_valid()
        assert viewer.keys() == ClientStatsSerializer().fields.keys()


def test_viewers_come_by_pages_of_fifty(
    reader: Caller, watched: list[str], application: Application
) -> None:
    LiveSession.objects.bulk_create(
        LiveSession(
            id=f"s{number}",
            application=application,
            stream_id="cam",
            role="play",
            state="live",
            channel=f"c{number}",
            relay="relay-1",
        )
        for number in range(60)
    )
    path = "broadcasts/cam/webrtc-client-stats"

    first = reader.get(f"{path}/0/0").json()
    second = reader.get(f"{path}/50/50").json()

    assert (len(first), len(second)) == (50, 13)
    numbers = [viewer["clientId"] for viewer in first + second]
    assert len(set(numbers)) == 63


def test_a_viewer_keeps_its_number(reader: Caller, watched: list[str]) -> None:
    path = "broadcasts/cam/webrtc-client-stats/0/10"
    before = {
        viewer["clientInfo"]: viewer["clientId"] for viewer in reader.get(path).json()
    }
    services.close_session(watched[0])

    after = {
        viewer["clientInfo"]: viewer["clientId"] for viewer in reader.get(path).json()
    }

    assert after == {name: before[name] for name in ("screen 1", "screen 2")}
    assert all(0 <= number < 2**31 for number in before.values())


@pytest.mark.usefixtures("watched")
def test_an_unknown_stream_has_no_viewers(reader: Caller) -> None:
    response = reader.get("broadcasts/unknown/webrtc-client-stats/0/10")

    assert (response.status_code, response.json()) == (200, [])


@pytest.mark.usefixtures("watched")
def test_it_adds_up_what_publishers_send(
    reader: Caller, application: Application
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="ended", packets_lost=100, video_bitrate=9999
    )

    shown = reader.get("broadcasts/webrtc-receive-low-level-stats").json()

    assert shown["audioReceiveStats"]["audioBytesReceivedPerSecond"] == 80_016 // 8
    assert shown["videoReceiveStats"]["videoBytesReceivedPerSecond"] == 1_200_800 // 8
    assert shown["audioReceiveStats"]["audioPacketsLost"] is None
    assert shown["videoReceiveStats"]["videoPacketsLost"] is None
    assert shown["packetsLost"] == 7
    assert shown["bytesReceived"] == 1000
    assert shown["highestJitterMs"] == 7
    check_fields(ReceiveStatsSerializer(), shown)


@pytest.mark.usefixtures("watched")
def test_it_adds_up_what_viewers_are_sent(reader: Caller) -> None:
    shown = reader.get("broadcasts/webrtc-send-low-level-stats").json()

    video, audio = 3 * 1_200_000 + 800, 3 * 80_000 + 16
    assert shown["videoSendStats"]["videoBytesSentPerSecond"] == video // 8
    assert shown["audioSendStats"]["audioBytesSentPerSecond"] == audio // 8
    assert shown["videoSendStats"]["videoPacketsSent"] is None
    assert shown["viewers"] == 4
    check_fields(SendStatsSerializer(), shown)


def check_fields(serializer: Serializer, shown: dict) -> None:
    assert shown.keys() == serializer.fields.keys()
    for name, field in serializer.fields.items():
        if isinstance(field, Serializer):
            assert shown[name].keys() == field.fields.keys()
    assert type(serializer)(data=shown).is_valid()


@pytest.mark.usefixtures("watched")
def test_it_tells_the_renditions_of_a_live_stream(reader: Caller) -> None:
    shown = reader.get("broadcasts/cam/stream-info").json()

    assert shown == [
        {
            "videoHeight": 360,
            "videoWidth": 640,
            "videoBitrate": 1_200_000,
            "audioBitrate": 80_000,
            "videoCodec": "VP8",
        }
    ]
    assert BasicStreamInfoSerializer(data=shown[0]).is_valid()


@pytest.mark.parametrize("stream_id", ["registered", "unknown", "a%20b"])
def test_a_stream_that_is_not_live_has_no_renditions(
    reader: Caller, application: Application, stream_id: str
) -> None:
    Broadcast.objects.create(application=application, stream_id="registered")

    response = reader.get(f"broadcasts/{stream_id}/stream-info")

    assert (response.status_code, response.json()) == (200, [])


def test_the_examples_are_what_is_answered() -> None:
    check_fields(ClientStatsSerializer(), examples.CLIENT)
    check_fields(BasicStreamInfoSerializer(), examples.STREAM_INFO)
    check_fields(WatchersSerializer(), measures.WATCHERS)
    check_fields(ReceiveStatsSerializer(), examples.RECEIVED)
    check_fields(SendStatsSerializer(), examples.SENT)
