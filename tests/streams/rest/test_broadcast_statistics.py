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
from tests.streams.measures import Measures
from tests.streams.rest.conftest import Caller

NOBODY = {
    "totalRTMPWatchersCount": 0,
    "totalHLSWatchersCount": 0,
    "totalWebRTCWatchersCount": 0,
    "totalDASHWatchersCount": 0,
}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measures:
    measured = Measures()
    monkeypatch.setattr("streams.services.statistics.measured", measured.store)
    return measured


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
    with at_most(4):  # the application, the key and its use, viewers
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
        assert viewer["sendBitrate"] is viewer["measuredBitrate"] is None
        assert viewer["videoPacketCount"] is None
        check_fields(ClientStatsSerializer(), viewer)


def test_it_tells_what_was_measured_of_a_viewer(
    reader: Caller, watched: list[str], measured: Measures
) -> None:
    first, second, _ = watched
    measured.streams({"LiveApp/cam": 25})
    measured.viewer(first, height=720)
    measured.viewer(second, height=360)

    one, other, third = reader.get("broadcasts/cam/webrtc-client-stats/0/10").json()

    at_ms = measured.clock.now_ms()
    assert one | {"clientId": 0, "clientInfo": "", "clientIp": ""} == {
        "clientId": 0,
        "clientInfo": "",
        "clientIp": "",
        "sendBitrate": 1_440_000,
        "measuredBitrate": 2_000_000,
        "videoFrameSendPeriod": 40.0,
        "audioFrameSendPeriod": 20.0,
        "videoPacketCount": 1500,
        "audioPacketCount": 500,
        "videoSentStats": {
            "videoFirCount": None,
            "videoPliCount": 3,
            "videoNackCount": 4,
            "videoPacketsSent": 1500,
            "videoFramesEncoded": None,
            "videoBytesSent": 1_500_000,
            "videoPacketsSentPerSecond": 150,
            "videoBytesSentPerSecond": 175_000,
            "videoFramesEncodedPerSecond": None,
            "timeMs": at_ms,
        },
        "audioSentStats": {
            "audioPacketsSent": 500,
            "audioBytesSent": 50_000,
            "audioPacketsPerSecond": 50,
            "audioBytesSentPerSecond": 5000,
            "timeMs": at_ms,
        },
        "videoHeight": 720,
        "packetsLost": 7,
        "fractionLost": 0.02,
        "jitterMs": 5,
        "rttMs": 60,
        "droppedPackets": 1,
        "retransmittedPackets": 6,
        "nackCount": 4,
        "keyFrameRequests": 3,
        "joinTimeMs": 120,
    }
    assert other["videoFrameSendPeriod"] is None  # another rendition
    assert other["audioFrameSendPeriod"] == 20.0
    assert third["videoSentStats"] is None
    check_fields(ClientStatsSerializer(), one)


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
    reader: Caller, application: Application, measured: Measures
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="ended", packets_lost=100, video_bitrate=9999
    )
    measured.streams({"LiveApp/cam": 25, "LiveApp/other": 15, "Other/cam": 5})

    shown = reader.get("broadcasts/webrtc-receive-low-level-stats").json()

    assert shown["audioReceiveStats"] == {
        "audioPacketsReceived": 2 * 500,
        "audioBytesReceived": 2 * 50_000,
        "audioPacketsLost": 2,
        "audioJitter": 4,
        "audioFractionLost": 0.01,
        "audioPacketsReceivedPerSecond": 2 * 50,
        "audioBytesReceivedPerSecond": 2 * 5000,
    }
    assert shown["videoReceiveStats"] == {
        "videoFirCount": 0,
        "videoPliCount": 2 * 2,
        "videoNackCount": 2 * 9,
        "videoPacketsReceived": 2 * 1500,
        "videoPacketsLost": 2 * 3,
        "videoFractionLost": 0.02,
        "videoFrameReceived": 25 * 10 + 15 * 10,
        "videoBytesReceived": 2 * 1_500_000,
        "videoPacketsReceivedPerSecond": 2 * 150,
        "videoBytesReceivedPerSecond": 2 * 150_000,
        "videoFrameReceivedPerSecond": 40,
    }
    assert shown["packetsLost"] == 7
    assert shown["bytesReceived"] == 1000
    assert shown["highestJitterMs"] == 7
    check_fields(ReceiveStatsSerializer(), shown)


def test_it_adds_up_what_viewers_are_sent(
    reader: Caller, watched: list[str], measured: Measures
) -> None:
    for session in watched[:2]:
        measured.viewer(session, height=720)
    measured.viewer("of another application", height=720)

    shown = reader.get("broadcasts/webrtc-send-low-level-stats").json()

    assert shown["videoSendStats"] == {
        "videoFirCount": None,
        "videoPliCount": 2 * 3,
        "videoNackCount": 2 * 4,
        "videoPacketsSent": 2 * 1500,
        "videoFramesEncoded": None,
        "videoBytesSent": 2 * 1_500_000,
        "videoPacketsSentPerSecond": 2 * 150,
        "videoBytesSentPerSecond": 2 * 175_000,
        "videoFramesEncodedPerSecond": None,
    }
    assert shown["audioSendStats"] == {
        "audioPacketsSent": 2 * 500,
        "audioBytesSent": 2 * 50_000,
        "audioPacketsPerSecond": 2 * 50,
        "audioBytesSentPerSecond": 2 * 5000,
    }
    assert (shown["viewers"], shown["measuredViewers"]) == (4, 2)
    check_fields(SendStatsSerializer(), shown)


@pytest.mark.usefixtures("watched", "measured")
def test_what_no_relay_has_measured_is_not_known(reader: Caller) -> None:
    sent = reader.get("broadcasts/webrtc-send-low-level-stats").json()
    received = reader.get("broadcasts/webrtc-receive-low-level-stats").json()

    for stats in (sent["videoSendStats"], sent["audioSendStats"]):
        assert set(stats.values()) == {None}
    for kind in ("video", "audio"):
        assert set(received[f"{kind}ReceiveStats"].values()) == {None}
    check_fields(SendStatsSerializer(), sent)
    check_fields(ReceiveStatsSerializer(), received)


def check_fields(serializer: Serializer, shown: dict) -> None:
    assert shown.keys() == serializer.fields.keys()
    for name, field in serializer.fields.items():
        if isinstance(field, Serializer) and shown[name] is not None:
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
