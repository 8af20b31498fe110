"""What is kept of relays' reports, and for how long."""

from __future__ import annotations

import threading

import pytest

from relay.control import KindReport
from streams import measured as module
from streams.measured import FORGET_AFTER_S, SILENT_AFTER_S, Measured
from streams.relay_overload import RelayLimits
from tests.streams.reports import report, stream, viewer

LIMITS = RelayLimits(cpu_percent=90.0, lag_ms=100.0, peers=1000)


class Seconds:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def store(seconds: Seconds) -> Measured:
    return Measured(lambda: LIMITS, seconds, lambda: int(seconds() * 1000))


def test_the_newest_report_of_a_viewer_is_known(
    store: Measured, seconds: Seconds
) -> None:
    store.record_viewers("relay-1", [viewer("a", rtt_ms=20), viewer("b")])
    seconds.pass_by(5)
    store.record_viewers("relay-1", [viewer("a", rtt_ms=30)])
    found = store.viewers(["a", "b", "c"])
    assert found.keys() == {"a", "b"}
    assert (found["a"].report.rtt_ms, found["a"].at_ms) == (30, 1_005_000)


def test_rates_are_those_between_two_reports(store: Measured, seconds: Seconds) -> None:
    store.record_viewers("relay-1", [viewer("a", video_packets=100, audio_bytes=50)])
    assert store.viewers("a")["a"].rates.video_packets is None
    seconds.pass_by(5)
    store.record_viewers("relay-1", [viewer("a", video_packets=600, audio_bytes=550)])
    rates = store.viewers("a")["a"].rates
    assert (rates.video_packets, rates.audio_bytes) == (100.0, 100.0)


def test_two_reports_in_one_go_leave_the_rates(
    store: Measured, seconds: Seconds
) -> None:
    for packets in (0, 500):
        store.record_viewers("relay-1", [viewer("a", video_packets=packets)])
        seconds.pass_by(5)
    store.record_viewers("relay-1", [viewer("a", video_packets=1000)])
    store.record_viewers("relay-1", [viewer("a", video_packets=1001)])
    assert store.viewers("a")["a"].rates.video_packets == 100.0


def test_a_viewer_that_is_not_reported_any_more_is_forgotten(
    store: Measured, seconds: Seconds
) -> None:
    store.record_viewers("relay-1", [viewer("gone"), viewer("here")])
    seconds.pass_by(FORGET_AFTER_S / 2)
    store.record_viewers("relay-1", [viewer("here")])
    seconds.pass_by(FORGET_AFTER_S / 2 + 1)
    assert store.viewers(["gone", "here"]).keys() == {"here"}
    store.record("relay-1", report())
    store.record("relay-1", report())
    assert store.relays()["relay-1"].viewers == 1


def test_viewers_are_counted_once_when_reports_had_to_wait(
    store: Measured, seconds: Seconds
) -> None:
    """As when the database does not answer: what waited comes in one go."""
    store.record("relay-1", report())
    store.record_viewers("relay-1", [viewer("a", nacks=3), viewer("b", nacks=4)])
    seconds.pass_by(2 * FORGET_AFTER_S)
    store.record_viewers("relay-1", [viewer("a", nacks=5)])
    store.record("relay-1", report())
    store.record_viewers("relay-1", [viewer("b", nacks=6)])
    store.record("relay-1", report())
    assert store.relays()["relay-1"].totals.viewers.nacks == 11


def test_streams_are_those_of_the_last_report(store: Measured) -> None:
    cam, other = stream("p1"), stream("p2", "Other/cam")
    store.record("relay-1", report(cam, other))
    assert [m.report for m in store.streams("LiveApp")] == [cam]
    assert store.streams("Live") == []
    assert store.stream("Other/cam") is not None
    store.record("relay-1", report(cam))
    assert store.stream("Other/cam") is None


def test_a_streams_rates_begin_anew_with_another_publisher(
    store: Measured, seconds: Seconds
) -> None:
    store.record("relay-1", report(stream("p1", video=KindReport(frames=100))))
    seconds.pass_by(2)
    store.record("relay-1", report(stream("p1", video=KindReport(frames=160))))
    measure = store.stream("LiveApp/cam")
    assert measure is not None
    assert measure.rates.video_frames == 30.0
    seconds.pass_by(2)
    store.record("relay-1", report(stream("p2", video=KindReport(frames=5))))
    measure = store.stream("LiveApp/cam")
    assert measure is not None
    assert measure.rates.video_frames is None


