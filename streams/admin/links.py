"""Addresses that operators hand out, and what shows them."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from streams.models import Token


def page_path(application: str, page: str, stream_id: str, token: str = "") -> str:
    """The sample page (`play` or `publish`) of a stream."""
    query = {"id": stream_id} | ({"token": token} if token else {})
    return f"/{application}/{page}?{urlencode(query)}"


def token_path(token: Token) -> str:
    """The page that presents this token."""
    return page_path(
        token.application.name, token.type, token.stream_id, token.token_id
    )


def copy_button(text: str, label: str) -> SafeString:
    """Copies `text`; a path is copied as the full address (streams/admin.js)."""
    return format_html(
        '<button type="button" class="small" data-copy="{}">{}</button>', text, label
    )


def list_of(model: type[Model], **query: Any) -> str:
    """The address of a model's list, narrowed."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return f"{reverse(name)}?{urlencode(query)}"


def add_page_of(model: type[Model], **initial: Any) -> str:
    """The address of a model's form for a new row, with fields filled in."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
    return f"{reverse(name)}?{urlencode(initial)}"
