"""What publishers and viewers present, and what was accepted of it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from streams.clock import from_ms, to_ms
from streams.models.access import MAX_TOTP_PERIOD_S, MIN_TOTP_PERIOD_S
from streams.models.application import Application
from streams.names import MAX_NAME_LENGTH, validate_stream_id
from streams.secrets import (
    generate_token_id,
    validate_base32,
    validate_subscriber_id,
)


class CredentialType(models.TextChoices):
    PUBLISH = "publish", "publish"
    PLAY = "play", "play"


class BlockedType(models.TextChoices):
    PUBLISH = "publish", "publishing"
    PLAY = "play", "playing"
    BOTH = "publish_play", "publishing and playing"


class Token(models.Model):
    """A token made here (contract 7.2). Without a room it is deleted by its use."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="tokens"
    )
    token_id = models.CharField(
        "token", max_length=255, unique=True, default=generate_token_id
    )
    stream_id = models.CharField(
        "stream id", max_length=MAX_NAME_LENGTH, validators=[validate_stream_id]
    )
    type = models.CharField(max_length=8, choices=CredentialType)
    expire_date = models.BigIntegerField(
        "expires",
        validators=[MinValueValidator(1), MaxValueValidator(2**40)],
        help_text="Unix time in seconds; not good from then on.",
    )
    room_id = models.CharField(
        "room",
        max_length=MAX_NAME_LENGTH,
        blank=True,
        default="",
        validators=[validate_stream_id],
        help_text="Good for this room, as often as wanted until it expires.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["application", "stream_id"], name="tokens_of_stream"),
            models.Index(fields=["expire_date"], name="tokens_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.type} token of {self.stream_id}"


class Subscriber(models.Model):
    """Somebody with time-based codes for one stream (contract 7.2)."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="subscribers"
    )
    stream_id = models.CharField(
        "stream id", max_length=MAX_NAME_LENGTH, validators=[validate_stream_id]
    )
    subscriber_id = models.CharField(
        "subscriber id",
        max_length=255,
        validators=[validate_subscriber_id],
        help_text="At least 4 characters.",
    )
    subscriber_name = models.CharField("name", max_length=255, blank=True, default="")
    type = models.CharField(
        max_length=8,
        choices=CredentialType,
        default=CredentialType.PLAY,
        help_text="Who may publish may also play.",
    )
    b32_secret = models.CharField(
        "secret (base32)",
        max_length=255,
        blank=True,
        default="",
        validators=[validate_base32],
        help_text="Empty: the one that follows from the application's secret.",
    )
    totp_period_s = models.PositiveBigIntegerField(
        "code period (s)",
        null=True,
        blank=True,
        validators=[
            MinValueValidator(MIN_TOTP_PERIOD_S),
            MaxValueValidator(MAX_TOTP_PERIOD_S),
        ],
        help_text="Empty: the application's.",
    )
    concurrent_connections_limit = models.PositiveIntegerField(
        "connections at once",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
    )
    blocked_type = models.CharField(
        "blocked for", max_length=16, choices=BlockedType, blank=True, default=""
    )
    blocked_until_ms = models.BigIntegerField(
        "blocked until", default=0, help_text="Unix time in ms; 0: not blocked."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["application", "stream_id", "subscriber_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "stream_id", "subscriber_id"],
                name="one_subscriber_per_stream_and_id",
                violation_error_message="This stream has that subscriber already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} of {self.stream_id}"

    def clean(self) -> None:
        super().clean()
        if bool(self.blocked_type) != bool(self.blocked_until_ms):
            raise ValidationError("A block needs what is blocked and until when.")

    def is_blocked(self, kind: str, now: datetime) -> bool:
        """Whether `kind` (publish or play) is blocked now (contract 7.2)."""
        return (
            self.blocked_type in (kind, BlockedType.BOTH)
            and self.blocked_until_ms != 0
            and self.blocked_until_ms >= to_ms(now)
        )

    @property
    def blocked_until(self) -> datetime | None:
        if not self.blocked_until_ms:
            return None
        return from_ms(self.blocked_until_ms)


class Admission(models.Model):
    """A credential that let a session in, for its holder's automatic return.

    Contract T34: the client presents the same one-time token or code again, on a
    new socket perhaps. `good_until` is set when the session is lost.
    """

    application = models.ForeignKey(Application, on_delete=models.CASCADE)
    stream_id = models.CharField(max_length=MAX_NAME_LENGTH)
    role = models.CharField(max_length=8, choices=CredentialType)
    digest = models.CharField(max_length=64)  # of the credential, never itself
    session = models.CharField(max_length=32, unique=True)
    remote_ip = models.CharField(max_length=64, blank=True, default="")
    user_agent = models.CharField(max_length=255, blank=True, default="")
    good_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["application", "stream_id", "role", "digest"],
                name="admissions_of_credential",
            ),
            models.Index(
                fields=["good_until"],
                name="admissions_by_end",
                condition=Q(good_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} admission to {self.stream_id}"
