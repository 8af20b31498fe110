"""A store of measurements, filled for tests as relays would."""

from __future__ import annotations

from relay.control import KindReport, StreamReport
from streams.measured import Measured
from streams.relay_overload import RelayLimits
from tests.streams.reports import report, stream, viewer

RELAY = "relay-1"
LIMITS = RelayLimits(cpu_percent=90.0, lag_ms=100.0, peers=1000)
APART_S = 10.0  # two reports of each


class SteppedClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        return int(self.now_s * 1000)


class Measures:
    """Each viewer and stream is told of twice, APART_S apart."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.store = Measured(lambda: LIMITS, self.clock, self.clock.now_ms)

    def viewer(self, session: str, *, height: int) -> None:
        self.store.record_viewers(RELAY, [viewer(session)])
        self.clock.now_s += APART_S
        measured = viewer(
            session,
            target_bitrate=2_000_000,
            video_bitrate=1_400_000,
            audio_bitrate=40_000,
            height=height,
            video_packets=1500,
            audio_packets=500,
            video_bytes=1_500_000,
            audio_bytes=50_000,
            packets_lost=7,
            fraction_lost=0.02,
            jitter_ms=5,
            rtt_ms=60,
            dropped_packets=1,
            retransmitted_packets=6,
            nacks=4,
            key_frame_requests=3,
            join_ms=120,
        )
        self.store.record_viewers(RELAY, [measured])
        self.clock.now_s -= APART_S / 2  # what came before is not forgotten

    def streams(
        self, frames: dict[str, int], rtt_ms: int = 30, session: str = ""
    ) -> None:
        """`frames`: a second, by the key, which is the session unless one is given."""
        first = (stream(session or key, key) for key in frames)
        self.store.record(RELAY, report(*first))
        self.clock.now_s += APART_S
        second = (
            _stream(session or key, key, count, rtt_ms) for key, count in frames.items()
        )
        self.store.record(RELAY, report(*second))


def _stream(session: str, key: str, frames: int, rtt_ms: int) -> StreamReport:
    return stream(
        session,
        key,
        video_bitrate=1_200_000,
        audio_bitrate=40_000,
        jitter_ms=9,
        rtt_ms=rtt_ms,
        video=KindReport(
            packets=1500,
            bytes=1_500_000,
            packets_lost=3,
            packets_recovered=8,
            fraction_lost=0.02,
            jitter_ms=6,
            nacks=9,
            key_frame_requests=2,
            frames=int(frames * APART_S),
        ),
        audio=KindReport(
            packets=500,
            bytes=50_000,
            packets_lost=1,
            fraction_lost=0.01,
            jitter_ms=4,
        ),
    )
