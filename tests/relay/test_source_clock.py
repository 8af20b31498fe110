"""Audio and video stay in step when the publisher is another one."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from relay.negotiation import IncomingTrack
from relay.packet import RtpPacket
from relay.rtcp import SenderReport, parse_compound
from relay.seqno import timestamp_diff
from relay.source_clock import NTP_MASK, NTP_UNIT, SourceClock, ticks_between
from relay.stream import Stream
from tests.relay.raw_peer import DELTA_FRAME, KEY_FRAME
from tests.relay.test_track import AUDIO, VIDEO, RecordingFanOut

STEP_S = 0.02
KINDS = {"audio": AUDIO, "video": VIDEO}


@dataclass
class Machine:
    """A publisher: times of capture to timestamps and NTP, all offsets its own."""

    rng: random.Random

    def __post_init__(self) -> None:
        self.ntp_offset_s = self.rng.uniform(-1e6, 1e6) + 3.9e9
        self.first = {kind: self.rng.randrange(1 << 32) for kind in KINDS}
        self.seq = {kind: self.rng.randrange(1 << 16) for kind in KINDS}
        self.path_s = self.rng.uniform(0.01, 0.15)

    def timestamp(self, kind: str, time: float) -> int:
        ticks = round(time * KINDS[kind].codec.clock_rate)
        return (self.first[kind] + ticks) & 0xFFFFFFFF

    def ntp(self, time: float) -> int:
        return int((time + self.ntp_offset_s) * NTP_UNIT)


class Watching:
    """A stream as its viewers hear it."""

    def __init__(self) -> None:
        self.stream = Stream("A/x", (AUDIO, VIDEO))
        self.pairs: dict[str, tuple[float, int]] = {}  # NTP in seconds, timestamp
        for track in self.stream.tracks.values():
            track.fan_out = RecordingFanOut()  # type: ignore[assignment]

    def send(self, machine: Machine, kind: str, captured: float, arrived: float) -> int:
        """A packet; its timestamp as viewers see it."""
        agreed: IncomingTrack = KINDS[kind]
        track = self.stream.tracks[kind]
        machine.seq[kind] = (machine.seq[kind] + 1) & 0xFFFF
        payload = KEY_FRAME if machine.seq[kind] % 10 == 0 else DELTA_FRAME
        packet = RtpPacket(
            agreed.codec.payload_type,
            True,
            machine.seq[kind],
            machine.timestamp(kind, captured),
            5,
            {},
            KEY_FRAME if kind == "video" and track._await_key_frame else payload,
        )
        assert track.forward(packet, agreed, arrived)
        track.flush(arrived)
        return track.last_timestamp

    def report(
        self, machine: Machine, kind: str, captured: float, arrived: float
    ) -> None:
        timestamp = machine.timestamp(kind, captured)
        track = self.stream.tracks[kind]
        report = SenderReport(5, machine.ntp(captured), timestamp, 1, 1)
        track.remember_report(report, arrived)
        data = track.sender_report(arrived)
        assert data is not None
        (sent,) = parse_compound(data)
        assert isinstance(sent, SenderReport)
        self.pairs[kind] = (sent.ntp / NTP_UNIT, sent.rtp_timestamp)

    def captured(self, kind: str, timestamp: int) -> float:
        """When a viewer takes it to have been captured, by the reports it has."""
        ntp_s, known = self.pairs[kind]
        clock_rate = KINDS[kind].codec.clock_rate
        return ntp_s + timestamp_diff(timestamp, known) / clock_rate

    def out_of_step_s(
        self, audio: tuple[int, float], video: tuple[int, float]
    ) -> float:
        """By how much viewers show sound and picture out of step."""
        seen = self.captured("audio", audio[0]) - self.captured("video", video[0])
        return abs(seen - (audio[1] - video[1]))


@pytest.mark.parametrize("seed", range(40))
def test_audio_and_video_are_in_step_at_once_after_a_return(seed: int) -> None:
    rng = random.Random(seed)
    old, new = Machine(rng), Machine(rng)
    watching = Watching()
    now = 100.0
    for step in range(300):
        now += STEP_S
        for kind in KINDS:
            jitter_s = rng.uniform(0, 0.06)
            watching.send(old, kind, now, now + old.path_s + jitter_s)
        if step % 50 == 10:
            for kind in KINDS:
                late = old.path_s + rng.uniform(0, 0.01)
                watching.report(old, kind, now, now + late)
    now += rng.uniform(0.3, 8.0)
    for track in watching.stream.tracks.values():
        track.change_source(now)
    begins = {kind: now + rng.uniform(0.1, 0.5) for kind in KINDS}
    last = {}
    for kind, captured in begins.items():
        arrived = captured + new.path_s + rng.uniform(0, 0.01)
        last[kind] = (watching.send(new, kind, captured, arrived), captured)
    assert watching.out_of_step_s(last["audio"], last["video"]) < 0.02
    first, second = rng.sample(sorted(KINDS), 2)
    now += 1
    watching.report(new, first, now, now + new.path_s)
    # One track's report is the new machine's, the other's still the old one's.
    assert watching.out_of_step_s(last["audio"], last["video"]) < 0.05
    watching.report(new, second, now + 0.3, now + 0.3 + new.path_s)
    assert watching.out_of_step_s(last["audio"], last["video"]) < 0.001


@pytest.mark.parametrize("bad_ntp", [0, NTP_MASK, 1 << 63])
def test_reports_that_make_no_sense_do_not_move_the_timestamps(bad_ntp: int) -> None:
    rng = random.Random(1)
    old, new, watching = Machine(rng), Machine(rng), Watching()
    before = watching.send(old, "audio", 100.0, 100.0)
    track = watching.stream.tracks["audio"]
    track.remember_report(SenderReport(5, bad_ntp, 12345, 1, 1), 100.1)
    track.remember_report(SenderReport(5, 99, old.timestamp("audio", 0), 1, 1), 100.2)
    track.change_source(100.5)
    after = watching.send(new, "audio", 101.0, 101.0)
    assert timestamp_diff(after, before) == 48000


# -- the clock ----------------------------------------------------------------


def test_the_first_publishers_time_is_the_streams() -> None:
    clock = SourceClock()
    assert clock.time(5.0) is None
    assert clock.stream_time(7 << 32, 5.0) == 7 << 32
    assert clock.time(6.5) == (8 << 32) + (1 << 31)


def test_the_time_goes_on_with_another_publisher() -> None:
    clock = SourceClock()
    clock.stream_time(1000 << 32, 5.0)
    clock.change_source()
    assert clock.stream_time(3 << 32, 7.0) == 1002 << 32
    assert clock.stream_time(4 << 32, 8.5) == 1003 << 32


def test_the_report_that_came_soonest_says_most() -> None:
    clock = SourceClock()
    clock.stream_time(10 << 32, 5.0)
    clock.stream_time(12 << 32, 6.5)
    assert clock.time(6.5) == 12 << 32
    clock.stream_time(14 << 32, 9.5)
    time = clock.time(10.0)
    assert time is not None
    assert 15.4 < time / NTP_UNIT < 15.5


def test_a_change_before_any_report_changes_nothing() -> None:
    clock = SourceClock()
    clock.change_source()
    assert clock.stream_time(9 << 32, 1.0) == 9 << 32


def test_ticks_count_both_ways_and_over_the_wrap() -> None:
    assert ticks_between(3 << 32, 1 << 32, 48000) == 96000
    assert ticks_between(1 << 32, 3 << 32, 48000) == -96000
    assert ticks_between(1 << 32, NTP_MASK - (1 << 32) + 1, 90000) == 180000
