"""Applications and their settings."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin, require
from streams.admin.deletion import deleted_with
from streams.admin.states import badge
from streams.forms import APPLICATION_SECRETS, ApplicationForm
from streams.forms.ladder import describe_ladder
from streams.models import Application
from streams.overview import with_live_counts

CLOSED = ("collapse",)
_CREDENTIALS = (
    "{}_token_enabled",
    "{}_jwt_enabled",
    "{}_totp_enabled",
    "{}_hash_enabled",
    "{}_webhook_url",
)
_ONE_OF_THREE = (
    "Nothing switched on: everybody. At most one of one-time tokens, JWT and "
    "subscribers' codes; all that is switched on is asked for."
)
FIELDSETS: Any = (
    (None, {"fields": ("name", "pages", "suspended")}),
    (
        "What may be published, and how much",
        {
            "fields": (
                "accept_only_registered_streams",
                "accept_only_registered_rooms",
                "publisher_limit",
                "viewer_limit",
                "play_once_per_session",
            )
        },
    ),
    (
        "Who may publish",
        {
            "description": _ONE_OF_THREE,
            "fields": tuple(name.format("publish") for name in _CREDENTIALS),
        },
    ),
    (
        "Who may play",
        {
            "description": _ONE_OF_THREE,
            "fields": tuple(name.format("play") for name in _CREDENTIALS),
        },
    ),
    (
        "Keys and secrets",
        {
            "description": "They are not shown again. Empty fields stay as they are.",
            "fields": (
                "jwt_stream_secret",
                "totp_period_s",
                "totp_secret_publish",
                "totp_secret_play",
                "token_hash_secret",
                "push_jwt_secret",
            ),
        },
    ),
    (
        "Media",
        {
            "classes": CLOSED,
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
    (
        "Adaptive quality",
        {"classes": CLOSED, "fields": ("encoder_settings", "adaptive_enabled")},
    ),
    (
        "Rooms and data channels",
        {
            "classes": CLOSED,
            "fields": (
                "max_video_track_count",
                "max_audio_track_count",
                "visibility_matrix",
                "send_audio_levels",
                "audio_level_threshold",
                "data_channel_enabled",
                "data_channel_distribution",
            ),
        },
    ),
    (
        "Timing",
        {
            "classes": CLOSED,
            "fields": ("start_timeout_ms", "return_window_ms", "drop_without_packets"),
        },
    ),
    (
        "Events and webhooks",
        {
            "classes": CLOSED,
            "fields": (
                "write_connection_events",
                "connection_event_days",
                "listener_hook_url",
                "webhook_secret",
            ),
        },
    ),
    (
        "Programs (REST)",
        {
            "classes": CLOSED,
            "fields": (
                "rest_ip_filter_enabled",
                "rest_allowed_cidr",
                "rest_jwt_enabled",
                "rest_jwt_secret",
            ),
        },
    ),
    (
        "How clients connect",
        {
            "classes": CLOSED,
            "fields": (
                "tcp_candidates_enabled",
                "stun_server_uri",
                "turn_server_username",
                "turn_server_credential",
                "turn_shared_secret",
                "turn_credential_s",
            ),
        },
    ),
)


@admin.register(Application)
class ApplicationAdmin(BaseAdmin[Application]):
    form = ApplicationForm
    list_display = (
        "name",
        "pages",
        "publishers",
        "viewers",
        "registered_only",
        "suspended",
    )
    list_filter = ("suspended", "accept_only_registered_streams")
    search_fields = ("name",)
    readonly_fields = ("pages",)
    secret_fields = frozenset(APPLICATION_SECRETS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application, Application]:
        return with_live_counts(super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> Any:
        if not self.has_change_permission(request):
            return self.list_display
        return (*self.list_display[:-1], "suspended_switch")

    def get_fieldsets(
        self, request: HttpRequest, obj: Application | None = None
    ) -> Any:
        """Who may not change an application sees whether it has a secret, no more."""
        if obj is None or self.has_change_permission(request, obj):
            return FIELDSETS
        return tuple(
            (title, {**options, "fields": _for_looking(options["fields"])})
            for title, options in FIELDSETS
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Application | None = None
    ) -> tuple[str, ...]:
        if obj is not None and obj.broadcasts.exists():
            return ("pages", "name")
        return ("pages",)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counted and not listed: an application may have millions of events."""
        return deleted_with(self.admin_site, request, objs)

    def press_suspend(self, request: HttpRequest, application: Application) -> Any:
        """Who is live stays live."""
        return self._switch(request, application, suspended=True)

    def press_resume(self, request: HttpRequest, application: Application) -> Any:
        return self._switch(request, application, suspended=False)

    # Each says what it wants: a list may be out of date when it is pressed.
    buttons: ClassVar = {"suspend": press_suspend, "resume": press_resume}

    def _switch(
        self, request: HttpRequest, application: Application, *, suspended: bool
    ) -> HttpResponseRedirect:
        require(self.has_change_permission(request, application))
        others = Application.objects.filter(pk=application.pk, suspended=not suspended)
        done = "Suspended" if suspended else "No longer suspended"
        if others.update(suspended=suspended):
            self.log_change(request, application, f"{done}.")
        level = messages.WARNING if suspended else messages.SUCCESS
        self.tell(request, f"{done}: {application}.", level)
        return HttpResponseRedirect(reverse("admin:streams_application_changelist"))

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

    @admin.display(
        description="registered only",
        ordering="accept_only_registered_streams",
        boolean=True,
    )
    def registered_only(self, application: Application) -> bool:
        """By a short name: the switch beside it must have room."""
        return application.accept_only_registered_streams

    @admin.display(description="newcomers", ordering="suspended")
    def suspended_switch(self, application: Application) -> SafeString:
        """A button of the list's own form, which has the CSRF token."""
        suspended = application.suspended
        return format_html(
            '{} <button class="small" formaction="{}">{}</button>',
            badge("dead", "refused") if suspended else badge("none", "let in"),
            self.button_url(application, "resume" if suspended else "suspend"),
            "Resume" if suspended else "Suspend",
        )

    @admin.display(description="renditions")
    def ladder(self, application: Application) -> str:
        return describe_ladder(application.encoder_settings)

    @admin.display(description="stored")
    def secrets_stored(self, application: Application) -> str:
        labels = (
            str(Application._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
            for name in APPLICATION_SECRETS
            if getattr(application, name)
        )
        return ", ".join(labels) or "none"


def _for_looking(fields: tuple[str, ...]) -> tuple[str, ...]:
    """All but the secrets; where there were most of them, which are stored."""
    words = {"encoder_settings": "ladder"}
    shown = tuple(
        words.get(name, name) for name in fields if name not in APPLICATION_SECRETS
    )
    return (*shown, "secrets_stored") if "jwt_stream_secret" in fields else shown
