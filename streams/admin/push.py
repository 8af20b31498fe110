"""Devices for push notifications: registered by their apps, for people to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin
from streams.admin.states import in_zone
from streams.models import PushToken

SHOWN_CHARS = 4


@admin.register(PushToken)
class PushTokenAdmin(BaseAdmin[PushToken]):
    """Nobody adds or changes one here. Its token is for push services only."""

    list_display = ("subscriber_id", "application", "type", "device", "registered")
    list_filter = ("type", "application")
    list_select_related = ("application",)
    list_per_page = 50
    search_fields = ("subscriber_id",)
    secret_fields = frozenset({"token"})
    fields = ("application", "subscriber_id", "type", "device", "registered")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="device")
    def device(self, row: PushToken) -> SafeString:
        """Enough to tell it from others, too little to use it."""
        return format_html("<code>{}…</code>", row.token[:SHOWN_CHARS])

    @admin.display(description="registered", ordering="registered_at")
    def registered(self, row: PushToken) -> str:
        return in_zone(row.registered_at)
