"""What bounds this process: the control groups it is in (cgroup v2).

A container sees its own group as the root of the file system, a service of systemd
is in one further down; a bound of any group on the way holds for those below it.
Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_UNIFIED = re.compile(r"^0::/(.*)$", re.MULTILINE)
_MAX_DEPTH = 32


def own_groups(root: Path = ROOT, membership: Path = MEMBERSHIP) -> tuple[Path, ...]:
    """The group of this process and all above it, the root last.

    Only the root where the path is one of another view, as in a container that
    shares the host's names for groups.
    """
    try:
        found = _UNIFIED.search(membership.read_text())
    except OSError:
        return (root,)
    names = [name for name in (found[1] if found else "").split("/") if name]
    if ".." in names or len(names) > _MAX_DEPTH or not root.joinpath(*names).is_dir():
        return (root,)
    return tuple(root.joinpath(*names[:count]) for count in range(len(names), -1, -1))


def cpu_quota(group: Path) -> float | None:
    """How many processors' time the group may use; nothing where there is no bound."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # none, or "max 100000"
        return None


def cpu_used_s(group: Path) -> float | None:
    """Processor time of the group and all below it, ever."""
    try:
        stat = (group / "cpu.stat").read_text()
    except OSError:
        return None
    used = re.search(r"^usage_usec (\d+)$", stat, re.MULTILINE)
    return int(used[1]) / 1e6 if used else None


def free_mb(group: Path) -> float | None:
    """What the group's bound leaves; nothing where there is no bound.

    `inactive_file` is page cache that the kernel gives back before it kills anything.
    """
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        stat = (group / "memory.stat").read_text()
    except (OSError, ValueError):  # not a container, or "max"
        return None
    cache = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)
    reclaimable = int(cache.group(1)) if cache else 0
    return max(0.0, (limit - used + reclaimable) / 2**20)


class CpuMeter:
    """How much of its quotas this process's groups use; the fullest one counts."""

    def __init__(self, groups: Sequence[Path]) -> None:
        self._groups = groups
        self._used_s: dict[Path, float] = {}
        self._since_s: float | None = None

    def percent(self, now_s: float, processors: int) -> float | None:
        """Since the last call; nothing the first time, or where there is no quota.

        `now_s`: a clock that never goes back; `processors`: that may be used at all,
        for a quota of more than those cannot be used up.
        """
        since_s, self._since_s = self._since_s, now_s
        before, self._used_s = self._used_s, {}
        percents = []
        for group in self._groups:
            quota, used_s = cpu_quota(group), cpu_used_s(group)
            if quota is None or used_s is None:
                continue
            self._used_s[group] = used_s
            if since_s is None or group not in before or now_s <= since_s:
                continue
            had_s = min(quota, processors) * (now_s - since_s)
            if had_s > 0:
                percents.append(100 * (used_s - before[group]) / had_s)
        return max(percents, default=None)
