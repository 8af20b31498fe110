"""The processes behind."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from streams.admin.readonly import ReadOnlyAdmin
from streams.admin.states import badge, since
from streams.models import DEAD_AFTER, Node
from streams.overview import with_sessions


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin[Node]):
    list_display = (
        "name",
        "kind",
        "state",
        "session_count",
        "hostname",
        "pid",
        "heartbeat",
        "running_since",
    )
    list_filter = ("kind", "closed")
    search_fields = ("name", "hostname")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node, Node]:
        return with_sessions(super().get_queryset(request))

    @admin.display(description="state")
    def state(self, node: Node) -> SafeString:
        if node.closed:
            return badge("none", "ended")
        if node.heartbeat_at < timezone.now() - DEAD_AFTER:
            return badge("dead", "silent")
        return badge("none", "alive")

    @admin.display(description="sessions", ordering="session_count")
    def session_count(self, node: Node) -> int:
        return int(node.session_count)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="running since (UTC)", ordering="started_at")
    def running_since(self, node: Node) -> SafeString | str:
        return since(node.started_at)

    @admin.display(description="last heartbeat (UTC)", ordering="heartbeat_at")
    def heartbeat(self, node: Node) -> SafeString | str:
        return since(node.heartbeat_at)
