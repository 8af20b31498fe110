"""Registered streams, and who is live on them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from streams.admin.filters import LiveStateFilter, OriginFilter
from streams.admin.states import since, state_badge
from streams.clock import from_ms
from streams.forms import BroadcastForm
from streams.models import Broadcast, BroadcastStatus, LiveSession, SessionRole
from streams.overview import sessions_of, with_live_state
from streams.typed import ModelAdmin
from streams.wording import word_bitrate, word_bytes, word_resolution

MAX_SESSIONS_SHOWN = 100
MEASURES = (
    "measured_bitrate",
    "codecs",
    "resolution",
    "received",
    "packets_lost",
    "jitter_ms",
    "user_agent",
    "reported_at",
)


@admin.register(Broadcast)
class BroadcastAdmin(ModelAdmin[Broadcast]):
    form = BroadcastForm
    list_display = (
        "title",
        "application",
        "live",
        "live_since",
        "media_shown",
        "viewers",
        "publisher",
    )
    list_filter = ("application", LiveStateFilter, OriginFilter)
    list_select_related = ("application",)
    list_per_page = 50
    search_fields = ("stream_id", "name", "description", "remote_ip")
    actions = ("register_selected",)
    formfield_overrides: ClassVar = {
        models.TextField: {"widget": AdminTextareaWidget(attrs={"rows": 3})}
    }
    readonly_fields = ("links", "live", "origin", "sessions", *MEASURES)
    fieldsets: ClassVar = (
        (
            None,
            {
                "fields": (
                    "application",
                    "stream_id",
                    "name",
                    "description",
                    "origin",
                    "links",
                )
            },
        ),
        ("Live now", {"fields": ("live", "sessions")}),
        (
            "When it may be published",
            {"fields": ("planned_start", "planned_end", "expire_duration_ms")},
        ),
        (
            "What clients are told",
            {"fields": ("meta_data", "role", "main_track_stream_id")},
        ),
        ("Measured", {"fields": MEASURES}),
    )

    class Media:
        css: ClassVar = {"all": ("streams/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Broadcast, Broadcast]:
        return with_live_state(super().get_queryset(request))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Broadcast | None = None
    ) -> tuple[str, ...]:
        """A stream keeps its id: it is what everybody knows it by."""
        fixed = () if obj is None else ("application", "stream_id")
        return (*fixed, *self.readonly_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Broadcast | None = None) -> Any:
        if obj is not None:
            return self.fieldsets
        shown = (self.fieldsets[0][1]["fields"][:4], *self.fieldsets[2:4])
        return ((None, {"fields": shown[0]}), *shown[1:])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and sessions_of(obj).exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.action(
        description="Keep the selected automatic broadcasts as registered ones",
        permissions=["change"],
    )
    def register_selected(
        self, request: HttpRequest, queryset: QuerySet[Broadcast, Broadcast]
    ) -> None:
        keys = list(queryset.values_list("pk", flat=True))
        kept = Broadcast.objects.filter(pk__in=keys, zombi=True).update(zombi=False)
        self.message_user(request, f"Registered: {kept}.", messages.SUCCESS)

    @admin.display(description="stream", ordering="stream_id")
    def title(self, broadcast: Broadcast) -> SafeString:
        return format_html(
            "{}{}{}",
            broadcast.stream_id,
            format_html(" · {}", broadcast.name) if broadcast.name else "",
            _automatic_mark() if broadcast.zombi else "",
        )

    @admin.display(description="origin")
    def origin(self, broadcast: Broadcast) -> SafeString | str:
        if not broadcast.zombi:
            return "registered"
        return format_html("{} {}", _automatic_mark(), "It vanishes when it ends.")

    @admin.display(description="state", ordering="live_state")
    def live(self, broadcast: Broadcast) -> SafeString:
        status = BroadcastStatus(broadcast.current_status)
        ended = str(status.label).lower()
        return state_badge(_annotated(broadcast, "live_state"), ended)

    @admin.display(description="since (UTC)", ordering="live_since")
    def live_since(self, broadcast: Broadcast) -> SafeString | str:
        return since(_annotated(broadcast, "live_since"))

    @admin.display(description="publisher", ordering="publisher_ip")
    def publisher(self, broadcast: Broadcast) -> str:
        return _annotated(broadcast, "publisher_ip") or "-"

    @admin.display(description="media", ordering="bitrate")
    def media_shown(self, broadcast: Broadcast) -> SafeString | str:
        """Bitrate and resolution while there is a publisher, in one column."""
        if not _annotated(broadcast, "live_state"):
            return "-"
        words = (
            word_bitrate(broadcast.bitrate),
            word_resolution(broadcast.width, broadcast.height),
        )
        parts = ((part,) for part in words if part)
        return format_html_join(" ", '<span class="since">{}</span>', parts) or "-"

    @admin.display(description="bitrate")
    def measured_bitrate(self, broadcast: Broadcast) -> str:
        return word_bitrate(broadcast.bitrate) or "-"

    @admin.display(description="resolution")
    def resolution(self, broadcast: Broadcast) -> str:
        return word_resolution(broadcast.width, broadcast.height) or "-"

    @admin.display(description="viewers", ordering="viewers")
    def viewers(self, broadcast: Broadcast) -> int:
        return int(_annotated(broadcast, "viewers") or 0)

    @admin.display(description="codecs")
    def codecs(self, broadcast: Broadcast) -> str:
        used = (broadcast.video_codec, broadcast.audio_codec)
        return ", ".join(filter(None, used)) or "-"

    @admin.display(description="received")
    def received(self, broadcast: Broadcast) -> str:
        return word_bytes(broadcast.received_bytes)

    @admin.display(description="last report (UTC)")
    def reported_at(self, broadcast: Broadcast) -> SafeString | str:
        if not broadcast.update_time:
            return "-"
        return since(from_ms(broadcast.update_time))

    # Shown in place of the form's fields to those who may only look.

    def planned_start(self, broadcast: Broadcast) -> str:
        return _planned(broadcast.planned_start_date)

    def planned_end(self, broadcast: Broadcast) -> str:
        return _planned(broadcast.planned_end_date)

    @admin.display(description="pages")
    def links(self, broadcast: Broadcast) -> SafeString | str:
        query = urlencode({"id": broadcast.stream_id})
        base = f"/{broadcast.application.name}"
        return format_html_join(
            " · ",
            '<a href="{}/{}?{}">{}</a>',
            ((base, page, query, page.capitalize()) for page in ("play", "publish")),
        )

    @admin.display(description="sessions")
    def sessions(self, broadcast: Broadcast) -> SafeString | str:
        """Who publishes and plays it now."""
        rows = list(sessions_of(broadcast)[: MAX_SESSIONS_SHOWN + 1])
        if not rows:
            return "Nobody publishes or plays it now."
        body = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
            '<td class="agent" title="{}">{}</td></tr>',
            (_cells(row, broadcast) for row in rows[:MAX_SESSIONS_SHOWN]),
        )
        more = "… and more" if len(rows) > MAX_SESSIONS_SHOWN else ""
        return format_html(
            '<div class="sessions"><table><thead><tr>{}</tr></thead>'
            "<tbody>{}</tbody></table>{}</div>",
            format_html_join("", "<th>{}</th>", ((name,) for name in COLUMNS)),
            body,
            more,
        )


COLUMNS = (
    "Role",
    "State",
    "Since (UTC)",
    "Bitrate",
    "Address",
    "Subscriber",
    "Client",
)


def _cells(row: LiveSession, broadcast: Broadcast) -> tuple[Any, ...]:
    publishes = row.role == SessionRole.PUBLISH
    return (
        row.get_role_display(),
        state_badge(row.state, ""),
        since(row.started_at or row.created_at),
        (word_bitrate(broadcast.bitrate) if publishes else "") or "-",
        row.remote_ip or "-",
        row.subscriber_id or "-",
        row.user_agent,
        row.viewer_info or row.user_agent or "-",
    )


def _planned(seconds: int) -> str:
    return f"{from_ms(seconds * 1000):%Y-%m-%d %H:%M:%S} UTC" if seconds else "-"


def _automatic_mark() -> SafeString:
    return format_html('<span class="automatic">{}</span>', "automatic")


def _annotated(broadcast: Broadcast, name: str) -> Any:
    """A value of `with_live_state`, which the admin's rows have."""
    return getattr(broadcast, name, None)
