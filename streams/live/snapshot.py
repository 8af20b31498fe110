"""What the overview shows of one moment, and the text that its sockets get.

Pure: rows come from `queries`, the past from `history`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from streams.live.history import SLOT_MS, SLOTS, History, slot_of

REFUSED_SLOTS = 5 * 60_000 // SLOT_MS
MAX_REASONS = 20
OTHER_REASONS = "other reasons"

# The database does not answer: the page keeps its figures and says so.
UNAVAILABLE = json.dumps({"unavailable": True})


@dataclass(frozen=True, slots=True)
class StreamLine:
    """A publisher's stream. `since`: Unix ms; `bitrate`: bit/s, 0 unless live."""

    key: int  # of its broadcast
    application: str
    stream: str
    name: str
    state: str  # a SessionState
    since: int
    viewers: int
    bitrate: int
    width: int
    height: int
    codecs: str
    # Of the publisher's path, where a relay of this process has measured it.
    loss: float | None = None  # 0 to 1, of the last second
    rtt: int | None = None  # ms


@dataclass(frozen=True, slots=True)
class RelayLine:
    """A relay of this process, as it reports itself. Shares from 0 to 1."""

    name: str
    busy: bool  # newcomers are refused
    streams: int
    peers: int
    cpu: float  # of the one core it can use
    lag: float  # ms
    memory: int  # bytes
    outgoing: int  # bit/s


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all streams, shown or not. Bitrates in bit/s.

    `outgoing`: of the relays of this process.
    """

    publishers: int
    viewers: int
    incoming: int
    outgoing: int
    relays: int
    web: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Refusals for one reason within one slot of the history."""

    slot: int
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the rows. `streams`: the busiest first, `left_out` others."""

    at_ms: int
    streams: tuple[StreamLine, ...]
    left_out: int
    totals: Totals
    refused: tuple[Refused, ...]
    relays: tuple[RelayLine, ...] = ()


def serialize(sample: Sample, history: History) -> str:
    """The JSON of a snapshot: the same for every socket."""
    now = slot_of(sample.at_ms)
    reasons = refused_by_reason(sample.refused, now)
    return json.dumps(
        {
            "at": sample.at_ms,
            "totals": {**asdict(sample.totals), "refused": sum(reasons.values())},
            "refused": _shown_reasons(reasons),
            "streams": [asdict(line) for line in sample.streams],
            "leftOut": sample.left_out,
            "relays": [asdict(line) for line in sample.relays],
            "history": {
                "end": now * SLOT_MS,
                "step": SLOT_MS,
                **history.series(now),
                "refused": refused_by_slot(sample.refused, now),
            },
        },
        separators=(",", ":"),
    )


def refused_by_reason(refused: Iterable[Refused], now: int) -> Counter[str]:
    """Refusals of the last five minutes, to the slot; `now`: the current slot."""
    counts: Counter[str] = Counter()
    for entry in refused:
        if entry.slot >= now - REFUSED_SLOTS:
            counts[entry.reason] += entry.count
    return counts


def refused_by_slot(refused: Iterable[Refused], now: int) -> list[int]:
    """Refusals of each slot of the history, the current one last."""
    counts = [0] * SLOTS
    first = now - SLOTS + 1
    for entry in refused:
        if first <= entry.slot <= now:
            counts[entry.slot - first] += entry.count
    return counts


def _shown_reasons(counts: Counter[str]) -> list[dict[str, object]]:
    common = counts.most_common()
    rest = sum(count for _, count in common[MAX_REASONS:])
    shown = [*common[:MAX_REASONS], *([(OTHER_REASONS, rest)] if rest else [])]
    return [{"reason": reason, "count": count} for reason, count in shown]
