"""How often this process has refused whom, for the metrics. It only grows."""

from __future__ import annotations

import threading
from collections import Counter

MAX_KEYS = 2000
OTHERS = ("", "", "other")  # where there are more keys than that

Key = tuple[str, str, str]  # application, role, reason


class RefusalCounts:
    """Bounded; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Key] = Counter()

    def add(self, application: str, role: str, reason: str) -> None:
        key = application, role, reason
        with self._lock:
            known = key in self._counts or len(self._counts) < MAX_KEYS
            self._counts[key if known else OTHERS] += 1

    def counted(self) -> dict[Key, int]:
        with self._lock:
            return dict(self._counts)


refusal_counts = RefusalCounts()
