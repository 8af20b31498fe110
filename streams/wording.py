"""Measures in people's words."""

from __future__ import annotations

from datetime import timedelta


def word_duration(duration: timedelta) -> str:
    """ "45 s", "12 min 05 s", "3 h 02 min", "2 d 4 h": the two largest units."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes:
        return f"{minutes} min {seconds:02} s"
    return f"{seconds} s"


def word_bitrate(bits_per_second: int) -> str:
    """ "1.5 Mbit/s", "640 kbit/s"; nothing for 0."""
    if bits_per_second <= 0:
        return ""
    if bits_per_second >= 1_000_000:
        return f"{bits_per_second / 1_000_000:.1f} Mbit/s"
    return f"{max(1, round(bits_per_second / 1000))} kbit/s"


def word_bytes(size: int) -> str:
    """ "12.3 MB", decimal units."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def word_share(fraction: float) -> str:
    """ "0 %", "0.4 %", "12 %", of a share from 0 to 1."""
    percent = 100 * max(0.0, fraction)
    if percent == 0 or percent >= 10:
        return f"{percent:.0f} %"
    return f"{max(0.1, percent):.1f} %"


def word_resolution(width: int, height: int) -> str:
    return f"{width} x {height}" if width and height else ""
