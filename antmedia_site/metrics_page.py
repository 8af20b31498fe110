"""`/metrics`: what this process and its relays do, as Prometheus reads it."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from antmedia_site import metrics_access
from antmedia_site.database_probe import DatabaseProbe
from antmedia_site.metrics import Families, Moment, families
from antmedia_site.plain_answer import PlainAnswer
from antmedia_site.row_counts import count_rows
from antmedia_site.wiring import supervisor
from signalling import registry
from signalling.load import current_load
from streams.measured import measured
from streams.refusal_counts import refusal_counts

DATABASE_TIMEOUT_S = 3.0

rows = DatabaseProbe(count_rows, DATABASE_TIMEOUT_S)
_process = ProcessCollector(registry=None)


async def metrics(scope: Any) -> PlainAnswer:
    """The text, for who may read it. Without the database: all but the rows."""
    refused = await metrics_access.refusal(scope)
    if refused is not None:
        return refused
    found = families(await _look())
    page = CollectorRegistry()
    page.register(_process)
    page.register(Families(found))
    text = generate_latest(page)
    return PlainAnswer(200, text, CONTENT_TYPE_PLAIN_0_0_4.encode())


async def _look() -> Moment:
    load = current_load()
    return Moment(
        rows=await rows.ask(),
        sockets=registry.count(),
        stopping=registry.is_stopping(),
        cpu_percent=load.cpu_percent,
        free_ram_mb=load.free_ram_mb,
        relays=tuple(config.name for config in supervisor().relay_configs),
        relays_up=supervisor().link.relays(),
        measures=measured.relays(),
        distributions=measured.distributions(),
        refusals=refusal_counts.counted(),
    )
