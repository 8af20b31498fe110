"""Who publishes and plays now."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils.safestring import SafeString

from streams.admin.readonly import ReadOnlyAdmin
from streams.admin.states import since, state_badge
from streams.models import LiveSession


@admin.register(LiveSession)
class LiveSessionAdmin(ReadOnlyAdmin[LiveSession]):
    list_display = (
        "stream_id",
        "application",
        "role",
        "shown_state",
        "since",
        "remote_ip",
        "subscriber_id",
        "relay",
        "node_id",
    )
    list_filter = ("application", "role", "state", "relay")
    list_select_related = ("application",)
    search_fields = ("stream_id", "remote_ip", "subscriber_id", "viewer_info")
    list_per_page = 50

    class Media:
        css: ClassVar = {"all": ("streams/admin.css",)}

    @admin.display(description="state", ordering="state")
    def shown_state(self, session: LiveSession) -> SafeString:
        return state_badge(session.state, "")

    @admin.display(description="since (UTC)", ordering="started_at")
    def since(self, session: LiveSession) -> SafeString | str:
        return since(session.started_at or session.created_at)
