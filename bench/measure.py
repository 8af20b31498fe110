"""CPU time and memory of processes from /proc, and percentiles."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

PROC = Path("/proc")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def process_tree(root: int) -> list[int]:
    """`root` and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            parent = _stat_fields(int(entry.name))
            if parent:
                children.setdefault(int(parent[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def start_time(pid: int) -> str:
    """When the process started, in clock ticks; with the pid, it names it for good."""
    found = _stat_fields(pid)
    return found[19] if found else ""


def find_in_tree(root: int, word: str) -> int | None:
    """The first descendant whose command line contains `word`."""
    for pid in process_tree(root)[1:]:
        try:
            line = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in line:
            return pid
    return None


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time used so far, threads that ended not counted.

    From /proc/PID/task/TID/schedstat (nanoseconds), where the kernel has it; else
    from /proc/PID/stat, whose unit is a clock tick, mostly 10 ms.
    """
    return sum(_cpu_of(pid) for pid in pids)


def busy_seconds(cores: Iterable[int]) -> float:
    """Time that these cores did not idle since the start, stolen time included."""
    wanted = {f"cpu{core}" for core in cores}
    ticks = 0
    for line in (PROC / "stat").read_text().splitlines():
        name, *values = line.split()
        if name in wanted:
            user, nice, system, _idle, _iowait, irq, softirq, steal = values[:8]
            ticks += sum(map(int, (user, nice, system, irq, softirq, steal)))
    return ticks / CLOCK_TICKS


def rss_bytes(pids: Iterable[int]) -> int:
    """Resident memory; pages that processes share are counted in each of them."""
    return sum(int(f[21]) * PAGE_BYTES for f in map(_stat_fields, pids) if f)


def pss_bytes(pids: Iterable[int]) -> int:
    """Resident memory with shared pages divided among those that share them."""
    total = 0
    for pid in pids:
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed.

    0 for no values at all.
    """
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def _cpu_of(pid: int) -> float:
    if not (PROC / "self" / "schedstat").exists():
        return _cpu_in_ticks(pid)
    total_ns = 0
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):  # the thread ended
                total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def _cpu_in_ticks(pid: int) -> float:
    found = _stat_fields(pid)
    return (int(found[11]) + int(found[12])) / CLOCK_TICKS if found else 0.0


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state is 0, parent is 1, …"""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text.rsplit(")", 1)[1].split()
