"""Filters of the lists of streams, tokens, subscribers and keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from streams.admin.states import LABELS
from streams.clock import now_ms
from streams.models import ApiKey, Broadcast, SessionState, Subscriber, Token
from streams.overview import are_connected, in_live_state

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


class TokenStateFilter(admin.SimpleListFilter):
    """Still good, or past their end."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("valid", "valid"), ("expired", "expired")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Token, Token]
    ) -> QuerySet[Token, Token]:
        now_s = int(timezone.now().timestamp())
        if self.value() == "valid":
            return queryset.filter(expire_date__gt=now_s)
        if self.value() == "expired":
            return queryset.filter(expire_date__lte=now_s)
        return queryset


class BlockedFilter(admin.SimpleListFilter):
    """Blocked now, or not."""

    title = "blocked"
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "blocked"), ("0", "not blocked")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Subscriber, Subscriber]
    ) -> QuerySet[Subscriber, Subscriber]:
        blocked = Q(blocked_until_ms__gte=now_ms()) & ~Q(blocked_type="")
        if self.value() in ("0", "1"):
            return queryset.filter(blocked if self.value() == "1" else ~blocked)
        return queryset


class ConnectedFilter(admin.SimpleListFilter):
    """With a live session, or without."""

    title = "connected"
    parameter_name = "connected"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "connected"), ("0", "not connected")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Subscriber, Subscriber]
    ) -> QuerySet[Subscriber, Subscriber]:
        if self.value() in ("0", "1"):
            return are_connected(queryset, wanted=self.value() == "1")
        return queryset


class KeyStateFilter(admin.SimpleListFilter):
    """Keys that open something, and others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("good", "good"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ApiKey, ApiKey]
    ) -> QuerySet[ApiKey, ApiKey]:
        expired = Q(expires_at__lte=timezone.now())
        if self.value() == "good":
            return queryset.filter(revoked_at=None).exclude(expired)
        if self.value() == "expired":
            return queryset.filter(expired, revoked_at=None)
        if self.value() == "revoked":
            return queryset.exclude(revoked_at=None)
        return queryset
