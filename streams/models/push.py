"""Devices that subscribers have registered for push notifications."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from streams.models.application import Application
from streams.names import MAX_REGISTRATION_CHARS


class PushService(models.TextChoices):
    """Who brings a notification to the device; the names are `pnsType` on the wire."""

    FCM = "fcm", "Firebase Cloud Messaging"
    APN = "apn", "Apple Push Notification"


class PushToken(models.Model):
    """By this a push service knows one device; its subscriber is who came last."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="push_tokens"
    )
    subscriber_id = models.CharField("subscriber id", max_length=255)
    type = models.CharField("push service", max_length=8, choices=PushService)
    token = models.CharField("registration token", max_length=MAX_REGISTRATION_CHARS)
    registered_at = models.DateTimeField("registered", default=timezone.now)

    class Meta:
        verbose_name = "push device"
        ordering: ClassVar = ["application", "subscriber_id", "-registered_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "type", "token"],
                name="one_subscriber_per_device",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["application", "subscriber_id"],
                name="devices_of_a_subscriber",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} device of {self.subscriber_id}"
