"""Processes that own live sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

DEAD_AFTER = timedelta(seconds=20)  # without a heartbeat


class NodeKind(models.TextChoices):
    ASGI = "asgi", "web"
    RELAY = "relay", "relay"


class Node(models.Model):
    """A process that owns live sessions, alive while its heartbeat is fresh."""

    name = models.CharField(max_length=255, primary_key=True)
    kind = models.CharField(max_length=8, choices=NodeKind)
    hostname = models.CharField(max_length=255)
    pid = models.PositiveIntegerField(
        help_text="On its host. A relay that is a child has its parent's."
    )
    pid_namespace = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="Where the pid is known.",
    )
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    resumed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Its first heartbeat after a gap, when the database was away, say.",
    )
    closed = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["closed", "name"]

    def __str__(self) -> str:
        return self.name
