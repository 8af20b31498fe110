"""The metrics: what is in them, and that they need no database."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from antmedia_site import metrics_page
from antmedia_site.database_probe import DatabaseProbe
from antmedia_site.metrics import Moment, families
from antmedia_site.row_counts import RowCounts, count_rows
from relay.control import KindReport
from signalling.supervisor import NODE_NAME
from streams.measured import Measured
from streams.models import Application, LiveSession
from streams.refusal_counts import MAX_KEYS, OTHERS, RefusalCounts
from streams.relay_overload import RelayLimits
from tests.signalling.conftest import FakeLink
from tests.site.operations import request
from tests.streams.conftest import at_most
from tests.streams.reports import report, stream, viewer

RELAYS = ("relay-1@asgi-host-17", "relay-2@asgi-host-17")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def a_store() -> Measured:
    store = Measured(lambda: RelayLimits(90.0, 100.0, 100))
    busy = report(
        stream(
            "p",
            video=KindReport(nacks=3, packets_lost=2, key_frame_requests=1),
        ),
        peers=100,
        cpu_percent=42.0,
        lag_ms=15.0,
        rss_bytes=50_000_000,
        received_packets=100,
        sent_bytes=1_200_000,
        dropped_packets=4,
        malformed_packets=5,
    )
    store.record(RELAYS[0], busy)
    seen = viewer(
        "a",
        rtt_ms=40,
        fraction_lost=0.03,
        nacks=7,
        join_ms=120,
        packets_lost=9,
    )
    store.record_viewers(RELAYS[0], [seen])
    return store


@pytest.fixture
def moment() -> Moment:
    store = a_store()
    return Moment(
        rows=RowCounts(
            (("LiveApp", "play", "live", 12), ("LiveApp", "publish", "live", 1)),
            (("waiting", 2), ("failed", 1)),
        ),
        sockets=13,
        stopping=False,
        cpu_percent=20.0,
        free_ram_mb=1024.0,
        relays=RELAYS,
        relays_up=RELAYS[:1],
        measures=store.relays(),
        distributions=store.distributions(),
        refusals={("LiveApp", "play", "resources"): 5},
    )


def samples_of(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def samples(moment: Moment) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(moment)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("antmedia_database_up", {}, 1),
        ("antmedia_sockets", {}, 13),
        ("antmedia_stopping", {}, 0),
        ("antmedia_host_cpu_ratio", {}, 0.2),
        ("antmedia_host_free_memory_bytes", {}, 2**30),
        (
            "antmedia_sessions",
            {"application": "LiveApp", "role": "play", "state": "live"},
            12,
        ),
        ("antmedia_webhook_deliveries", {"state": "waiting"}, 2),
        (
            "antmedia_refusals_total",
            {"application": "LiveApp", "role": "play", "reason": "resources"},
            5,
        ),
        ("antmedia_relay_up", {"relay": "relay-1"}, 1),
        ("antmedia_relay_up", {"relay": "relay-2"}, 0),
        ("antmedia_relay_cpu_ratio", {"relay": "relay-1"}, 0.42),
        ("antmedia_relay_loop_lag_seconds", {"relay": "relay-1"}, 0.015),
        ("antmedia_relay_resident_memory_bytes", {"relay": "relay-1"}, 50_000_000),
        ("antmedia_relay_peers", {"relay": "relay-1"}, 100),
        ("antmedia_relay_streams", {"relay": "relay-1"}, 1),
        ("antmedia_relay_viewers", {"relay": "relay-1"}, 1),
        ("antmedia_relay_refusing_newcomers", {"relay": "relay-1"}, 1),
        (
            "antmedia_relay_media_packets_total",
            {"relay": "relay-1", "role": "publish"},
            100,
        ),
        (
            "antmedia_relay_media_bytes_total",
            {"relay": "relay-1", "role": "play"},
            1_200_000,
        ),
        ("antmedia_relay_dropped_packets_total", {"relay": "relay-1"}, 4),
        ("antmedia_relay_malformed_packets_total", {"relay": "relay-1"}, 5),
        ("antmedia_relay_nacks_total", {"relay": "relay-1", "role": "play"}, 7),
        ("antmedia_relay_nacks_total", {"relay": "relay-1", "role": "publish"}, 3),
        ("antmedia_relay_lost_packets_total", {"relay": "relay-1", "role": "play"}, 9),
        (
            "antmedia_relay_key_frame_requests_total",
            {"relay": "relay-1", "role": "publish"},
            1,
        ),
        ("antmedia_viewer_round_trip_seconds_bucket", {"le": "0.05"}, 1),
        ("antmedia_viewer_round_trip_seconds_count", {}, 1),
        ("antmedia_viewer_loss_ratio_sum", {}, 0.03),
        ("antmedia_viewer_join_seconds_bucket", {"le": "0.1"}, 0),
        ("antmedia_viewer_join_seconds_bucket", {"le": "+Inf"}, 1),
    ],
)
def test_it_has(
    moment: Moment, name: str, labels: dict[str, str], value: float
) -> None:
    assert samples(moment)[name, frozenset(labels.items())] == pytest.approx(value)


def test_without_the_database_the_rest_is_there(moment: Moment) -> None:
    found = samples(replace(moment, rows=None))
    names = {name for name, _ in found}
    assert found["antmedia_database_up", frozenset()] == 0
    assert "antmedia_sessions" not in names
    assert "antmedia_relay_peers" in names


def test_an_unsampled_machine_says_nothing_of_its_memory(moment: Moment) -> None:
    found = samples(replace(moment, free_ram_mb=float("inf")))
    assert ("antmedia_host_free_memory_bytes", frozenset()) not in found


def test_a_relay_that_has_not_reported_is_up_or_not_and_no_more(
    moment: Moment,
) -> None:
    found = samples(replace(moment, measures={}))
    assert found["antmedia_relay_up", frozenset({("relay", "relay-1")})] == 1
    assert not any(name == "antmedia_relay_peers" for name, _ in found)


def test_names_and_units_are_as_prometheus_wants_them(moment: Moment) -> None:
    for family in families(moment):
        assert re.fullmatch(r"antmedia_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|percent|mb|kb|total)$", family.name)


def test_each_is_documented(moment: Moment) -> None:
    documented = (Path(settings.BASE_DIR) / "docs" / "monitoring.md").read_text()
    for family in families(moment):
        total = "_total" if family.type == "counter" else ""
        assert f"`{family.name}{total}`" in documented


def test_no_label_has_many_values(moment: Moment) -> None:
    allowed = {"application", "role", "state", "reason", "relay", "le"}
    for _, labels in samples(moment):
        assert {name for name, _ in labels} <= allowed
        assert not any("asgi-host" in value for _, value in labels)


def test_refusals_are_bounded() -> None:
    counts = RefusalCounts()
    for number in range(MAX_KEYS + 10):
        counts.add(f"app{number}", "play", "resources")
    counts.add("app0", "play", "resources")
    found = counts.counted()
    assert len(found) == MAX_KEYS + 1
    assert found[OTHERS] == 10
    assert found["app0", "play", "resources"] == 2


@dataclass
class Site:
    """What the page looks at, in place of the running one's."""

    store: Measured
    link: FakeLink


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(a_store(), FakeLink())
    made.link.names = RELAYS[:1]
    configs = tuple(SimpleNamespace(name=name) for name in RELAYS)
    fake = SimpleNamespace(relay_configs=configs, link=made.link)
    monkeypatch.setattr(metrics_page, "supervisor", lambda: fake)
    monkeypatch.setattr(metrics_page, "measured", made.store)
    return made


