"""Tokens made here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin
from streams.admin.filters import TokenStateFilter
from streams.admin.links import copy_button, token_path
from streams.admin.states import badge, in_zone
from streams.clock import from_s
from streams.forms import TokenForm
from streams.models import Token

SHOWN_CHARS = 4
KEY_FIELDS = ("application", "stream_id", "type", "room_id")


def masked(token: Token) -> str:
    """Enough to tell it from others, too little to use it."""
    return f"{token.token_id[:SHOWN_CHARS]}…"


@admin.register(Token)
class TokenAdmin(BaseAdmin[Token]):
    """The token itself is for those who may change it."""

    form = TokenForm
    list_filter = ("type", TokenStateFilter, "application")
    list_select_related = ("application",)
    list_per_page = 50
    search_fields: ClassVar[Any] = ("stream_id", "room_id", "token_id")
    secret_fields = frozenset({"token_id"})

    def get_list_display(self, request: HttpRequest) -> Any:
        named = ("stream_id", "application", "type", "room_id", "state", "expires")
        if self.has_change_permission(request):
            return ("token", *named, "link")
        return ("hidden_token", *named)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return list_display[:1]

    def get_search_fields(self, request: HttpRequest) -> Any:
        if self.has_change_permission(request):
            return self.search_fields
        return ("stream_id", "room_id")

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> Any:
        if obj is None:
            return (*KEY_FIELDS, "time_zone", "expires")
        if self.has_change_permission(request, obj):
            shown: tuple[str, ...] = ("token", "link", "state")
        else:
            shown = ("hidden_token", "state")
        return (*shown, *KEY_FIELDS, "time_zone", "expires", "created")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Token | None = None
    ) -> Any:
        """Only its end can be changed: somebody has it already."""
        if obj is None:
            return ()
        return ("token", "hidden_token", "link", "state", "created", *KEY_FIELDS)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"type": "play", **super().get_changeform_initial_data(request)}

    @admin.display(description="token", ordering="token_id")
    def token(self, token: Token) -> SafeString:
        return format_html('<code class="token">{}</code>', token.token_id)

    @admin.display(description="token")
    def hidden_token(self, token: Token) -> SafeString:
        return format_html('<code class="token">{}</code>', masked(token))

    @admin.display(description="link")
    def link(self, token: Token) -> SafeString:
        path = token_path(token)
        return format_html(
            '<span class="together"><a href="{}">{}</a> {}</span>',
            path,
            token.type.capitalize(),
            copy_button(path, "Copy"),
        )

    @admin.display(description="state", ordering="expire_date")
    def state(self, token: Token) -> SafeString:
        if token.expire_date > timezone.now().timestamp():
            return badge("good", "valid")
        return badge("none", "expired")

    @admin.display(description="expires", ordering="expire_date")
    def expires(self, token: Token) -> str:
        return in_zone(from_s(token.expire_date))

    @admin.display(description="made")
    def created(self, token: Token) -> str:
        return in_zone(token.created_at)
