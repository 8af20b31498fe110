from __future__ import annotations

import json
from dataclasses import replace

from streams.live.history import SLOT_MS, SLOTS, History, slot_of
from streams.live.snapshot import (
    MAX_REASONS,
    OTHER_REASONS,
    Refused,
    Sample,
    StreamLine,
    Totals,
    refused_by_reason,
    refused_by_slot,
    serialize,
)

NOW = 1_800_000_003_000
SLOT = slot_of(NOW)
LINE = StreamLine(7, "LiveApp", "cam", "", "live", NOW, 2, 900, 640, 360, "VP8, Opus")
SAMPLE = Sample(NOW, (LINE,), 0, Totals(1, 2, 900, 1800, 1, 1), ())


def test_reasons_are_counted_over_five_minutes() -> None:
    refused = [
        Refused(SLOT, "a", 2),
        Refused(SLOT - 30, "a", 3),
        Refused(SLOT - 31, "a", 100),
        Refused(SLOT - 1, "b", 4),
    ]

    assert refused_by_reason(refused, SLOT) == {"a": 5, "b": 4}


def test_the_chart_counts_refusals_over_ten_minutes() -> None:
    refused = [
        Refused(SLOT, "a", 2),
        Refused(SLOT, "b", 1),
        Refused(SLOT - SLOTS + 1, "a", 4),
        Refused(SLOT - SLOTS, "a", 100),
        Refused(SLOT + 1, "a", 100),
    ]

    counts = refused_by_slot(refused, SLOT)

    assert (counts[0], counts[-1], sum(counts)) == (4, 3, 7)
    assert len(counts) == SLOTS


def test_a_snapshot_says_all_of_it() -> None:
    history = History()
    history.add(NOW, 2, 900)
    sample = replace(SAMPLE, refused=(Refused(SLOT, "a", 2),), left_out=3)

    said = json.loads(serialize(sample, history))

    assert said["at"] == NOW
    assert said["streams"] == [
        {
            "key": 7,
            "application": "LiveApp",
            "stream": "cam",
            "name": "",
            "state": "live",
            "since": NOW,
            "viewers": 2,
            "bitrate": 900,
            "width": 640,
            "height": 360,
            "codecs": "VP8, Opus",
            "loss": None,
            "rtt": None,
        }
    ]
    assert said["relays"] == []
    assert said["totals"] == {
        "publishers": 1,
        "viewers": 2,
        "incoming": 900,
        "outgoing": 1800,
        "relays": 1,
        "web": 1,
        "refused": 2,
    }
    assert said["refused"] == [{"reason": "a", "count": 2}]
    assert said["leftOut"] == 3
    past = said["history"]
    assert (past["end"], past["step"]) == (SLOT * SLOT_MS, SLOT_MS)
    assert (past["viewers"][-1], past["incoming"][-1], past["refused"][-1]) == (
        2,
        900,
        2,
    )


def test_rare_reasons_are_added_up() -> None:
    refused = tuple(Refused(SLOT, f"r{number}", number + 1) for number in range(30))

    shown = json.loads(serialize(replace(SAMPLE, refused=refused), History()))

    assert len(shown["refused"]) == MAX_REASONS + 1
    assert shown["refused"][0] == {"reason": "r29", "count": 30}
    assert shown["refused"][-1] == {"reason": OTHER_REASONS, "count": 55}
    assert shown["totals"]["refused"] == 465