def test_a_relays_bitrates_are_those_of_its_streams_and_viewers(
    store: Measured,
) -> None:
    one = stream("p1", video_bitrate=1000, audio_bitrate=50)
    other = stream("p2", "LiveApp/other", video_bitrate=300)
    store.record("relay-1", report(one, other))
    store.record_viewers(
        "relay-1",
        [viewer("a", video_bitrate=900, audio_bitrate=50), viewer("b")],
    )
    relay = store.relays()["relay-1"]
    assert (relay.incoming, relay.outgoing, relay.viewers) == (1350, 950, 2)


def test_totals_go_on_when_sessions_end(store: Measured) -> None:
    store.record_viewers(
        "relay-1",
        [viewer("a", nacks=3, retransmitted_packets=5)],
    )
    store.record_viewers(
        "relay-1",
        [viewer("a", nacks=4, retransmitted_packets=5)],
    )
    store.record_viewers("relay-1", [viewer("b", nacks=1, packets_lost=7)])
    store.record("relay-1", report(stream("p1", video=KindReport(nacks=10))))
    store.record(
        "relay-1",
        report(stream("p1", video=KindReport(nacks=11), audio=KindReport(nacks=2))),
    )
    store.record("relay-1", report(stream("p2", video=KindReport(nacks=1))))
    totals = store.relays()["relay-1"].totals
    assert (totals.viewers.nacks, totals.viewers.repaired_packets) == (5, 5)
    assert totals.viewers.lost_packets == 7
    assert totals.publishers.nacks == 14


def test_losses_that_are_taken_back_take_nothing_from_the_totals(
    store: Measured,
) -> None:
    for lost in (5, 2, 3):
        store.record_viewers("relay-1", [viewer("a", packets_lost=lost)])
    store.record("relay-1", report())
    assert store.relays()["relay-1"].totals.viewers.lost_packets == 6


def test_nothing_is_left_of_a_relay_that_is_forgotten(store: Measured) -> None:
    store.record("relay-1", report(stream("p1")))
    store.record_viewers("relay-1", [viewer("a")])
    store.forget("relay-1")
    store.forget("relay-1")
    assert store.relays() == {}
    assert store.viewers(["a"]) == {}
    assert store.stream("LiveApp/cam") is None


def test_a_relay_at_its_limit_is_busy(store: Measured) -> None:
    store.record("relay-1", report(peers=1000))
    store.record("relay-2", report(peers=999))
    assert store.busy_relays() == {"relay-1"}
    assert store.relays()["relay-1"].busy
    assert not store.relays()["relay-2"].busy


def test_a_relay_that_falls_silent_is_busy(store: Measured, seconds: Seconds) -> None:
    store.record("relay-1", report())
    assert store.busy_relays() == frozenset()
    seconds.pass_by(SILENT_AFTER_S + 1)
    assert store.busy_relays() == {"relay-1"}
    store.record("relay-1", report())
    assert store.busy_relays() == frozenset()


def test_a_new_life_of_a_relay_begins_at_ease(store: Measured) -> None:
    store.record("relay-1", report(peers=1000))
    store.forget("relay-1")
    store.record("relay-1", report())
    assert store.busy_relays() == frozenset()


def test_what_is_kept_has_bounds(
    store: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VIEWERS", 2)
    monkeypatch.setattr(module, "MAX_RELAYS", 1)
    store.record_viewers("relay-1", [viewer("a"), viewer("b"), viewer("c")])
    store.record_viewers("relay-1", [viewer("a", rtt_ms=9)])
    store.record("relay-2", report())
    store.record_viewers("relay-2", [viewer("d")])
    assert store.viewers("abcd").keys() == {"a", "b"}
    assert store.viewers("a")["a"].report.rtt_ms == 9
    assert "relay-2" not in store.relays()


def test_distributions_are_of_what_is_known(store: Measured) -> None:
    store.record_viewers(
        "relay-1",
        [
            viewer("a", rtt_ms=40, fraction_lost=0.03, join_ms=120),
            viewer("b"),  # nothing heard of it yet
        ],
    )
    store.record_viewers("relay-1", [viewer("a", rtt_ms=60, join_ms=120)])
    found = store.distributions()
    assert found.round_trip_s.buckets[-1][1] == 2
    assert dict(found.round_trip_s.buckets)[0.05] == 1
    assert dict(found.loss_ratio.buckets)[0.0] == 1
    assert found.join_s.buckets[-1][1] == 1
    assert found.join_s.total == 0.12


def test_threads_may_use_it_at_once(store: Measured) -> None:
    failures: list[Exception] = []

    def read() -> None:
        try:
            for _ in range(300):
                store.viewers(str(n) for n in range(20))
                store.relays()
                store.streams("LiveApp")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        store.record_viewers("relay-1", [viewer(str(number % 20))])
        store.record("relay-1", report(stream(str(number))))
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.viewers(["0"])["0"].rates.video_packets is None
