"""Applications and their settings."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.models import Application
from streams.overview import with_live_counts
from streams.typed import ModelAdmin


@admin.register(Application)
class ApplicationAdmin(ModelAdmin[Application]):
    list_display = (
        "name",
        "pages",
        "publishers",
        "viewers",
        "accept_only_registered_streams",
        "suspended",
    )
    list_filter = ("suspended", "accept_only_registered_streams")
    search_fields = ("name",)
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "pages")}),
        (
            "Who may publish and play",
            {
                "fields": (
                    "suspended",
                    "accept_only_registered_streams",
                    "play_once_per_session",
                )
            },
        ),
        (
            "Media",
            {
                "description": "What a publisher sends is forwarded as it is. At "
                "least one codec must be enabled.",
                "fields": (
                    "vp8_enabled",
                    "h264_enabled",
                    "vp9_enabled",
                    "av1_enabled",
                    "max_publish_bitrate",
                ),
            },
        ),
        ("Timing", {"fields": ("start_timeout_ms", "return_window_ms")}),
        (
            "Servers that clients are told of",
            {
                "fields": (
                    "stun_server_uri",
                    "turn_server_username",
                    "turn_server_credential",
                )
            },
        ),
    )
    readonly_fields = ("pages",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application, Application]:
        return with_live_counts(super().get_queryset(request))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Application | None = None
    ) -> tuple[str, ...]:
        if obj is not None and obj.broadcasts.exists():
            return ("pages", "name")
        return ("pages",)

    @admin.display(description="pages")
    def pages(self, application: Application) -> SafeString | str:
        if not application.pk:
            return "-"
        return format_html('<a href="/{0}/">/{0}/</a>', application.name)

    @admin.display(description="live publishers", ordering="publishers")
    def publishers(self, application: Application) -> int:
        return int(application.publishers)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="viewers", ordering="viewers")
    def viewers(self, application: Application) -> int:
        return int(application.viewers)  # type: ignore[attr-defined]  # annotated
