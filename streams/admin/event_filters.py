"""Filters of the list of connection events, whose times are unix milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from streams.clock import to_ms
from streams.models import ConnectionEvent


class EventTimeFilter(admin.SimpleListFilter):
    """How long ago."""

    title = "time"
    parameter_name = "since"
    periods: ClassVar = {
        "15m": ("last 15 minutes", timedelta(minutes=15)),
        "1h": ("last hour", timedelta(hours=1)),
        "1d": ("last day", timedelta(days=1)),
        "7d": ("last 7 days", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in self.periods.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionEvent, ConnectionEvent]
    ) -> QuerySet[ConnectionEvent, ConnectionEvent]:
        found = self.periods.get(self.value() or "")
        if found is None:
            return queryset
        return queryset.filter(timestamp__gte=to_ms(timezone.now() - found[1]))


class EventDayFilter(admin.SimpleListFilter):
    """One day of the operator's zone."""

    title = "day"
    parameter_name = "day"
    template = "admin/streams/day_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "any day")]  # the template has an input in their place

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The search and the other filters, which the form has to send along."""
        kept = changelist.params
        yield {
            "value": self.value() or "",
            "zone": timezone.get_current_timezone_name(),
            "kept": sorted(
                (name, value)
                for name, value in kept.items()
                if name != self.parameter_name
            ),
        }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionEvent, ConnectionEvent]
    ) -> QuerySet[ConnectionEvent, ConnectionEvent]:
        bounds = _day_of(self.value() or "")
        if bounds is None:
            return queryset
        start_ms, end_ms = bounds
        return queryset.filter(timestamp__gte=start_ms, timestamp__lt=end_ms)


class ReasonFilter(admin.SimpleListFilter):
    """Why it was refused or ended: what the newest events name."""

    title = "reason"
    parameter_name = "reason"
    LOOKED_AT = 2000  # rows: there is no index of all reasons

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = ConnectionEvent.objects.order_by("-timestamp")[: self.LOOKED_AT]
        reasons = {*newest.values_list("reason", flat=True), self.value() or ""}
        return [(reason, reason) for reason in sorted(reasons) if reason]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConnectionEvent, ConnectionEvent]
    ) -> QuerySet[ConnectionEvent, ConnectionEvent]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


def _day_of(text: str) -> tuple[int, int] | None:
    """Its first millisecond and that of the next day; None: no date."""
    try:
        day = date.fromisoformat(text)
        zone = timezone.get_current_timezone()
        start = datetime.combine(day, time(), zone)
        end = datetime.combine(day + timedelta(days=1), time(), zone)
        return to_ms(start), to_ms(end)
    except (ValueError, OverflowError):
        return None
