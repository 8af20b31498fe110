"""How live states look."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.models import SessionState
from streams.wording import word_duration

LABELS = {
    SessionState.LIVE: "live",
    SessionState.PREPARING: "connecting",
    SessionState.PARKED: "waiting",
}


def badge(kind: str, text: str) -> SafeString:
    return format_html('<span class="state state-{}">{}</span>', kind, text)


def state_badge(state: str | None, otherwise: str) -> SafeString:
    """The badge of a SessionState, or `otherwise` where nobody is."""
    if not state:
        return badge("none", otherwise)
    return badge(state, LABELS[SessionState(state)])


def since(moment: datetime | None) -> SafeString | str:
    """A UTC time of day, with its date when that is not today, and how long ago."""
    if moment is None:
        return "-"
    now = timezone.now()
    shape = "H:i:s" if moment.date() == now.date() else "Y-m-d H:i:s"
    return format_html(
        '<span class="since">{}</span> <span class="since">({})</span>',
        date_format(moment, shape),
        word_duration(now - moment),
    )


def in_zone(moment: datetime | None) -> str:
    """Date and time in the operator's zone, which is named."""
    if moment is None:
        return "-"
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"


def in_two_lines(moment: datetime) -> SafeString:
    """The same, to break after the date where a column is narrow."""
    local = timezone.localtime(moment)
    return format_html(
        '<span class="since">{}</span> <span class="since">{}</span>',
        f"{local:%Y-%m-%d}",
        f"{local:%H:%M:%S %Z}",
    )
