"""The figures as Markdown tables, and what they say about the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

NAMES = {"ams": "this server", "janus": "Janus", "echo": "bare echo"}
Row = Sequence[object]


def render(report: dict[str, Any]) -> str:
    """All tables of a run as one text."""
    parts = [_title(report)]
    tables: dict[str, Callable[[], str]] = {
        "floor": lambda: _floor(report),
        "forward": lambda: _forward(report),
        "feedback": lambda: _forward(report, "feedback"),
        "crowd": lambda: _crowd(report["crowd"]),
        "soak": lambda: _soak(report["soak"]),
        "storm": lambda: _storm(report["storm"]),
        "conference": lambda: _conference(report["conference"]),
        "idle": lambda: _idle(report["idle"]),
        "refused": lambda: _refused(report["refused"]),
        "peer": lambda: _peer(report["peer"]),
        "browser": lambda: _browser(report["browser"]),
    }
    parts += [table() for name, table in tables.items() if report.get(name)]
    targets = list(judge(report))
    if targets:
        parts.append(_table(("target", "bound", "measured", "met"), targets))
    parts += [f"SKIPPED: {skipped}" for skipped in report.get("skipped", [])]
    parts += [f"ERROR: {error}" for error in report["errors"]]
    return "\n\n".join(parts)


def floors_of(report: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """The floor's figures beside each number of viewers."""
    return {row["viewers"]: row for row in report.get("floor", [])}


def judge(report: dict[str, Any]) -> Iterator[Row]:
    """Target, bound, what was measured, and whether that is within."""
    yield from _judge_forward(report)
    storm = report.get("storm", {}).get("ams")
    if storm:
        yield _verdict("storm: plays that failed", 0, storm["failed"])
        yield _verdict("storm: join p95, ms", 1000, storm["join_ms_p95"])
    for row in report.get("conference", []):
        name = f"conference of {row['participants']}"
        yield _verdict(f"{name}: relay, % of a core", 80, row["relay_cpu_percent"])
    idle = report.get("idle")
    if idle:
        ratio = idle["ours"]["us_per_ping"] / max(0.1, idle["echo"]["us_per_ping"])
        yield _verdict("idle: kB a socket", 60, idle["ours"]["kb_per_socket"])
        yield _verdict("idle: CPU a ping, of bare echo", 1.3, round(ratio, 2))
    if report.get("peer"):
        yield _verdict("peer: message p50, ms", 3, report["peer"]["ours"]["ms_p50"])
    yield from _judge_browser(report.get("browser", {}))


def _judge_forward(report: dict[str, Any]) -> Iterator[Row]:
    cost = {(r["server"], r["asked"]): r for r in report.get("forward", [])}
    floors = floors_of(report)
    for viewers in (60, 200):
        ours, janus = cost.get(("ams", viewers)), cost.get(("janus", viewers))
        if ours and janus:
            ratio = round(ours["us_per_packet"] / janus["us_per_packet"], 3)
            yield _verdict(f"{viewers} viewers: CPU a packet, of Janus", 0.25, ratio)
        if ours and viewers in floors:
            floor = floors[viewers]["us_per_packet"]
            ratio = round(ours["us_per_packet"] / floor, 3)
            yield _verdict(f"{viewers} viewers: CPU a packet, of floor", 1.0, ratio)
    mine = [row for (server, _), row in cost.items() if server == "ams"]
    if mine:
        yield _verdict("join p50, ms", 40, max(r["join_ms_p50"] for r in mine))
        yield _verdict("join p95, ms", 100, max(r["join_ms_p95"] for r in mine))
        yield _verdict("RSS a viewer, kB", 200, mine[-1]["rss_kb_per_viewer"])
        yield _verdict("lost packets", 0, sum(r["lost_packets"] for r in mine))
    yield from _judge_feedback(report)
    few, many = cost.get(("ams", 60)), cost.get(("ams", 200))
    if few and many:
        growth = round(many["us_per_packet"] / few["us_per_packet"], 2)
        yield _verdict("CPU a packet, 200 over 60 viewers", 1.0, growth)


def _judge_feedback(report: dict[str, Any]) -> Iterator[Row]:
    rows = report.get("feedback", [])
    cost = {(row["server"], row["asked"]): row["us_per_packet"] for row in rows}
    for (server, viewers), ours in cost.items():
        janus = cost.get(("janus", viewers))
        if server == "ams" and janus:
            name = f"{viewers} viewers with feedback: CPU a packet, of Janus"
            yield _verdict(name, 0.3, round(ours / janus, 3))
    if crowd := report.get("crowd"):
        name = f"{crowd['viewers']} viewers: added delay p99, ms"
        yield _verdict(name, 20, crowd["delay_ms_p99"])


