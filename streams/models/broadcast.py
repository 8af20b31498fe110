"""A stream as it is registered and as the wire describes it."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from streams.clock import now_ms, to_ms
from streams.models.access import MAX_LIMIT, hook_url, limit
from streams.models.application import Application
from streams.models.rendition import validate_encoder_settings
from streams.names import MAX_NAME_LENGTH, validate_stream_id

STALE_AFTER = timedelta(seconds=20)  # contract 5.1


class BroadcastStatus(models.TextChoices):
    """Contract 5.1."""

    CREATED = "created"
    PREPARING = "preparing"
    BROADCASTING = "broadcasting"
    FINISHED = "finished"
    ERROR = "error"
    FAILED = "failed"
    TERMINATED_UNEXPECTEDLY = "terminated_unexpectedly"


STREAMING = (BroadcastStatus.PREPARING, BroadcastStatus.BROADCASTING)


class Broadcast(models.Model):
    """A stream id of an application; field meanings and units: contract 7.1."""

    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="broadcasts"
    )
    stream_id = models.CharField(
        "stream id", max_length=MAX_NAME_LENGTH, validators=[validate_stream_id]
    )
    status = models.CharField(
        max_length=32, choices=BroadcastStatus, default=BroadcastStatus.CREATED
    )
    type = models.CharField(max_length=32, default="liveStream")
    publish_type = models.CharField(max_length=32, blank=True, default="")
    name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    category = models.CharField(max_length=255, blank=True, default="")
    publish = models.BooleanField(default=True)
    public_stream = models.BooleanField(default=True)
    is_360 = models.BooleanField("360°", default=False)
    latitude = models.CharField(max_length=32, blank=True, default="")
    longitude = models.CharField(max_length=32, blank=True, default="")
    altitude = models.CharField(max_length=32, blank=True, default="")
    zombi = models.BooleanField(
        "automatic",
        default=False,
        help_text="Made by a publisher of an unregistered id; vanishes when it ends.",
    )
    virtual = models.BooleanField(default=False, help_text="A room, not a stream.")
    date = models.BigIntegerField(default=now_ms, help_text="Registered at, ms.")
    start_time = models.BigIntegerField(default=0, help_text="Live since, ms.")
    update_time = models.BigIntegerField(default=0, help_text="Last report, ms.")
    duration = models.BigIntegerField(default=0, help_text="Of the last time, ms.")
    planned_start_date = models.BigIntegerField(default=0, help_text="Seconds; 0: none")
    planned_end_date = models.BigIntegerField(default=0, help_text="Seconds; 0: none")
    expire_duration_ms = models.PositiveBigIntegerField(
        "expires after (ms)",
        default=0,
        validators=[MaxValueValidator(10 * 365 * 86_400_000)],
        help_text="From its registration on; after that it cannot be published. "
        "0: never.",
    )
    meta_data = models.TextField("metadata", blank=True, default="")
    role = models.CharField(max_length=64, blank=True, default="")
    main_track_stream_id = models.CharField(
        "main track (room)", max_length=MAX_NAME_LENGTH, blank=True, default=""
    )

    subtracks_limit = models.IntegerField(
        "most participants",
        default=-1,
        validators=[MinValueValidator(-1), MaxValueValidator(MAX_LIMIT)],
        help_text="Of a room: publishers at once (subtracksLimit). -1: no limit.",
    )
    viewer_limit = limit("most viewers", "Of this stream (webRTCViewerLimit).")
    listener_hook_url = hook_url(
        "tell of events",
        "Where this stream's events are posted, in place of the application's "
        "address (listenerHookURL).",
    )
    encoder_settings = models.JSONField(
        default=list, blank=True, validators=[validate_encoder_settings]
    )

    bitrate = models.BigIntegerField("bitrate (bit/s)", default=0)
    video_bitrate = models.BigIntegerField("video bitrate (bit/s)", default=0)
    audio_bitrate = models.BigIntegerField("audio bitrate (bit/s)", default=0)
    video_codec = models.CharField(max_length=16, blank=True, default="")
    audio_codec = models.CharField(max_length=16, blank=True, default="")
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    received_bytes = models.BigIntegerField(default=0)
    packets_lost = models.BigIntegerField(default=0)
    jitter_ms = models.BigIntegerField("jitter (ms)", default=0)
    rtt_ms = models.BigIntegerField("round trip (ms)", default=0)
    renditions = models.JSONField(
        default=list,
        blank=True,
        help_text="What viewers may get just now, highest first (control."
        "RenditionReport).",
    )
    media_time = models.BigIntegerField(
        default=0, help_text="When media last arrived, ms."
    )
    user_agent = models.CharField(max_length=255, blank=True, default="")
    remote_ip = models.CharField("address", max_length=64, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["application", "stream_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "stream_id"],
                name="one_broadcast_per_stream_id",
                violation_error_message="This application has that stream id already.",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["application", "main_track_stream_id"],
                name="broadcasts_of_a_room",
                condition=~Q(main_track_stream_id=""),
            ),
            models.Index(
                fields=["planned_end_date"],
                name="broadcasts_with_an_end",
                condition=Q(planned_end_date__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.stream_id

    @property
    def current_status(self) -> str:
        """The status that readers see: a stale live one was not ended properly."""
        stale = self.update_time < to_ms(timezone.now() - STALE_AFTER)
        if self.status in STREAMING and not self.virtual and stale:
            return BroadcastStatus.TERMINATED_UNEXPECTEDLY.value
        return self.status
