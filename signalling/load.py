"""How busy this machine is: the mean of the last five seconds.

In a container, or a service with a quota, how busy what it may use of the machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import psutil

from signalling.control_groups import CpuMeter, free_mb, own_groups
from streams.measured import measured
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
            _machine.sample()  # the first one has no interval yet
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


class Machine:
    """The processors and the memory that this process may use."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._groups = own_groups()
        self._meter = CpuMeter(self._groups)

    def sample(self) -> Load:
        """CPU since the last call, and the memory to be had without swapping."""
        processors = usable_processors()
        busy = psutil.cpu_percent(interval=None, percpu=True)
        usable = [busy[index] for index in processors if index < len(busy)] or busy
        of_machine = sum(usable) / len(usable)
        of_quota = self._meter.percent(self._clock(), len(processors))
        bounds = (free_mb(group) for group in self._groups)
        return Load(
            cpu_percent=max(of_machine, of_quota or 0.0),
            free_ram_mb=min(
                psutil.virtual_memory().available / 2**20,
                *(bound for bound in bounds if bound is not None),
                float("inf"),
            ),
        )


def usable_processors() -> set[int]:
    """By number. Those of a cpuset are the only ones that the scheduler lets us use."""
    return os.sched_getaffinity(0)


_machine = Machine()


def take_sample() -> Load:
    return _machine.sample()


sampler = LoadSampler()


def current_load() -> Load:
    """Of the machine, and which relays take no newcomers."""
    return replace(sampler.mean(), busy_relays=measured.busy_relays())