def _judge_browser(found: dict[str, Any]) -> Iterator[Row]:
    if plays := found.get("plays"):
        first = plays["first_frame_ms_p50"]
        yield _verdict("browser: first frame p50, ms", 300, first)
    if steady := found.get("steady"):
        window = f"in {steady['seconds']:.0f} s"
        yield _verdict(f"browser: freezes {window}", 0, steady["freezes"])
        yield _verdict(f"browser: lost packets {window}", 0, steady["lost_packets"])
    if back := found.get("returns"):
        yield _verdict("browser: publisher's return p50, ms", 2000, back["ms_p50"])
        yield _verdict("browser: publisher's return max, ms", 2000, back["ms_max"])
        yield _verdict("browser: offers and events at it", 0, len(back["told"]))
    if kills := found.get("kills"):
        yield _verdict("browser: relay's end to frames max, s", 10, kills["s_max"])
    for version, row in found.get("older", {}).items():
        yield _verdict(f"browser: failures of SDK {version}", 0, int(not row["ok"]))


def _verdict(name: str, bound: float, value: float) -> Row:
    return name, f"<= {bound}", value, "yes" if value <= bound else "NO"


def _title(report: dict[str, Any]) -> str:
    machine = report["machine"]
    return (
        f"Measured {report['date']} at {report['commit']}: {machine['processor']}, "
        f"{machine['cores']} cores ({machine['server_cores']} for the server, one for "
        f"the clients), {machine['kernel']}, Python {machine['python']}."
    )


def _floor(report: dict[str, Any]) -> str:
    heads = ("viewers", "floor: CPU µs a packet", "paced as a video", "packet bytes")
    rows = [
        (
            row["viewers"],
            f"{row['us_per_packet']:.2f}",
            f"{row['paced_us_per_packet']:.2f}",
            row["packet_bytes"],
        )
        for row in report["floor"]
    ]
    return _table(heads, rows)


def _forward(report: dict[str, Any], scenario: str = "forward") -> str:
    janus = {
        row["asked"]: row["us_per_packet"]
        for row in report[scenario]
        if row["server"] == "janus"
    }
    floors = floors_of(report)
    heads = (
        "viewers" if scenario == "forward" else "viewers with feedback",
        "server",
        "CPU µs a packet",
        "of Janus",
        "of floor (paced)",
        "join ms p50 / p95",
        "key frame ms p50 / p95",
        "added delay ms p50 / p99",
        "RSS kB a viewer",
        "lost",
        "failed",
        "CPU % server / clients / others",
    )
    return _table(
        heads,
        [
            (
                row["viewers"],
                NAMES[row["server"]],
                f"{row['us_per_packet']:.2f}",
                _ratio(row["us_per_packet"], janus.get(row["asked"], 0)),
                _of_floor(row["us_per_packet"], floors.get(row["asked"])),
                f"{row['join_ms_p50']:.0f} / {row['join_ms_p95']:.0f}",
                f"{row['key_frame_ms_p50']:.0f} / {row['key_frame_ms_p95']:.0f}",
                f"{row['delay_ms_p50']:.1f} / {row['delay_ms_p99']:.1f}",
                f"{row['rss_kb_per_viewer']:.0f}",
                row["lost_packets"],
                row["failed"],
                f"{row['server_cpu_percent']:.0f} / {row['client_cpu_percent']:.0f}"
                f" / {row['others_cpu_percent']:.0f}",
            )
            for row in report[scenario]
        ],
    )


def _crowd(row: dict[str, Any]) -> str:
    heads = (
        "crowd: viewers",
        "failed",
        "packets/s",
        "CPU µs a packet",
        "added delay ms p50 / p99",
        "lost",
        "relay % of a core",
        "clients % of a core",
        "clients' lag ms p99",
    )
    relay = row["relay_us_per_packet"] * row["packets_per_s"] / 1e4
    figures: Row = (
        row["viewers"],
        row["failed"],
        row["packets_per_s"],
        row["us_per_packet"],
        f"{row['delay_ms_p50']:.1f} / {row['delay_ms_p99']:.1f}",
        row["lost_packets"],
        f"{relay:.0f}",
        row["client_cpu_percent"],
        row["client_lag_ms_p99"],
    )
    return _table(heads, [figures])


def _soak(found: dict[str, Any]) -> str:
    heads = ("soak, at rest", "after the warm-up", "at the end")
    before, after = found["before"], found["after"]
    rows: list[Row] = [(name, before[name], after[name]) for name in before]
    done = ", ".join(f"{count} {what}" for what, count in found["done"].items())
    text = f"{found['seconds'] / 60:.0f} minutes: {done}; {found['failed']} failed."
    return f"{text}\n\n{_table(heads, rows)}"


