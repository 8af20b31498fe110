"""Who publishes and plays now."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from streams.admin.readonly import ReadOnlyAdmin
from streams.admin.states import badge, since, state_badge
from streams.models import Ending, LiveSession
from streams.services.endings import end_sessions


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

    actions = ("end_now",)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description="End the selected sessions now", permissions=["end"])
    def end_now(
        self, request: HttpRequest, queryset: QuerySet[LiveSession, LiveSession]
    ) -> None:
        rows = list(queryset.filter(ending=""))
        ended = end_sessions(Q(pk__in=[row.pk for row in rows]), Ending.STOPPED)
        for row in rows:  # afterwards: there may be thousands
            self.log_change(request, row, "Ended.")
        self.tell(request, f"Ending: {ended}.", messages.SUCCESS)

    @admin.display(description="state", ordering="state")
    def shown_state(self, session: LiveSession) -> SafeString:
        if session.ending:
            return badge("dead", "ending")
        return state_badge(session.state, "")

    @admin.display(description="since (UTC)", ordering="started_at")
    def since(self, session: LiveSession) -> SafeString | str:
        return since(session.started_at or session.created_at)
