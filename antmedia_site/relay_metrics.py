"""What relays measure, as metrics: a line for each relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from streams.measures import RelayMeasure
from streams.models import SessionRole

_GAUGES: dict[str, tuple[str, Callable[[RelayMeasure], float]]] = {
    "cpu_ratio": (
        "CPU of the relay's process, of the one core it can use.",
        lambda relay: relay.report.cpu_percent / 100,
    ),
    "loop_lag_seconds": (
        "How late its event loop was at worst between its last two reports.",
        lambda relay: relay.report.lag_ms / 1000,
    ),
    "resident_memory_bytes": (
        "Memory of the relay's process in RAM.",
        lambda relay: relay.report.rss_bytes,
    ),
    "peers": ("Peer connections.", lambda relay: relay.report.peers),
    "streams": ("Live streams.", lambda relay: len(relay.report.streams)),
    "viewers": ("Viewers that were measured lately.", lambda relay: relay.viewers),
    "refusing_newcomers": (
        "Whether it has enough to do, so that newcomers are refused.",
        lambda relay: relay.busy,
    ),
    "report_age_seconds": ("Since its last report.", lambda relay: relay.age_s),
}
_COUNTERS: dict[str, tuple[str, Callable[[RelayMeasure], float]]] = {
    "dropped_packets": (
        "Not sent to viewers, for the kernel had no room.",
        lambda relay: relay.report.dropped_packets,
    ),
    "malformed_packets": (
        "That nobody can read.",
        lambda relay: relay.report.malformed_packets,
    ),
}
# By role: of publishers, and of viewers.
_Reader = Callable[[RelayMeasure], float]
_SIDES: dict[str, tuple[str, _Reader, _Reader]] = {
    "media_packets": (
        "RTP packets from publishers and to viewers; repairs to viewers not counted.",
        lambda relay: relay.report.received_packets,
        lambda relay: relay.report.sent_packets,
    ),
    "media_bytes": (
        "RTP from publishers and to viewers; repairs to viewers not counted.",
        lambda relay: relay.report.received_bytes,
        lambda relay: relay.report.sent_bytes,
    ),
    "lost_packets": (
        "From publishers for good; to viewers by what they report.",
        lambda relay: relay.totals.publishers.lost_packets,
        lambda relay: relay.totals.viewers.lost_packets,
    ),
    "repaired_packets": (
        "That publishers, or we to viewers, have sent again.",
        lambda relay: relay.totals.publishers.repaired_packets,
        lambda relay: relay.totals.viewers.repaired_packets,
    ),
    "nacks": (
        "NACK packets, to publishers and from viewers.",
        lambda relay: relay.totals.publishers.nacks,
        lambda relay: relay.totals.viewers.nacks,
    ),
    "key_frame_requests": (
        "To publishers and from viewers.",
        lambda relay: relay.totals.publishers.key_frame_requests,
        lambda relay: relay.totals.viewers.key_frame_requests,
    ),
}


def relay_families(
    names: Sequence[str], up: Sequence[str], measures: Mapping[str, RelayMeasure]
) -> list[Metric]:
    """`names`: of the relays that there should be."""
    is_up = GaugeMetricFamily(
        "antmedia_relay_up", "Whether the relay is up.", labels=("relay",)
    )
    for name in names:
        is_up.add_metric((label_of(name),), float(name in up))
    return [
        is_up,
        *_plain(GaugeMetricFamily, _GAUGES, measures),
        *_plain(CounterMetricFamily, _COUNTERS, measures),
        *_by_role(measures),
    ]


def label_of(name: str) -> str:
    """Its number alone: the rest of a relay's name is another at each start."""
    return name.partition("@")[0]


def _plain(
    family: type[GaugeMetricFamily] | type[CounterMetricFamily],
    table: Mapping[str, tuple[str, Callable[[RelayMeasure], float]]],
    measures: Mapping[str, RelayMeasure],
) -> list[Metric]:
    found: list[Metric] = []
    for name, (text, read) in table.items():
        metric = family(f"antmedia_relay_{name}", text, labels=("relay",))
        for relay, measure in measures.items():
            metric.add_metric((label_of(relay),), float(read(measure)))
        found.append(metric)
    return found


def _by_role(measures: Mapping[str, RelayMeasure]) -> list[Metric]:
    found: list[Metric] = []
    for name, (text, published, played) in _SIDES.items():
        metric = CounterMetricFamily(
            f"antmedia_relay_{name}", text, labels=("relay", "role")
        )
        for relay, measure in measures.items():
            label = label_of(relay)
            publish, play = SessionRole.PUBLISH.value, SessionRole.PLAY.value
            metric.add_metric((label, publish), float(published(measure)))
            metric.add_metric((label, play), float(played(measure)))
        found.append(metric)
    return found
