"""Who publishes and plays now."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from streams.admin.measure_cells import (
    MEASURE_COLUMNS,
    publisher_cells,
    unmeasured,
    viewer_cells,
)
from streams.admin.readonly import ReadOnlyAdmin
from streams.admin.states import badge, since, state_badge
from streams.measured import measured
from streams.models import Ending, LiveSession, SessionRole
from streams.services.endings import end_sessions
from streams.services.relays import relay_key


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
    readonly_fields = ("measurements",)  # the rest is so anyhow

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

    @admin.display(description="measured now")
    def measurements(self, session: LiveSession) -> SafeString | str:
        cells = _measure_cells(session)
        if cells == unmeasured():
            return "Nothing: it has just begun, or is on a relay of another process."
        names = (name for name, _ in MEASURE_COLUMNS)
        return format_html(
            '<dl class="measures">{}</dl>',
            format_html_join(
                "",
                "<div><dt>{}</dt><dd>{}</dd></div>",
                zip(names, cells, strict=True),
            ),
        )

    @admin.display(description="state", ordering="state")
    def shown_state(self, session: LiveSession) -> SafeString:
        if session.ending:
            return badge("dead", "ending")
        return state_badge(session.state, "")

    @admin.display(description="since (UTC)", ordering="started_at")
    def since(self, session: LiveSession) -> SafeString | str:
        return since(session.started_at or session.created_at)


def _measure_cells(session: LiveSession) -> tuple[str, ...]:
    if session.role != SessionRole.PUBLISH:
        return viewer_cells(measured.viewers([session.pk]).get(session.pk))
    key = relay_key(session.application.name, session.stream_id)
    stream = measured.stream(key)
    if stream is None or stream.report.session != session.pk:
        return unmeasured()
    return publisher_cells(stream)
