"""An application and its settings."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models

from streams.models.access import AccessSettings
from streams.models.conference import ConferenceSettings
from streams.models.rendition import validate_encoder_settings
from streams.names import MAX_NAME_LENGTH, validate_application_name


class Application(AccessSettings, ConferenceSettings):
    """What Ant Media calls an app: the first path segment, and its settings."""

    name = models.CharField(
        max_length=MAX_NAME_LENGTH,
        unique=True,
        validators=[validate_application_name],
        help_text="The first part of its addresses: /NAME/play, /NAME/websocket. "
        "It cannot change once the application has broadcasts.",
    )
    suspended = models.BooleanField(
        default=False,
        help_text="Refuse every new publisher and viewer. Who is live stays live.",
    )
    accept_only_registered_streams = models.BooleanField(
        default=False,
        help_text="Only stream ids that are registered here may be published. "
        "Otherwise an unknown id gets a broadcast of its own while it is live "
        "(acceptOnlyStreamsInDataStore).",
    )
    h264_enabled = models.BooleanField(
        "H264", default=True, help_text="Publishers may send H264 (h264Enabled)."
    )
    vp8_enabled = models.BooleanField(
        "VP8", default=True, help_text="Publishers may send VP8 (vp8Enabled)."
    )
    vp9_enabled = models.BooleanField(
        "VP9", default=True, help_text="Publishers may send VP9."
    )
    av1_enabled = models.BooleanField(
        "AV1", default=True, help_text="Publishers may send AV1 (av1Enabled)."
    )
    start_timeout_ms = models.PositiveIntegerField(
        "start timeout (ms)",
        default=5000,
        validators=[MinValueValidator(1000), MaxValueValidator(60_000)],
        help_text="How long a publisher may take until its first media arrives, and "
        "a viewer until it is connected (webRTCClientStartTimeoutMs).",
    )
    return_window_ms = models.PositiveIntegerField(
        "return window (ms)",
        default=10_000,
        validators=[MaxValueValidator(300_000)],
        help_text="How long viewers wait for a publisher whose connection was lost.",
    )
    play_once_per_session = models.BooleanField(
        default=True,
        help_text="A socket may play a stream once at a time; a second play is "
        "refused (playWebRTCStreamOnceForEachSession).",
    )
    max_publish_bitrate = models.PositiveIntegerField(
        "highest publish bitrate (bit/s)",
        default=0,
        validators=[MaxValueValidator(1_000_000_000)],
        help_text="Publishers are told to send no more than this. 0: no bound.",
    )
    stun_server_uri = models.CharField(
        "STUN or TURN server",
        max_length=255,
        blank=True,
        default="stun:stun1.l.google.com:19302",
        validators=[
            RegexValidator(
                r"\A(stun|turn):\S+\Z",
                "Clients understand one address that starts with stun: or turn: only.",
            )
        ],
        help_text="Given to clients that ask: stun:HOST:PORT or turn:HOST:PORT "
        "(stunServerURI).",
    )
    turn_server_username = models.CharField(
        "TURN user name",
        max_length=255,
        blank=True,
        default="",
        help_text="Given to clients together with a turn: address.",
    )
    turn_server_credential = models.CharField(
        "TURN credential",
        max_length=255,
        blank=True,
        default="",
        help_text="Every client of this application can read it.",
    )
    turn_shared_secret = models.CharField(
        "TURN shared secret",
        max_length=255,
        blank=True,
        default="",
        help_text="That the TURN server has, too (coturn: static-auth-secret). Every "
        "client gets a user name and credential of its own that expire; the two above "
        "are not used then.",
    )
    turn_credential_s = models.PositiveIntegerField(
        "TURN credentials are good for (s)",
        default=86_400,
        validators=[MinValueValidator(60), MaxValueValidator(7 * 86_400)],
        help_text="Those that are made with the shared secret. A connection that "
        "stands is not ended by it.",
    )
    tcp_candidates_enabled = models.BooleanField(
        "ICE over TCP",
        default=True,
        help_text="Clients whose network blocks UDP may connect to the media port by "
        "TCP (webRTCTcpCandidatesEnabled).",
    )
    encoder_settings = models.JSONField(
        "adaptive ladder",
        default=list,
        blank=True,
        validators=[validate_encoder_settings],
        help_text="Renditions that are encoded of each live stream (encoderSettings). "
        "A broadcast may have its own. None: viewers get what the publisher sends.",
    )
    adaptive_enabled = models.BooleanField(
        "adapt the quality",
        default=True,
        help_text="A viewer's rendition follows what its connection bears "
        "(statsBasedABREnabled). Otherwise it stays where the viewer puts it.",
    )

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def video_codecs(self) -> tuple[str, ...]:
        """The enabled ones by their SDP names."""
        switches = {
            "VP8": self.vp8_enabled,
            "H264": self.h264_enabled,
            "VP9": self.vp9_enabled,
            "AV1": self.av1_enabled,
        }
        return tuple(name for name, enabled in switches.items() if enabled)

    def clean(self) -> None:
        super().clean()
        if self._state.adding or not self.broadcasts.exists():
            return
        before = Application.objects.get(pk=self.pk)
        if self.name != before.name:
            raise ValidationError(
                {"name": "The name is part of the addresses of its broadcasts."}
            )
