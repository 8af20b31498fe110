"""What this relay process costs: its CPU, how late its loop is, its memory.

One core is all it can use: it forwards in one thread. Encoders are processes of
their own and not counted.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STATM = Path("/proc/self/statm")
_PAGE_BYTES = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class ProcessSample:
    cpu_percent: float  # of one core, since the sample before
    lag_ms: float  # how late the loop was at worst since then
    rss_bytes: int  # 0 = not known


class ProcessLoad:
    """Measures between samples. `tick` is called once each `interval_s`."""

    def __init__(
        self,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """`clock`, `cpu_clock`: seconds; the second only counts while we run."""
        self._interval_s = interval_s
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._since_s = clock()
        self._cpu_s = cpu_clock()
        self._last_tick_s: float | None = None
        self._worst_s = 0.0

    def tick(self) -> None:
        """The loop has come to its timer again, after `interval_s` at best."""
        now_s = self._clock()
        if self._last_tick_s is not None:
            late_s = now_s - self._last_tick_s - self._interval_s
            self._worst_s = max(self._worst_s, late_s)
        self._last_tick_s = now_s

    def sample(self) -> ProcessSample:
        """Since the last call, and from now on anew."""
        now_s, cpu_s = self._clock(), self._cpu_clock()
        elapsed_s, used_s = now_s - self._since_s, cpu_s - self._cpu_s
        self._since_s, self._cpu_s = now_s, cpu_s
        worst_s, self._worst_s = self._worst_s, 0.0
        return ProcessSample(
            cpu_percent=round(100 * used_s / elapsed_s, 1) if elapsed_s > 0 else 0.0,
            lag_ms=round(1000 * worst_s, 1),
            rss_bytes=resident_bytes(STATM),
        )


def resident_bytes(statm: Path) -> int:
    """Memory of this process that is in RAM; 0 where the kernel does not say.

    Source: proc(5), the second field of /proc/pid/statm is in pages.
    """
    try:
        return int(statm.read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0
