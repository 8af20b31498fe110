"""What one direction of a bad network does to each packet: pure, seeded, any clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Self

TOKEN_BURST_BYTES = 3000  # that a rate limit lets through at once, two packets or so


@dataclass(frozen=True, slots=True)
class Burst:
    """Losses in a row: Gilbert-Elliott's model, a chain of two states.

    Each packet moves the chain: from good to bad with probability `start`, back with
    `stop` (so bad lasts 1 / `stop` packets on average). Bad loses `loss` of them.
    """

    start: float
    stop: float
    loss: float = 1.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """One direction of a path. The default is a perfect one.

    Attributes:
        loss: probability that a packet is lost, each by itself.
        burst: losses in a row, besides.
        delay_ms: that each packet takes.
        jitter_ms: a packet takes up to this more, evenly spread.
        reorders: whether jitter lets packets overtake one another.
        duplicate: probability that a packet comes twice.
        rate_bps: what passes, in bit/s of UDP payload; None: everything.
        queue_ms: packets that would wait longer than this for `rate_bps` are lost.
        outage: everything is lost.
    """

    loss: float = 0.0
    burst: Burst | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorders: bool = False
    duplicate: float = 0.0
    rate_bps: float | None = None
    queue_ms: float = 200.0
    outage: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        burst = fields.pop("burst")
        return cls(burst=Burst(**burst) if burst else None, **fields)


@dataclass(slots=True)
class Counters:
    """Packets and bytes of one direction since the start."""

    offered: int = 0
    offered_bytes: int = 0
    lost: int = 0  # by chance, in bursts and in outages
    queue_full: int = 0
    duplicated: int = 0
    passed: int = 0  # duplicates too
    passed_bytes: int = 0


@dataclass(slots=True)
class _Fate:
    """The random numbers (0 to 1) of one packet.

    Always as many, so that no condition changes what the next packet draws.
    """

    loss: float
    burst_step: float
    burst_loss: float
    duplicate: float
    jitter: float
    jitter_of_copy: float


@dataclass(slots=True)
class Path:
    """One direction of one leg. Times are seconds of one clock that never goes back."""

    seed: str
    conditions: Conditions = Conditions()
    counters: Counters = field(default_factory=Counters)
    _random: Random = field(init=False)
    _in_burst: bool = False
    _free_at: float = 0.0  # when the link has sent what is queued
    _last_arrival: float = 0.0

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def offer(self, size: int, now: float) -> tuple[float, ...]:
        """When a packet of `size` bytes arrives: never (), once, or twice."""
        fate = _Fate(*(self._random.random() for _ in range(6)))
        self.counters.offered += 1
        self.counters.offered_bytes += size
        if self._is_lost(fate):
            self.counters.lost += 1
            return ()
        sent = self._queued(size, now)
        if sent is None:
            self.counters.queue_full += 1
            return ()
        arrivals = [self._arrival(sent, fate.jitter)]
        if fate.duplicate < self.conditions.duplicate:
            self.counters.duplicated += 1
            arrivals.append(self._arrival(sent, fate.jitter_of_copy))
        self.counters.passed += len(arrivals)
        self.counters.passed_bytes += size * len(arrivals)
        return tuple(arrivals)

    def _is_lost(self, fate: _Fate) -> bool:
        burst = self.conditions.burst
        lost_in_burst = False
        if burst is None:
            self._in_burst = False
        else:
            leaves = burst.stop if self._in_burst else burst.start
            if fate.burst_step < leaves:
                self._in_burst = not self._in_burst
            lost_in_burst = self._in_burst and fate.burst_loss < burst.loss
        lost = fate.loss < self.conditions.loss
        return self.conditions.outage or lost or lost_in_burst

    def _queued(self, size: int, now: float) -> float | None:
        """When the packet has left the queue; None: there was no room for it.

        A token bucket, kept as the time at which it will be even: it may lie behind
        by what a full bucket holds.
        """
        rate_bps = self.conditions.rate_bps
        if rate_bps is None:
            self._free_at = 0.0
            return now
        full_at = now - TOKEN_BURST_BYTES * 8 / rate_bps
        free_at = max(self._free_at, full_at)
        if free_at - now > self.conditions.queue_ms / 1000:
            return None
        self._free_at = free_at + size * 8 / rate_bps
        return max(now, self._free_at)

    def _arrival(self, sent: float, jitter: float) -> float:
        conditions = self.conditions
        delay_ms = conditions.delay_ms + jitter * conditions.jitter_ms
        arrival = sent + delay_ms / 1000
        if not conditions.reorders:
            arrival = max(arrival, self._last_arrival)
        self._last_arrival = max(arrival, self._last_arrival)
        return arrival
