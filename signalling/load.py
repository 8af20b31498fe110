"""How busy this machine is: the mean of the last five seconds."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from pathlib import Path

import psutil

from streams.services import Load

SAMPLE_INTERVAL_S = 1.0
SAMPLES = 5
CONTROL_GROUP = Path("/sys/fs/cgroup")  # inside a container: its own
_IDLE = Load(cpu_percent=0.0, free_ram_mb=float("inf"))  # nothing sampled yet


class LoadSampler:
    """Samples in a task of its own while it runs."""

    def __init__(self) -> None:
        self._samples: deque[Load] = deque(maxlen=SAMPLES)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start in the running loop; idempotent and immediate."""
        loop = asyncio.get_running_loop()
        task = self._task
        if task is None or task.done() or task.get_loop() is not loop:
            psutil.cpu_percent(interval=None)  # the first call has no interval yet
            self._task = loop.create_task(self._run(), name="load sampler")

    async def stop(self) -> None:
        """End the task and forget its samples; idempotent."""
        task, self._task = self._task, None
        self._samples.clear()
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def add(self, sample: Load) -> None:
        self._samples.append(sample)

    def mean(self) -> Load:
        if not self._samples:
            return _IDLE
        count = len(self._samples)
        return Load(
            cpu_percent=sum(sample.cpu_percent for sample in self._samples) / count,
            free_ram_mb=sum(sample.free_ram_mb for sample in self._samples) / count,
        )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_INTERVAL_S)
            self.add(take_sample())


def take_sample() -> Load:
    """CPU since the last call, and the memory that could be had without swapping."""
    free_mb = psutil.virtual_memory().available / 2**20
    in_group_mb = free_in_group_mb(CONTROL_GROUP)
    if in_group_mb is not None:
        free_mb = min(free_mb, in_group_mb)
    return Load(cpu_percent=psutil.cpu_percent(interval=None), free_ram_mb=free_mb)


def free_in_group_mb(group: Path) -> float | None:
    """What a container's bound leaves; nothing where there is no bound.

    Source: the kernel's cgroup v2 memory controller. `inactive_file` is page cache
    that it gives back before it kills anything.
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


sampler = LoadSampler()


def current_load() -> Load:
    return sampler.mean()
