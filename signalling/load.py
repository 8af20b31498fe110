"""How busy this machine is: the mean of the last five seconds."""

from __future__ import annotations

import asyncio
from collections import deque

import psutil

from streams.services import Load

SAMPLE_INTERVAL_S = 1.0
SAMPLES = 5
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
    return Load(
        cpu_percent=psutil.cpu_percent(interval=None),
        free_ram_mb=psutil.virtual_memory().available / 2**20,
    )


sampler = LoadSampler()


def current_load() -> Load:
    return sampler.mean()
