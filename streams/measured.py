"""The newest measurements of this process's relays, in memory (decision 15).

The supervisor puts in what relays report; REST, the admin, the metrics and the
shedding of load read. Nothing here waits for the database, and nothing is left of a
session or relay that is not reported any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from django.conf import settings

from relay.control import Report, ViewerReport
from streams.clock import now_ms
from streams.histogram import Histogram
from streams.measures import (
    Distributions,
    RelayMeasure,
    RelayTotals,
    SideTotals,
    StreamMeasure,
    ViewerMeasure,
)
from streams.rates import add_publisher, add_viewer, stream_rates, viewer_rates
from streams.relay_overload import Overload, RelayLimits

FORGET_AFTER_S = 15.0  # a viewer is told of about every five seconds
SILENT_AFTER_S = 10.0  # a relay that reports every few seconds is in trouble
MAX_RELAYS = 64
MAX_VIEWERS = 8000  # of a relay, which has no room for as many
ROUND_TRIP_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
LOSS_RATIO = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
JOIN_S = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def limits_of_settings() -> RelayLimits:
    return RelayLimits(
        cpu_percent=settings.RELAY_CPU_LIMIT,
        lag_ms=settings.RELAY_LAG_LIMIT_MS,
        peers=settings.RELAY_MAX_PEERS,
    )


@dataclass(slots=True)
class _Relay:
    """What is known of one life of a relay."""

    newest: RelayMeasure | None = None
    heard_at_s: float = 0.0
    overload: Overload = field(default_factory=Overload)
    streams: dict[str, StreamMeasure] = field(default_factory=dict)  # by its key
    viewers: dict[str, ViewerMeasure] = field(default_factory=dict)  # oldest first
    publishers: SideTotals = field(default_factory=SideTotals)  # these two: ever
    watchers: SideTotals = field(default_factory=SideTotals)


class Measured:
    """Safe to use from any thread. What it hands out does not change."""

    def __init__(
        self,
        limits: Callable[[], RelayLimits] = limits_of_settings,
        clock: Callable[[], float] = time.monotonic,
        wall_clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """`clock`: seconds that never go back."""
        self._limits = limits
        self._clock = clock
        self._wall_clock_ms = wall_clock_ms
        self._lock = threading.Lock()
        self._relays: dict[str, _Relay] = {}
        self._round_trip_s = Histogram(ROUND_TRIP_S)
        self._loss_ratio = Histogram(LOSS_RATIO)
        self._join_s = Histogram(JOIN_S)

    # -- what relays say ------------------------------------------------------

    def record(self, name: str, report: Report) -> None:
        """The relay lives and has these streams and no others."""
        with self._lock:
            relay = self._relay(name)
            if relay is None:
                return
            now_s = self._clock()
            _take_streams(relay, report, now_s, self._wall_clock_ms())
            relay.overload.add(
                self._limits(),
                cpu_percent=report.cpu_percent,
                lag_ms=report.lag_ms,
                peers=report.peers,
            )
            relay.newest = _measure(report)
            # Counted from the report before: after a pause of ours the viewers that
            # are there still are not forgotten, or they would be counted twice.
            _forget_silent(relay.viewers, relay.heard_at_s - FORGET_AFTER_S)
            relay.heard_at_s = now_s

    def record_viewers(self, name: str, reports: Iterable[ViewerReport]) -> None:
        with self._lock:
            relay = self._relay(name)
            if relay is None:
                return
            now_s, at_ms = self._clock(), self._wall_clock_ms()
            for report in reports:
                before = relay.viewers.pop(report.session, None)
                if before is None and len(relay.viewers) >= MAX_VIEWERS:
                    continue
                rates = viewer_rates(before, report, now_s)
                earlier = before.report if before else None
                relay.watchers = add_viewer(relay.watchers, earlier, report)
                relay.viewers[report.session] = ViewerMeasure(
                    report, at_ms, now_s, rates
                )
                self._observe(report, is_first=before is None)

    def forget(self, name: str) -> None:
        """The relay is gone, or begins another life."""
        with self._lock:
            self._relays.pop(name, None)

    # -- what is asked --------------------------------------------------------

    def viewers(self, sessions: Iterable[str]) -> dict[str, ViewerMeasure]:
        """Of those that were measured lately."""
        with self._lock:
            since_s = self._clock() - FORGET_AFTER_S
            found = {}
            for session in sessions:
                for relay in self._relays.values():
                    measure = relay.viewers.get(session)
                    if measure is not None and measure.at_s >= since_s:
                        found[session] = measure
            return found

    def streams(self, application: str) -> list[StreamMeasure]:
        """Of an application's live streams."""
        with self._lock:
            return [
                measure
                for relay in self._relays.values()
                for key, measure in relay.streams.items()
                if key.partition("/")[0] == application
            ]

    def stream(self, key: str) -> StreamMeasure | None:
        """`key`: "<application>/<stream id>"."""
        with self._lock:
            for relay in self._relays.values():
                if key in relay.streams:
                    return relay.streams[key]
        return None

    def relays(self) -> dict[str, RelayMeasure]:
        """By name; those that have not reported yet are left out."""
        with self._lock:
            now_s = self._clock()
            return {
                name: replace(
                    relay.newest,
                    age_s=now_s - relay.heard_at_s,
                    busy=_is_busy(relay, now_s),
                    outgoing=_outgoing(relay),
                    viewers=len(relay.viewers),
                    totals=RelayTotals(relay.publishers, relay.watchers),
                )
                for name, relay in self._relays.items()
                if relay.newest is not None
            }

    def busy_relays(self) -> frozenset[str]:
        """Those that should take no newcomers."""
        with self._lock:
            now_s = self._clock()
            return frozenset(
                name for name, relay in self._relays.items() if _is_busy(relay, now_s)
            )

    def distributions(self) -> Distributions:
        with self._lock:
            return Distributions(
                round_trip_s=self._round_trip_s.counted(),
                loss_ratio=self._loss_ratio.counted(),
                join_s=self._join_s.counted(),
            )

    # -- inside, with the lock ------------------------------------------------

    def _relay(self, name: str) -> _Relay | None:
        if name not in self._relays and len(self._relays) < MAX_RELAYS:
            self._relays[name] = _Relay(heard_at_s=self._clock())
        return self._relays.get(name)

    def _observe(self, report: ViewerReport, *, is_first: bool) -> None:
        """Zeros of times are what is not known."""
        if report.rtt_ms:
            self._round_trip_s.observe(report.rtt_ms / 1000)
            self._loss_ratio.observe(report.fraction_lost)
        if is_first and report.join_ms:
            self._join_s.observe(report.join_ms / 1000)


