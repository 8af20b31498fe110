"""Keys of programs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin, require
from streams.admin.filters import KeyStateFilter
from streams.admin.states import badge, in_zone, since
from streams.forms import ApiKeyForm
from streams.models import ApiKey
from streams.services.api_keys import create_api_key, revoke_api_key


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin[ApiKey]):
    """A key is shown once, in the answer that makes it, and stored nowhere."""

    form = ApiKeyForm
    list_display = (
        "name",
        "prefix",
        "scope",
        "shown_application",
        "state",
        "expires",
        "last_used",
    )
    list_filter = (KeyStateFilter, "scope", "application")
    list_select_related = ("application",)
    search_fields = ("name", "prefix")
    secret_fields = frozenset({"digest"})
    actions = ("revoke_selected",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        given = ("name", "scope", "application", "time_zone", "expires")
        if obj is None:
            return given
        return (*given, "state", "prefix", "created", "last_used")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        """What a key opens stays as it was when it was handed out."""
        if obj is None:
            return ()
        return ("scope", "application", "state", "prefix", "created", "last_used")

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made, text = create_api_key(
            obj.name, obj.scope, obj.application, obj.expires_at
        )
        obj.__dict__.update(made.__dict__)
        obj.shown_once = text

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """In the answer itself: a redirect would have to keep it somewhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"API key “{obj}”",
            "opts": self.opts,
            "media": self.media,
            "key": obj,
            "text": obj.shown_once,
        }
        return TemplateResponse(request, "admin/streams/apikey/made.html", context)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(
        self, request: HttpRequest, queryset: QuerySet[ApiKey, ApiKey]
    ) -> None:
        revoked = [key for key in queryset if self._revoke(request, key)]
        self.tell(request, f"Revoked: {len(revoked)}.", messages.WARNING)

    def press_revoke(self, request: HttpRequest, key: ApiKey) -> None:
        require(self.has_change_permission(request, key))
        if self._revoke(request, key):
            self.tell(request, f"Revoked: {key}.", messages.WARNING)

    buttons = {"revoke": press_revoke}

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        key = kwargs.get("obj")
        if key is not None and self.has_change_permission(request, key):
            context["revoke_url"] = (
                "" if key.revoked_at else self.button_url(key, "revoke")
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def _revoke(self, request: HttpRequest, key: ApiKey) -> bool:
        revoked = revoke_api_key(key)
        if revoked:
            self.log_change(request, key, "Revoked.")
        return revoked

    @admin.display(description="state")
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked_at:
            return badge("dead", f"revoked {in_zone(key.revoked_at)}")
        if key.expires_at and key.expires_at <= timezone.now():
            return badge("none", "expired")
        return badge("good", "good")

    @admin.display(description="application", ordering="application", empty_value="all")
    def shown_application(self, key: ApiKey) -> str | None:
        return None if key.application is None else key.application.name

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        return in_zone(key.expires_at) if key.expires_at else "never"

    @admin.display(description="made")
    def created(self, key: ApiKey) -> str:
        return in_zone(key.created_at)

    @admin.display(description="last used (UTC)", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> SafeString | str:
        return since(key.last_used_at)
