"""Registered streams, and who is live on them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from streams.admin.base import require
from streams.admin.broadcast_columns import MEASURES, BroadcastColumns
from streams.admin.broadcast_panels import (
    events_of,
    known_subscribers,
    subscriber_panel,
    token_panel,
)
from streams.admin.filters import LiveStateFilter, OriginFilter
from streams.admin.links import copy_button, token_path
from streams.forms import BlockForm, BroadcastForm, MakeTokenForm
from streams.models import Broadcast, LiveSession, SessionRole, Subscriber, Token
from streams.overview import publisher_of, with_live_state
from streams.services.endings import stop_stream
from streams.services.tokens import create_token


@admin.register(Broadcast)
class BroadcastAdmin(BroadcastColumns):
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
                    "category",
                    "origin",
                    "links",
                )
            },
        ),
        ("Live now", {"fields": ("live", "sessions")}),
        (
            "When it may be published",
            {
                "fields": (
                    "time_zone",
                    "planned_start",
                    "planned_end",
                    "expire_duration_ms",
                )
            },
        ),
        (
            "How many, and who is told",
            {"fields": ("viewer_limit", "subtracks_limit", "listener_hook_url")},
        ),
        (
            "What clients are told",
            {"fields": ("meta_data", "role", "main_track_stream_id")},
        ),
        ("Adaptive quality", {"fields": ("encoder_settings",)}),
        ("Measured", {"fields": MEASURES}),
    )

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
            sees = self.admin_site.get_model_admin(LiveSession)
            shown = self.fieldsets
            if not sees.has_view_or_change_permission(request):
                shown = tuple(map(_without_sessions, shown))
            if not self.has_change_permission(request, obj):
                shown = tuple(map(_ladder_in_words, shown))
            return shown
        typed = self.fieldsets[0][1]["fields"][:5]
        return ((None, {"fields": typed}), *self.fieldsets[2:6])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Those on which somebody is live are protected, with the reason."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, lacking, [*protected, *_why_not(objs)]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        broadcast = kwargs.get("obj")
        if broadcast is not None:
            context |= {
                "may_stop": self.has_change_permission(request, broadcast)
                and publisher_of(broadcast).filter(ending="").exists(),
                "tokens": token_panel(self.admin_site, request, broadcast),
                "subscribers": subscriber_panel(self.admin_site, request, broadcast),
                "known_subscribers": known_subscribers(broadcast),
                "events_url": events_of(self.admin_site, request, broadcast),
                "urls": {
                    name.replace("-", "_"): self.button_url(broadcast, name)
                    for name in self.buttons
                },
            }
        return super().render_change_form(request, context, *args, **kwargs)

    # Buttons

    def press_stop(self, request: HttpRequest, broadcast: Broadcast) -> None:
        require(self.has_change_permission(request, broadcast))
        if stop_stream(broadcast.application_id, broadcast.stream_id):
            self.log_change(request, broadcast, "Stopped the stream.")
            self.tell(
                request, f"The stream {broadcast} is being stopped.", messages.WARNING
            )
        else:
            self.tell(request, f"Nobody publishes {broadcast}.", messages.INFO)

    def press_make_token(self, request: HttpRequest, broadcast: Broadcast) -> Any:
        tokens = self.admin_site.get_model_admin(Token)
        require(tokens.has_add_permission(request))
        form = MakeTokenForm(request.POST)
        if not form.is_valid():
            self.tell_errors(request, form)
            return None
        wanted = form.cleaned_data
        token = create_token(
            broadcast.application,
            broadcast.stream_id,
            wanted["type"],
            int(time.time()) + wanted["lifetime_s"],
            wanted["room"],
        )
        tokens.log_addition(request, token, f"Made a token for {broadcast}.")
        path = token_path(token)
        self.tell(
            request,
            format_html(
                'A token to {}: <code class="token">{}</code> <a href="{}">Open</a> {}',
                token.type,
                token.token_id,
                path,
                copy_button(path, "Copy link"),
            ),
        )
        return None

    def press_block(self, request: HttpRequest, broadcast: Broadcast) -> None:
        """From the table, or somebody named who need not be registered."""
        named = request.POST.get("row") or request.POST.get("subscriber_id")
        form = BlockForm({**request.POST.dict(), "subscriber_id": named})
        subscribers: Any = self.admin_site.get_model_admin(Subscriber)
        require(subscribers.has_change_permission(request))
        if not form.is_valid():
            self.tell_errors(request, form)
            return
        terms = dict(form.cleaned_data)
        row = _subscriber(broadcast, terms.pop("subscriber_id"))
        require(not row._state.adding or subscribers.has_add_permission(request))
        subscribers.tell_blocked(request, subscribers.block(request, row, **terms))

    def press_unblock(self, request: HttpRequest, broadcast: Broadcast) -> None:
        subscribers: Any = self.admin_site.get_model_admin(Subscriber)
        require(subscribers.has_change_permission(request))
        row = _subscriber(broadcast, request.POST.get("row", ""))
        if not row._state.adding:
            subscribers.tell_unblocked(request, subscribers.unblock(request, row))

    buttons: ClassVar = {
        "stop": press_stop,
        "make-token": press_make_token,
        "block": press_block,
        "unblock": press_unblock,
    }

    @admin.action(
        description="Keep the selected automatic broadcasts as registered ones",
        permissions=["change"],
    )
    def register_selected(
        self, request: HttpRequest, queryset: QuerySet[Broadcast, Broadcast]
    ) -> None:
        rows = list(queryset.filter(zombi=True))
        for row in rows:
            self.log_change(request, row, "Kept as a registered one.")
        keys = [row.pk for row in rows]
        kept = Broadcast.objects.filter(pk__in=keys, zombi=True).update(zombi=False)
        self.tell(request, f"Registered: {kept}.")


def _without_sessions(fieldset: Any) -> Any:
    """Addresses and names of viewers are for those who may see live sessions."""
    title, options = fieldset
    fields = tuple(name for name in options["fields"] if name != "sessions")
    return title, {**options, "fields": fields}


def _ladder_in_words(fieldset: Any) -> Any:
    title, options = fieldset
    fields = options["fields"]
    if "encoder_settings" not in fields:
        return fieldset
    shown = ("ladder" if name == "encoder_settings" else name for name in fields)
    return title, {**options, "fields": tuple(shown)}


def _subscriber(broadcast: Broadcast, subscriber_id: str) -> Subscriber:
    """The stream's subscriber; an unsaved one where it is not registered."""
    key = {
        "application": broadcast.application,
        "stream_id": broadcast.stream_id,
        "subscriber_id": subscriber_id,
    }
    return Subscriber.objects.filter(**key).first() or Subscriber(**key)


def _why_not(broadcasts: Iterable[Broadcast]) -> list[str]:
    """A reason for each of them that cannot be deleted."""
    live = set(
        LiveSession.objects.filter(
            stream_id__in=[row.stream_id for row in broadcasts],
            # Anybody may join a room under any name.
            role__in=(SessionRole.PUBLISH, SessionRole.PLAY),
        )
        .order_by()
        .values_list("application", "stream_id")
    )
    return [
        f"{row}: somebody publishes or plays it now. Stop the stream first."
        for row in broadcasts
        if (row.application_id, row.stream_id) in live
    ]
