"""Filters of the broadcast list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.admin.states import LABELS
from streams.models import Broadcast, SessionState
from streams.overview import in_live_state

NOBODY = "none"


class LiveStateFilter(admin.SimpleListFilter):
    """By the state of the publisher's session."""

    title = "live state"
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            *((state.value, label) for state, label in LABELS.items()),
            (NOBODY, "not live"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Broadcast, Broadcast]
    ) -> QuerySet[Broadcast, Broadcast]:
        wanted = self.value()
        if wanted == NOBODY:
            return in_live_state(queryset, None)
        if wanted in SessionState.values:
            return in_live_state(queryset, SessionState(wanted))
        return queryset


class OriginFilter(admin.SimpleListFilter):
    """Registered by an operator, or automatic."""

    title = "origin"
    parameter_name = "automatic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("0", "registered"), ("1", "automatic")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Broadcast, Broadcast]
    ) -> QuerySet[Broadcast, Broadcast]:
        if self.value() in ("0", "1"):
            return queryset.filter(zombi=self.value() == "1")
        return queryset
