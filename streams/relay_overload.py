"""When a relay has enough to do: newcomers go elsewhere, who is there keeps all.

Pure: numbers of a relay's reports in, a word out. What tells is the mean of a few
reports, and what was too much must have fallen well below its limit again, so that
the word does not change with each report.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

REPORTS = 3  # that count: about eight seconds of them
CPU_RELIEF_PERCENT = 10.0  # below the limit, until newcomers are let in again
LAG_RELIEF = 0.5  # of the limit
PEERS_RELIEF = 0.05


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """What a relay takes newcomers up to."""

    cpu_percent: float  # of its one core; 100: whatever it uses
    lag_ms: float  # by which its loop is late
    peers: int  # with so many it is full


@dataclass(slots=True)
class Overload:
    """Whether one relay is busy, by its last reports."""

    busy: bool = False
    _cpu_percent: deque[float] = field(default_factory=lambda: deque(maxlen=REPORTS))
    _lag_ms: deque[float] = field(default_factory=lambda: deque(maxlen=REPORTS))

    def add(
        self, limits: RelayLimits, *, cpu_percent: float, lag_ms: float, peers: int
    ) -> None:
        """A report says so; `lag_ms`: the worst since the report before."""
        self._cpu_percent.append(min(cpu_percent, 100.0))
        self._lag_ms.append(lag_ms)
        cpu_limit, lag_limit, most = limits.cpu_percent, limits.lag_ms, limits.peers
        if self.busy:
            cpu_limit = max(1.0, cpu_limit - CPU_RELIEF_PERCENT)
            lag_limit *= LAG_RELIEF
            most -= int(most * PEERS_RELIEF)
        self.busy = (
            peers >= most
            or self._mean_cpu_percent() > cpu_limit
            or self._usual_lag_ms() > lag_limit
        )

    def _mean_cpu_percent(self) -> float:
        """One report alone says too little: it may be of a relay's first moments."""
        if len(self._cpu_percent) < REPORTS:
            return 0.0
        return sum(self._cpu_percent) / REPORTS

    def _usual_lag_ms(self) -> float:
        """What was reached twice: a single hiccup is none of the load's."""
        if len(self._lag_ms) < 2:
            return 0.0
        return sorted(self._lag_ms)[-2]
