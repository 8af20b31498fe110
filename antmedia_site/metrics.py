"""The metrics of one moment. Pure: what was looked up in, families out.

Labels have few values: applications, relays by their number, roles, states and
reasons. Never a stream's id or an address. Times are in seconds, shares from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from antmedia_site.relay_metrics import relay_families
from antmedia_site.row_counts import RowCounts
from streams.histogram import Counted
from streams.measures import Distributions, RelayMeasure
from streams.refusal_counts import Key


@dataclass(frozen=True, slots=True)
class Moment:
    """What the metrics are made of. `rows` is None while the database is away."""

    rows: RowCounts | None
    sockets: int
    stopping: bool
    cpu_percent: float
    free_ram_mb: float  # infinite until it was sampled
    relays: Sequence[str]  # that there should be
    relays_up: Sequence[str]
    measures: Mapping[str, RelayMeasure]
    distributions: Distributions
    refusals: Mapping[Key, int]


class Families(Collector):
    """What a registry wants, around families that are there already."""

    def __init__(self, found: Sequence[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from self._found


def families(moment: Moment) -> list[Metric]:
    return [
        *_process_families(moment),
        *_row_families(moment.rows),
        _refusals(moment.refusals),
        *relay_families(moment.relays, moment.relays_up, moment.measures),
        *_viewer_families(moment.distributions),
    ]


def _process_families(moment: Moment) -> list[Metric]:
    found: list[Metric] = [
        _gauge(
            "database_up", "Whether the database answered.", moment.rows is not None
        ),
        _gauge("sockets", "WebSockets of clients that are open.", moment.sockets),
        _gauge("stopping", "Whether this process is about to end.", moment.stopping),
        _gauge(
            "host_cpu_ratio",
            "CPU in use of what this process may use: the machine's, or its quota.",
            moment.cpu_percent / 100,
        ),
    ]
    if math.isfinite(moment.free_ram_mb):
        found.append(
            _gauge(
                "host_free_memory_bytes",
                "Memory to be had: the machine's, or what its bound leaves.",
                moment.free_ram_mb * 2**20,
            )
        )
    return found


def _row_families(rows: RowCounts | None) -> list[Metric]:
    sessions = GaugeMetricFamily(
        "antmedia_sessions",
        "Publishers, viewers, peers and participants of this process, by state.",
        labels=("application", "role", "state"),
    )
    deliveries = GaugeMetricFamily(
        "antmedia_webhook_deliveries",
        "Webhook deliveries that are kept, of all processes, by state.",
        labels=("state",),
    )
    if rows is not None:
        for *labels, count in rows.sessions:
            sessions.add_metric(labels, count)
        for state, count in rows.deliveries:
            deliveries.add_metric((state,), count)
    return [sessions, deliveries]


def _refusals(counts: Mapping[Key, int]) -> Metric:
    refusals = CounterMetricFamily(
        "antmedia_refusals",
        "Commands to publish, play or join that were refused.",
        labels=("application", "role", "reason"),
    )
    for labels, count in sorted(counts.items()):
        refusals.add_metric(labels, count)
    return refusals


def _viewer_families(distributions: Distributions) -> list[Metric]:
    return [
        _histogram(
            "viewer_round_trip_seconds",
            "Round-trip times of viewers, each every few seconds.",
            distributions.round_trip_s,
        ),
        _histogram(
            "viewer_loss_ratio",
            "Packets that viewers lost of those sent, each every few seconds.",
            distributions.loss_ratio,
        ),
        _histogram(
            "viewer_join_seconds",
            "From a viewer's command to its connection.",
            distributions.join_s,
        ),
    ]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"antmedia_{name}", text, value=float(value))


def _histogram(name: str, text: str, counted: Counted) -> Metric:
    buckets = [
        ("+Inf" if math.isinf(bound) else repr(bound), float(count))
        for bound, count in counted.buckets
    ]
    return HistogramMetricFamily(
        f"antmedia_{name}", text, buckets=buckets, sum_value=counted.total
    )
