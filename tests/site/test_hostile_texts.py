"""Texts of strangers in the admin are texts."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from streams.models import (
    Application,
    Broadcast,
    ConnectionEvent,
    LiveSession,
    Node,
    Subscriber,
)

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
# As a tag, and as an end of the attribute or the script that the text is in.
DANGEROUS = ("<script>alert", "<img src=x", "\"'><", "</script><img")


def hostile(model: type[models.Model], **known: object) -> models.Model:
    """A row with the attack in every text that a stranger could write."""
    texts = {
        field.name: ATTACK[: field.max_length]
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField) and not field.choices
    }
    return model._default_manager.create(**{**texts, **known})


@pytest.fixture
def rows(db: None) -> list[models.Model]:
    application = Application.objects.get(name="LiveApp")
    broadcast = hostile(
        Broadcast, application=application, stream_id="cam1", listener_hook_url=""
    )
    relay = hostile(Node, name="relay-1", kind="relay", pid=1)
    session = hostile(
        LiveSession,
        id="0" * 32,
        role="publish",
        state="live",
        application=application,
        stream_id="cam1",
        node=relay,
        relay="relay-1",
        ending="",
    )
    return [
        broadcast,
        session,
        hostile(Subscriber, application=application, stream_id="cam1", b32_secret=""),
        hostile(
            ConnectionEvent,
            application=application,
            timestamp=1_800_000_000_000,
            session="0" * 32,
            type="play",
            event_type="refused",
        ),
        hostile(AccessAttempt, failures_since_start=1),
        hostile(AccessLog, attempt_time=timezone.now()),
    ]


def test_no_page_of_the_admin_takes_a_text_for_markup(
    admin_client: Client, rows: list[models.Model]
) -> None:
    shown = 0
    for row in rows:
        meta = row._meta
        assert type(row) in admin.site._registry
        base = f"admin:{meta.app_label}_{meta.model_name}"
        for url in (
            reverse(f"{base}_changelist"),
            reverse(f"{base}_changelist") + "?q=alert",
            reverse(f"{base}_change", args=[row.pk]),
            reverse(f"{base}_history", args=[row.pk]),
        ):
            answer = admin_client.get(url)
            assert answer.status_code == HTTPStatus.OK, url
            text = answer.content.decode()
            assert not any(danger in text for danger in DANGEROUS), url
            shown += "&lt;script&gt;" in text
    assert shown >= len(rows)


def test_the_overview_takes_none_for_markup(
    admin_client: Client, rows: list[models.Model]
) -> None:
    text = admin_client.get("/admin/live/").content.decode()
    assert not any(danger in text for danger in DANGEROUS)
