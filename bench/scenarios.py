"""What is measured, one function for each scenario; each starts its own servers."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.processes import ROOT, BenchError, Cores, read_json, run_json, running
from bench.servers import Server, serve

STREAM = "77"  # Janus's feeds are numbers
FORWARD_LIMIT_S = 150.0
CROWD_LIMIT_S = 300.0
SOAK_MARGIN_S = 180.0
STORM_LIMIT_S = 90.0
IDLE_LIMIT_S = 150.0
REFUSED_LIMIT_S = 120.0
PEER_LIMIT_S = 120.0
CONFERENCE_LIMIT_S = 150.0
BROWSER_LIMIT_S = 240.0


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how this run measures."""

    directory: Path
    cores: Cores
    seconds: float

    def place(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@contextlib.contextmanager
def publishing(
    bench: Bench, server: Server, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """A publisher whose stream the server has confirmed."""
    command = [sys.executable, "-m", "bench.publisher", server.kind, server.url, STREAM]
    with running(command, cores=bench.cores.client, log=log, piped=True) as process:
        live = read_json(process, 30)
        if live.get("event") != "live":
            raise BenchError(f"the publisher said {live}")
        yield process


def totals_of(publisher: subprocess.Popen[str]) -> dict[str, Any]:
    """End the publisher; what it sent."""
    if publisher.stdin:
        publisher.stdin.close()
    return read_json(publisher, 10)


def forward(
    bench: Bench,
    kind: str,
    viewers: int,
    *,
    feedback: bool = False,
    limit_s: float = FORWARD_LIMIT_S,
) -> dict[str, Any]:
    """One server, one publisher, `viewers` viewers; with `feedback`, of RR, REMB and
    a NACK for one packet in a hundred.
    """
    place = bench.place(f"forward-{kind}-{viewers}-{feedback}")
    log = place / "clients.log"
    with (
        serve(kind, place, bench.cores) as server,
        publishing(bench, server, log) as publisher,
    ):
        result = run_json(
            "bench.forward",
            {
                "kind": server.kind,
                "url": server.url,
                "stream": STREAM,
                "pids": server.pids,
                "parts": server.parts,
                "cores": sorted(bench.cores.server),
                "viewers": viewers,
                "seconds": bench.seconds,
                "feedback": feedback,
            },
            cores=bench.cores,
            log=log,
            limit_s=limit_s,
        )
        return result | {"publisher": totals_of(publisher)}


def soak(bench: Bench, seconds: float) -> dict[str, Any]:
    """Joins, leaves and republishing for a long time: what is left of them."""
    place = bench.place("soak")
    with serve("ams", place, bench.cores) as server:
        return run_json(
            "bench.soak",
            {
                "url": server.url,
                "pids": server.pids,
                "parts": server.parts,
                "database": str(place / "data" / "db.sqlite3"),
                "seconds": seconds,
            },
            cores=bench.cores,
            log=place / "clients.log",
            limit_s=seconds + SOAK_MARGIN_S,
        )


def storm(bench: Bench, kind: str, plays: int, over_s: float) -> dict[str, Any]:
    """`plays` viewers that ask at even spaces within `over_s` seconds."""
    place = bench.place(f"storm-{kind}")
    log = place / "clients.log"
    with (
        serve(kind, place, bench.cores) as server,
        publishing(bench, server, log) as publisher,
    ):
        result = run_json(
            "bench.storm",
            {
                "kind": server.kind,
                "url": server.url,
                "stream": STREAM,
                "pids": server.pids,
                "parts": server.parts,
                "cores": sorted(bench.cores.server),
                "plays": plays,
                "over_s": over_s,
            },
            cores=bench.cores,
            log=log,
            limit_s=STORM_LIMIT_S,
        )
        return result | {"publisher": totals_of(publisher)}


def idle(bench: Bench, sockets: int, *, rounds: int, round_s: float) -> dict[str, Any]:
    """Sockets that only ping: our server beside a bare echo consumer."""
    ours, echo = bench.place("idle-ams"), bench.place("idle-echo")
    with (
        serve("ams", ours, bench.cores) as first,
        serve("echo", echo, bench.cores) as second,
    ):
        return run_json(
            "bench.idle",
            {
                "targets": [
                    [name, server.url, server.parts["asgi"]]
                    for name, server in (("ours", first), ("echo", second))
                ],
                "cores": sorted(bench.cores.server),
                "sockets": sockets,
                "interval_s": 3.0,
                "rounds": rounds,
                "round_s": round_s,
            },
            cores=bench.cores,
            log=ours / "clients.log",
            limit_s=IDLE_LIMIT_S,
        )


def peer(bench: Bench, rooms: int, rounds: int) -> dict[str, Any]:
    """Messages between two peers: our server beside a bare echo consumer."""
    ours, echo = bench.place("peer-ams"), bench.place("peer-echo")
    with (
        serve("ams", ours, bench.cores) as first,
        serve("echo", echo, bench.cores) as second,
    ):
        return run_json(
            "bench.meeting",
            {
                "ours": [first.url, first.parts["asgi"]],
                "echo": [second.url, second.parts["asgi"]],
                "rooms": rooms,
                "rounds": rounds,
                "turns": 3,
            },
            cores=bench.cores,
            log=ours / "clients.log",
            limit_s=PEER_LIMIT_S,
        )


# What is refused: an application that asks for it, and a publish without it.
REFUSED_KINDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "one-time token": ({"publish_token_enabled": True}, {"token": "wrong"}),
    "JWT": (
        {"publish_jwt_enabled": True, "jwt_stream_secret": "k" * 32},
        {"token": "a.b.c"},
    ),
    "code": (
        {"publish_totp_enabled": True, "totp_secret_publish": "secret"},
        {"subscriberId": "user1", "subscriberCode": "000000"},
    ),
}


def refused(bench: Bench, sockets: int, tries: int) -> dict[str, Any]:
    """Publishers that are refused, and try again as the SDK does."""
    place = bench.place("refused")
    with serve("ams", place, bench.cores) as server:
        kinds = []
        for index, (name, (settings, fields)) in enumerate(REFUSED_KINDS.items()):
            application = f"Refused{index}"
            _make_application(place, application, settings)
            url = server.url.replace("WebRTCAppEE", application)
            kinds.append([name, url, fields])
        return run_json(
            "bench.refused",
            {
                "pid": server.parts["asgi"],
                "kinds": kinds,
                "sockets": sockets,
                "tries": tries,
            },
            cores=bench.cores,
            log=place / "clients.log",
            limit_s=REFUSED_LIMIT_S,
        )


def _make_application(place: Path, name: str, settings: dict[str, Any]) -> None:
    """In the database of the server that runs there."""
    make = (
        "from streams.models import Application;"
        f"Application.objects.create(name={name!r}, **{settings!r})"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", make],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(place / "data")},
        check=True,
    )


def conference(
    bench: Bench, participants: int, *, video_slots: int, audio_slots: int
) -> dict[str, Any]:
    """One room on one relay by itself: all publish, all view its slots."""
    place = bench.place(f"conference-{participants}")
    return run_json(
        "bench.conference",
        {
            "cores": sorted(bench.cores.server),
            "participants": participants,
            "video_slots": video_slots,
            "audio_slots": audio_slots,
            "seconds": bench.seconds,
        },
        cores=bench.cores,
        log=place / "clients.log",
        limit_s=CONFERENCE_LIMIT_S,
    )


def missing_for_browser() -> str:
    """What `browser` lacks on this machine; empty when nothing."""
    modules = ROOT / "tests" / "browser" / "node_modules" / "sdk-2.16.2"
    needs = {
        "chromium": os.environ.get("CHROMIUM") or shutil.which("chromium"),
        "playwright": find_spec("playwright"),
        "tests/browser/node_modules": modules.exists(),
    }
    return ", ".join(name for name, found in needs.items() if not found)


def browser(
    bench: Bench, *, steady_s: float, plays: int, returns: int, kills: int
) -> dict[str, Any]:
    """The real SDKs in Chromium; it and the server share all cores."""
    place = bench.place("browser")
    every = bench.cores.server | bench.cores.client
    cores = Cores(server=every, client=every)
    with serve("ams", place, cores) as server:
        return run_json(
            "bench.browser",
            {
                "url": server.url,
                "asgi": server.parts["asgi"],
                "pids": server.pids,
                "steady_s": steady_s,
                "plays": plays,
                "returns": returns,
                "kills": kills,
            },
            cores=cores,
            log=place / "clients.log",
            limit_s=BROWSER_LIMIT_S,
        )
