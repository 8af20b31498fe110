"""`python -m bench`: measure this server beside Janus and the floor.

Prints tables and writes bench/results/<date>-<commit>.json. docs/benchmark.md says
how each figure is made.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from bench import floor, scenarios
from bench.clip import load_clip
from bench.environment import describe_machine, describe_versions, read_commit
from bench.processes import BenchError, divide_cores
from bench.publisher import mean_packet_bytes
from bench.report import render
from bench.servers import has_janus, has_ours

RESULTS = Path(__file__).resolve().parent / "results"
SCENARIOS = (
    "floor",
    "forward",
    "feedback",
    "crowd",
    "storm",
    "conference",
    "idle",
    "refused",
    "peer",
    "browser",
)
ON_DEMAND = ("soak",)  # half an hour


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    only: tuple[str, ...]
    viewers: tuple[int, ...]
    seconds: float
    feedback: tuple[int, ...]
    crowd: int
    soak_s: float
    plays: int
    storm_s: float
    participants: tuple[int, ...]
    sockets: int
    rounds: int
    round_s: float
    refused_sockets: int
    tries: int
    rooms: int
    peer_rounds: int
    steady_s: float
    page_plays: int
    page_returns: int
    kills: int


@dataclass(slots=True)
class Run:
    """One run: what was measured so far, and what went wrong."""

    bench: scenarios.Bench
    plan: Plan
    results: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def measure(self) -> None:
        servers = [kind for kind, there in _available() if there]
        if "forward" in self.plan.only:
            self._forward(servers)
        elif "floor" in self.plan.only:
            self._try("floor", self._floor, 100)
        several = {
            "feedback": self._feedback,
            "storm": self._storm,
        }
        for name, measure in several.items():
            if name in self.plan.only:
                measure(servers)
        if "conference" in self.plan.only:
            self._conference()
        if "ams" not in servers:
            return
        for name, scenario in self._ours().items():
            if name in self.plan.only:
                self.results[name] = self._try(name, scenario)
        if "browser" in self.plan.only:
            self._browser()

    def _ours(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """What is measured of this server alone."""
        plan = self.plan
        return {
            "crowd": _later(
                scenarios.forward, "ams", plan.crowd, limit_s=scenarios.CROWD_LIMIT_S
            ),
            "soak": _later(scenarios.soak, plan.soak_s),
            "idle": _later(
                scenarios.idle, plan.sockets, rounds=plan.rounds, round_s=plan.round_s
            ),
            "refused": _later(scenarios.refused, plan.refused_sockets, plan.tries),
            "peer": _later(scenarios.peer, plan.rooms, plan.peer_rounds),
        }

    def _forward(self, servers: list[str]) -> None:
        """Server after server at each number of viewers, in changing order."""
        rows: list[dict[str, Any]] = []
        for index, viewers in enumerate(self.plan.viewers):
            for kind in servers if index % 2 == 0 else servers[::-1]:
                what = f"{kind}, {viewers} viewers"
                row = self._try(what, scenarios.forward, kind, viewers)
                if row:
                    rows.append({"server": kind} | row)
            if "floor" in self.plan.only:
                self._try(f"floor, {viewers} viewers", self._floor, viewers)
        rows.sort(key=lambda row: (row["asked"], row["server"]))
        self.results["forward"] = rows

    def _feedback(self, servers: list[str]) -> None:
        """As `_forward`, of viewers whose path loses a little."""
        scenario = partial(scenarios.forward, feedback=True)
        rows: list[dict[str, Any]] = []
        for viewers in self.plan.feedback:
            for kind in servers:
                what = f"{kind}, {viewers} viewers with feedback"
                row = self._try(what, scenario, kind, viewers)
                if row:
                    rows.append({"server": kind} | row)
        self.results["feedback"] = rows

    def _floor(self, bench: scenarios.Bench, viewers: int) -> dict[str, Any]:
        """The floor now, beside the servers just measured at that many viewers."""
        program = floor.build()
        if program is None:
            return {}
        size = mean_packet_bytes(load_clip())
        cost = floor.measure(program, size, bench.cores)
        paced = floor.measure_paced(program, size, bench.cores, viewers)
        row = {
            "viewers": viewers,
            "packet_bytes": size,
            "us_per_packet": round(cost, 2),
            "paced_us_per_packet": round(paced, 2),
        }
        self.results.setdefault("floor", []).append(row)
        return row

    def _storm(self, servers: list[str]) -> None:
        plan = self.plan
        found = {
            kind: self._try(
                f"{kind}, storm", scenarios.storm, kind, plan.plays, plan.storm_s
            )
            for kind in servers
        }
        self.results["storm"] = {k: row for k, row in found.items() if row}

    def _conference(self) -> None:
        scenario = partial(scenarios.conference, video_slots=9, audio_slots=3)
        rows = [
            self._try(f"conference, {count} participants", scenario, count)
            for count in self.plan.participants
        ]
        self.results["conference"] = [row for row in rows if row]

    def _browser(self) -> None:
        """Skipped where no browser is; a part of it that failed is an error."""
        if missing := scenarios.missing_for_browser():
            skipped = f"browser: no {missing}; sh tests/setup.sh installs it"
            self.results["skipped"] = [skipped]
            _say(f"SKIPPED {skipped}")
            return
        plan = self.plan
        scenario = partial(
            scenarios.browser,
            steady_s=plan.steady_s,
            plays=plan.page_plays,
            returns=plan.page_returns,
            kills=plan.kills,
        )
        row = self._try("browser", scenario)
        self.errors += [f"browser, {error}" for error in row.pop("errors", [])]
        self.results["browser"] = row

    def _try(
        self, what: str, scenario: Callable[..., dict[str, Any]], *words: Any
    ) -> dict[str, Any]:
        """The scenario's figures; none, and an error noted, when it fails."""
        _say(what)
        try:
            return scenario(self.bench, *words)
        except (BenchError, OSError, ValueError, SubprocessError) as error:
            self.errors.append(f"{what}: {error}")
            _say(f"{what} FAILED: {error}")
            return {}