def _storm(storms: dict[str, Any]) -> str:
    heads = (
        "storm",
        "plays in s",
        "failed",
        "join ms p50 / p95 / max",
        "key frame ms p50 / p95",
        "server CPU %",
        "of it asgi / relay",
        "clients CPU %",
        "clients' lag ms p99",
    )
    rows = [
        (
            NAMES[kind],
            f"{row['plays']} in {row['asked_within_s']:.1f}",
            row["failed"],
            f"{row['join_ms_p50']:.0f} / {row['join_ms_p95']:.0f}"
            f" / {row['join_ms_max']:.0f}",
            f"{row['key_frame_ms_p50']:.0f} / {row['key_frame_ms_p95']:.0f}",
            row["server_cpu_percent"],
            f"{row.get('asgi_cpu_percent', '-')} / {row.get('relay_cpu_percent', '-')}",
            row["client_cpu_percent"],
            row["client_lag_ms_p99"],
        )
        for kind, row in storms.items()
    ]
    return _table(heads, rows)


def _conference(rows: list[dict[str, Any]]) -> str:
    heads = (
        "conference: participants",
        "slots each",
        "packets/s in",
        "packets/s out",
        "Mbit/s out",
        "relay CPU %",
        "µs/packet out",
        "lost",
        "key frames/s",
        "RSS MB",
        "lag p99 ms, clients",
    )
    return _table(
        heads,
        (
            (
                row["participants"],
                row["slots_per_viewer"],
                row["packets_in_per_s"],
                row["packets_out_per_s"],
                row["mbit_out_per_s"],
                row["relay_cpu_percent"],
                row["us_per_packet_out"],
                row["lost_packets"],
                row["key_frames_per_s"],
                row["relay_rss_mb"],
                row["client_lag_ms_p99"],
            )
            for row in rows
        ),
    )


def _idle(idle: dict[str, Any]) -> str:
    heads = ("idle sockets", "open", "failed", "kB a socket", "CPU µs a ping")
    rows = [
        (
            NAMES[{"ours": "ams"}.get(name, name)],
            idle[name]["open"],
            idle[name]["failed"],
            idle[name]["kb_per_socket"],
            idle[name]["us_per_ping"],
        )
        for name in ("ours", "echo")
    ]
    return _table(heads, rows)


def _refused(found: dict[str, Any]) -> str:
    heads = ("refused for its", "tries", "CPU µs a try", "answer ms p50", "p95")
    rows = [
        (
            name,
            row["tries"],
            row["us_per_try"],
            row["answer_ms_p50"],
            row["answer_ms_p95"],
        )
        for name, row in found["kinds"].items()
    ]
    return _table(heads, rows)


def _peer(found: dict[str, Any]) -> str:
    heads = ("a message through", "messages", "ms p50", "p95", "CPU µs a message")
    rows = [
        (
            NAMES[{"ours": "ams"}.get(name, name)],
            row["messages"],
            row["ms_p50"],
            row["ms_p95"],
            row["us_per_message"],
        )
        for name, row in found.items()
    ]
    return _table(heads, rows)


def _browser(found: dict[str, Any]) -> str:
    """One row a figure: they have little in common."""
    rows: list[Row] = []
    if plays := found.get("plays"):
        rows.append(_first_frames("first frame", plays))
        what = "first frame, plays close together"
        rows.append(_first_frames(what, plays["close"]))
    for version, row in found.get("older", {}).items():
        what = f"first frame, SDK {version}"
        failed: Row = (what, f"FAILED: {row.get('error') or row.get('failures')}")
        rows.append(_first_frames(what, row) if row["ok"] else failed)
    if steady := found.get("steady"):
        rows += _steady(steady)
    if back := found.get("returns"):
        figures = f"{back['ms_p50']} / {back['ms_max']} ({back['returns']} returns)"
        rows.append(("publisher's return, ms p50 / max", figures))
        told = _list(back["told"]) or "nothing"
        rows.append(("what the viewer was told meanwhile", told))
    if kills := found.get("kills"):
        rows.append(("relay killed, s to frames again", _list(kills["s"])))
    return _table((f"Chromium {found['chromium']}", "measured"), rows)


def _first_frames(what: str, row: dict[str, Any]) -> Row:
    figures = " / ".join(str(row[f"first_frame_ms_{p}"]) for p in ("p50", "p95", "max"))
    return f"{what}, ms p50 / p95 / max", f"{figures} ({row['plays']} plays)"


def _steady(row: dict[str, Any]) -> list[Row]:
    return [
        (
            f"steady {row['seconds']:.0f} s: freezes / lost packets",
            f"{row['freezes']} / {row['lost_packets']}",
        ),
        (
            "frames decoded / a second / size",
            f"{row['frames_decoded']} / {row['fps']} / {row['size']}",
        ),
        ("publisher's target after 2 s, kbit/s", row["target_kbps_after_2_s"]),
        ("CPU % others", row["others_cpu_percent"]),
    ]


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _of_floor(cost: float, floor: dict[str, Any] | None) -> str:
    if floor is None:
        return "-"
    hot, paced = floor["us_per_packet"], floor["paced_us_per_packet"]
    return f"{_ratio(cost, hot)} ({_ratio(cost, paced)})"


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else "-"


def _table(heads: Row, rows: Iterable[Row]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
