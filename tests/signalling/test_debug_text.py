from __future__ import annotations

from datetime import UTC, datetime, timedelta

from signalling.debug_text import describe_attempts
from signalling.session import Attempt, Phase, Role
from streams.services import SessionTimes, StreamMeasures

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MEASURES = StreamMeasures(
    video_codec="H264",
    audio_codec="opus",
    width=1280,
    height=720,
    video_bitrate=1_500_000,
    audio_bitrate=48_000,
    packets_lost=3,
    jitter_ms=2,
    rtt_ms=20,
    viewers=4,
    participants=0,
)


def attempt_of(role: Role = Role.PUBLISH, **values: str) -> Attempt:
    return Attempt(
        session=f"{role}-session",
        role=role,
        stream_id="cam",
        relay="relay-1@asgi-machine-77",
        start_timeout_ms=5000,
        **values,  # type: ignore[arg-type]  # texts only
    )


def text_of(
    *attempts: Attempt,
    times: dict[str, SessionTimes] | None = None,
    measures: StreamMeasures | None = None,
) -> list[str]:
    text = describe_attempts("LiveApp/cam", attempts, times or {}, measures, NOW)
    return text.split("\n")


def test_it_describes_each_session() -> None:
    publisher, viewer = attempt_of(room="r1"), attempt_of(Role.PLAY)
    publisher.phase = Phase.LIVE
    times = {
        "publish-session": SessionTimes(NOW, NOW - timedelta(seconds=90)),
        "play-session": SessionTimes(NOW - timedelta(seconds=2), None),
    }

    assert text_of(publisher, viewer, times=times) == [
        "LiveApp/cam, 2026-03-01 12:00:00 UTC",
        "publish: live, session publish-session, relay relay-1, room r1, live for 90 s",
        "play: preparing, session play-session, relay relay-1, begun 2 s ago",
    ]


def test_it_says_what_has_lost_its_row() -> None:
    assert text_of(attempt_of())[1].endswith("relay relay-1, not in the database")


def test_it_describes_what_was_measured() -> None:
    assert text_of(attempt_of(), measures=MEASURES)[2:] == [
        "video: H264, 1280x720, 1500000 bit/s",
        "audio: opus, 48000 bit/s",
        "publisher to server: 3 packets lost, jitter 2 ms, round trip 20 ms",
        "viewers: 4, participants: 0",
    ]


def test_it_leaves_out_media_that_there_is_none_of() -> None:
    silent = StreamMeasures("", "", 0, 0, 0, 0, 0, 0, 0, 1, 2)

    assert text_of(attempt_of(), measures=silent)[2:] == [
        "publisher to server: 0 packets lost, jitter 0 ms, round trip 0 ms",
        "viewers: 1, participants: 2",
    ]


def test_it_says_nothing_of_a_stream_without_a_session() -> None:
    assert text_of(measures=MEASURES) == [
        "LiveApp/cam: this socket has no session with it"
    ]