def _is_busy(relay: _Relay, now_s: float) -> bool:
    return relay.overload.busy or now_s - relay.heard_at_s > SILENT_AFTER_S


def _take_streams(relay: _Relay, report: Report, now_s: float, at_ms: int) -> None:
    before, relay.streams = relay.streams, {}
    for stream in report.streams:
        earlier = before.get(stream.stream)
        if earlier is not None and earlier.report.session != stream.session:
            earlier = None  # its counters are those of another publisher
        last = None if earlier is None else earlier.report
        relay.publishers = add_publisher(relay.publishers, last, stream)
        rates = stream_rates(earlier, stream, now_s)
        relay.streams[stream.stream] = StreamMeasure(stream, at_ms, now_s, rates)


def _measure(report: Report) -> RelayMeasure:
    """What changes until it is asked for is filled in then."""
    incoming = sum(s.video_bitrate + s.audio_bitrate for s in report.streams)
    return RelayMeasure(
        report, age_s=0.0, busy=False, incoming=incoming, outgoing=0, viewers=0
    )


def _outgoing(relay: _Relay) -> int:
    reports = (viewer.report for viewer in relay.viewers.values())
    return sum(report.video_bitrate + report.audio_bitrate for report in reports)


def _forget_silent(viewers: dict[str, ViewerMeasure], since_s: float) -> None:
    """The oldest come first: those that stay are not looked at."""
    while viewers:
        session = next(iter(viewers))
        if viewers[session].at_s >= since_s:
            return
        del viewers[session]


measured = Measured()
