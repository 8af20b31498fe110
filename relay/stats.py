"""Counters with units in their names."""

from __future__ import annotations

RATE_WINDOW_S = 2.0


class RateMeter:
    """A bitrate over about two seconds: a window that ended, and the open one."""

    __slots__ = ("_bits_per_s", "_bytes", "_bytes_before", "_since")

    def __init__(self) -> None:
        self._bytes = 0  # of the open window
        self._bytes_before = 0
        self._since = 0.0
        self._bits_per_s = 0

    def add(self, size_bytes: int, now: float) -> None:
        if now - self._since >= RATE_WINDOW_S:
            self._close_window(now)
        self._bytes += size_bytes

    def bits_per_s(self, now: float) -> int:
        """0 when nothing came for two windows."""
        if now - self._since >= RATE_WINDOW_S:
            self._close_window(now)
        return self._bits_per_s

    @property
    def total_bytes(self) -> int:
        """All that was ever added."""
        return self._bytes_before + self._bytes

    def _close_window(self, now: float) -> None:
        elapsed = now - self._since
        stale = elapsed >= 2 * RATE_WINDOW_S
        self._bits_per_s = 0 if stale else int(self._bytes * 8 / elapsed)
        self._bytes_before += self._bytes
        self._bytes = 0
        self._since = now