@pytest.mark.django_db(transaction=True)
async def test_the_page_is_what_prometheus_reads(site: Site) -> None:
    await database_sync_to_async(add_sessions)()

    response = await request("/metrics")

    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.headers["cache-control"] == "no-store"
    found = samples_of(response.text)
    live = {"application": "LiveApp", "role": "play", "state": "live"}
    assert found["antmedia_sessions", frozenset(live.items())] == 3
    assert found["antmedia_relay_peers", frozenset({("relay", "relay-1")})] == 100
    assert found["process_resident_memory_bytes", frozenset()] > 2**20
    assert "# HELP antmedia_relay_up " in response.text
    assert "192.0.2.9" not in response.text
    assert "a-stream" not in response.text


@pytest.mark.django_db(transaction=True)
async def test_the_page_needs_no_database(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> RowCounts:
        raise OperationalError("away")

    monkeypatch.setattr(metrics_page, "rows", DatabaseProbe(away, 10.0))

    found = samples_of((await request("/metrics")).text)

    assert found["antmedia_database_up", frozenset()] == 0
    assert found["antmedia_relay_up", frozenset({("relay", "relay-1")})] == 1


@pytest.mark.django_db
def test_the_rows_cost_two_queries() -> None:
    add_sessions()
    with at_most(2):
        counts = count_rows()
    assert counts.sessions == (("LiveApp", "play", "live", 3),)


def add_sessions() -> None:
    application: Any = Application.objects.get_or_create(name="LiveApp")[0]
    for number, node in enumerate([NODE_NAME, NODE_NAME, NODE_NAME, "another"]):
        LiveSession.objects.create(
            id=f"s{number}",
            application=application,
            stream_id="a-stream",
            role="play",
            state="live",
            channel=f"c{number}",
            node_id=node,
            relay=RELAYS[0],
            remote_ip="192.0.2.9",
        )
