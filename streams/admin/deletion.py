"""What goes with an application when it is deleted, and what forbids it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from streams.models import (
    ApiKey,
    Application,
    Broadcast,
    ConnectionEvent,
    LiveSession,
    Subscriber,
    Token,
    WebhookDelivery,
)

# What people made: it goes with the application if they may delete it.
_MANAGED = (Token, Subscriber, ApiKey)
# What processes wrote about it: nobody deletes that by itself, and it goes too.
_RECORDS = (ConnectionEvent, WebhookDelivery)


def deleted_with(
    site: Any, request: HttpRequest, applications: Iterable[Application]
) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
    """As `ModelAdmin.get_deleted_objects`: a line for each application, how many
    rows of each kind, the kinds that this operator may not delete, and why it
    cannot be done now."""
    chosen = list(applications)
    counts = {str(Application._meta.verbose_name_plural): len(chosen)}
    lacking: set[str] = set()
    for model in (Application, *_MANAGED, *_RECORDS):
        meta = model._meta
        rows = len(chosen) if model is Application else _count(model, chosen)
        if not rows:
            continue
        counts[str(meta.verbose_name_plural)] = rows
        may = site.get_model_admin(model).has_delete_permission(request)
        if model not in _RECORDS and not may:
            lacking.add(str(meta.verbose_name))
    return [_line(row) for row in chosen], counts, lacking, _why_not(chosen)


def _count(model: type[Model], applications: list[Application]) -> int:
    return model._default_manager.filter(application__in=applications).count()


def _line(application: Application) -> Any:
    url = reverse("admin:streams_application_change", args=[quote(application.pk)])
    return format_html('Application: <a href="{}">{}</a>', url, application)


def _why_not(applications: list[Application]) -> list[str]:
    reasons = []
    for application in applications:
        if LiveSession.objects.filter(application=application).exists():
            reasons.append(f"{application}: somebody publishes or plays there now.")
        if broadcasts := Broadcast.objects.filter(application=application).count():
            reasons.append(
                f"{application}: it has broadcasts ({broadcasts}). Delete them first."
            )
    return reasons