def parse_plan(words: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 90 s")
    parser.add_argument(
        "--only", default=",".join(SCENARIOS), help=str(SCENARIOS + ON_DEMAND)
    )
    parser.add_argument(
        "--viewers", type=counts, help="such as 5,20; default 5,20,60,200"
    )
    parser.add_argument("--seconds", type=float, help="of each steady window")
    parser.add_argument("--crowd", type=int, help="viewers of the crowd, default 800")
    parser.add_argument("--soak-minutes", type=float, default=30.0)
    found = parser.parse_args(words)
    only = tuple(found.only.split(","))
    if unknown := set(only) - set(SCENARIOS + ON_DEMAND):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    quick = found.quick
    usual = (5, 20) if quick else (5, 20, 60, 200)
    return Plan(
        only=only,
        viewers=found.viewers or usual,
        seconds=min(found.seconds or (3.0 if quick else 8.0), 60.0),
        feedback=(20,) if quick else (60, 200),
        crowd=found.crowd or (100 if quick else 800),
        soak_s=found.soak_minutes * 60,
        plays=100 if quick else 500,
        storm_s=2.0 if quick else 10.0,
        participants=(10,) if quick else (10, 40),
        sockets=200 if quick else 2000,
        rounds=1 if quick else 2,
        round_s=3.0 if quick else 6.0,
        refused_sockets=50 if quick else 200,
        tries=500 if quick else 4000,
        rooms=20,
        peer_rounds=10 if quick else 40,
        steady_s=5.0 if quick else 30.0,
        page_plays=5 if quick else 15,
        page_returns=1 if quick else 3,
        kills=1 if quick else 2,
    )


def _later(
    scenario: Callable[..., dict[str, Any]], *words: Any, **options: Any
) -> Callable[[scenarios.Bench], dict[str, Any]]:
    """The scenario with all its words but the bench, which comes first."""
    return lambda bench: scenario(bench, *words, **options)


def counts(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def main() -> int:
    plan = parse_plan(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began, cores = time.monotonic(), divide_cores()
    os.sched_setaffinity(0, cores.client)  # also building and encoding stay there
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench = scenarios.Bench(Path(directory), cores, plan.seconds)
        run = Run(bench, plan)
        run.measure()
    commit, date = read_commit(), time.strftime("%Y-%m-%d", time.gmtime())
    report = {
        "date": date,
        "commit": commit,
        "took_s": round(time.monotonic() - began),
        "machine": describe_machine(cores),
        "versions": describe_versions(),
        **run.results,
        "errors": run.errors,
    }
    print(render(report))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{date}-{commit}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    _say(f"written: bench/results/{path.name}")
    return 1 if run.errors else 0


def _available() -> tuple[tuple[str, bool], ...]:
    return (("ams", has_ours()), ("janus", has_janus()))


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
