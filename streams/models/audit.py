"""What happened: connections, and what was posted to webhooks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from streams.models.application import Application
from streams.names import MAX_NAME_LENGTH


class EventType(models.TextChoices):
    CONNECTED = "connected", "connected"
    DISCONNECTED = "disconnected", "disconnected"
    REFUSED = "refused", "refused"


class ConnectionEvent(models.Model):
    """Somebody came, went or was refused (contract 7.2, and why)."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="connection_events"
    )
    stream_id = models.CharField("stream id", max_length=MAX_NAME_LENGTH)
    subscriber_id = models.CharField(max_length=255, blank=True, default="")
    event_type = models.CharField("event", max_length=16, choices=EventType)
    type = models.CharField("role", max_length=8)  # publish, play
    timestamp = models.BigIntegerField(help_text="Unix time in ms; of the last one.")
    protocol = models.CharField(max_length=8, default="webrtc")
    reason = models.CharField(
        max_length=64, blank=True, default="", help_text="Why it was refused or ended."
    )
    count = models.PositiveIntegerField(
        default=1, help_text="Equal refusals in a row are one row."
    )
    remote_ip = models.CharField("address", max_length=64, blank=True, default="")
    duration_ms = models.BigIntegerField("lasted (ms)", default=0)
    session = models.CharField(max_length=32, blank=True, default="")
    instance = models.CharField("process", max_length=255, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-timestamp", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["application", "stream_id", "-timestamp"],
                name="events_of_a_stream",
            ),
            models.Index(fields=["timestamp"], name="events_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type}: {self.type} of {self.stream_id}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "given up"


class WebhookDelivery(models.Model):
    """An event that is posted to an operator's address until it is taken."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE)
    url = models.CharField(max_length=500)
    action = models.CharField(max_length=64)
    stream_id = models.CharField("stream id", max_length=MAX_NAME_LENGTH)
    body = models.JSONField()
    state = models.CharField(
        max_length=16, choices=DeliveryState, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    last_error = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                name="deliveries_due",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=["created_at"], name="deliveries_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.stream_id}"
