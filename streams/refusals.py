"""Refusals of this process, counted in memory until the supervisor writes them.

A client that is refused tries again every few seconds for ever, and whoever wants
to do harm tries as fast as it can. Neither may cost a write a try.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from streams.names import MAX_NAME_LENGTH
from streams.text import clean

MAX_KEYS = 5_000
NEW_KEYS_PER_S = 20.0
MAX_OVERFLOW_KEYS = 500
GENERATION_MS = 60_000  # a key is known for one to two of them, after its last row


@dataclass(frozen=True, slots=True)
class RefusalKey:
    """What makes refusals equal. Of an overflow row only two fields are known."""

    application: str
    reason: str
    stream_id: str = ""
    role: str = ""  # "publish" or "play"
    subscriber_id: str = ""
    remote_ip: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Equal refusals: how many, and the time of the last one (Unix time, ms)."""

    key: RefusalKey
    count: int
    timestamp_ms: int


class RefusalLog:
    """Counts of refusals. Bounded; safe to use from any thread.

    A key that was not seen lately becomes a row. There may be MAX_KEYS of those at
    once and NEW_KEYS_PER_S in the long run, so that made-up names do not fill the
    disk. Beyond, it counts for its application and reason only; over
    MAX_OVERFLOW_KEYS of those it is not counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._budget = float(MAX_KEYS)
        self._refilled_ms = 0
        self._known: set[RefusalKey] = set()
        self._known_before: set[RefusalKey] = set()
        self._generation_ms = 0
        self._counts: dict[RefusalKey, tuple[int, int]] = {}
        self._overflow: dict[RefusalKey, tuple[int, int]] = {}

    def note(
        self,
        application: str,
        stream_id: str,
        role: str,
        reason: str,
        subscriber_id: str,
        remote_ip: str,
        now_ms: int,
    ) -> None:
        """One more refusal. The texts may be a client's: they are cut and cleaned."""
        key = RefusalKey(
            application=clean(application, MAX_NAME_LENGTH),
            reason=clean(reason, 64),
            stream_id=clean(stream_id, MAX_NAME_LENGTH),
            role=clean(role, 8),
            subscriber_id=clean(subscriber_id, 255),
            remote_ip=clean(remote_ip, 64),
        )
        with self._lock:
            has_room = key in self._counts or len(self._counts) < MAX_KEYS
            if has_room and self._may_have_a_row(key, now_ms):
                _count(self._counts, key, now_ms)
                return
            short = RefusalKey(key.application, key.reason)
            if short in self._overflow or len(self._overflow) < MAX_OVERFLOW_KEYS:
                _count(self._overflow, short, now_ms)

    def _may_have_a_row(self, key: RefusalKey, now_ms: int) -> bool:
        if now_ms - self._generation_ms >= GENERATION_MS:
            self._known_before, self._known = self._known, set()
            self._generation_ms = now_ms
        if key not in self._known and key not in self._known_before:
            passed_s = max(0, now_ms - self._refilled_ms) / 1000
            self._budget = min(MAX_KEYS, self._budget + passed_s * NEW_KEYS_PER_S)
            self._refilled_ms = now_ms
            if self._budget < 1:
                return False
            self._budget -= 1
        self._known.add(key)
        return True

    def take(self) -> Sequence[Refusal]:
        """Those since the last call, which are forgotten here."""
        with self._lock:
            taken = [*self._counts.items(), *self._overflow.items()]
            self._counts, self._overflow = {}, {}
        return [Refusal(key, count, last_ms) for key, (count, last_ms) in taken]


def _count(
    counts: dict[RefusalKey, tuple[int, int]], key: RefusalKey, now_ms: int
) -> None:
    count, last_ms = counts.get(key, (0, 0))
    counts[key] = (count + 1, max(last_ms, now_ms))


refusals = RefusalLog()
