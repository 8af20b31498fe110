"""The settings of an application that decide access (contract 7.3)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    URLValidator,
)
from django.db import models

from streams.networks import validate_networks

MIN_TOTP_PERIOD_S = 10
MAX_TOTP_PERIOD_S = 2**31 - 1
MAX_LIMIT = 1_000_000
TOKEN_KINDS = ("token", "jwt", "totp")  # at most one of them a direction
DIRECTIONS = ("publish", "play")

validate_hook_url = URLValidator(schemes=["http", "https"])


def limit(verbose_name: str, help_text: str) -> Any:
    """A count of streams or viewers; -1: no limit."""
    return models.IntegerField(
        verbose_name,
        default=-1,
        validators=[MinValueValidator(-1), MaxValueValidator(MAX_LIMIT)],
        help_text=f"{help_text} -1: no limit.",
    )


def hook_url(verbose_name: str, help_text: str) -> Any:
    return models.CharField(
        verbose_name,
        max_length=500,
        blank=True,
        default="",
        validators=[validate_hook_url],
        help_text=help_text,
    )


def secret(verbose_name: str, help_text: str) -> Any:
    return models.CharField(
        verbose_name, max_length=255, blank=True, default="", help_text=help_text
    )


class AccessSettings(models.Model):
    """Who may publish and play. Field names say ours, help texts Ant Media's."""

    publish_token_enabled = models.BooleanField(
        "one-time tokens to publish",
        default=False,
        help_text="Publishers present a token made here, which is used up by it "
        "(publishTokenControlEnabled).",
    )
    play_token_enabled = models.BooleanField(
        "one-time tokens to play",
        default=False,
        help_text="Viewers present a token made here, which is used up by it "
        "(playTokenControlEnabled).",
    )
    publish_jwt_enabled = models.BooleanField(
        "JWT to publish",
        default=False,
        help_text="Publishers present a JSON web token signed with the key below "
        "(publishJwtControlEnabled).",
    )
    play_jwt_enabled = models.BooleanField(
        "JWT to play",
        default=False,
        help_text="Viewers present a JSON web token signed with the key below "
        "(playJwtControlEnabled).",
    )
    jwt_stream_secret = secret(
        "key of stream JWTs",
        "HS256. At least 32 characters to have tokens made here (jwtStreamSecretKey).",
    )
    publish_totp_enabled = models.BooleanField(
        "subscribers' codes to publish",
        default=False,
        help_text="Publishers are subscribers with a time-based code "
        "(enableTimeTokenForPublish).",
    )
    play_totp_enabled = models.BooleanField(
        "subscribers' codes to play",
        default=False,
        help_text="Viewers are subscribers with a time-based code "
        "(enableTimeTokenForPlay).",
    )
    totp_secret_publish = secret(
        "secret for unknown publishers",
        "Subscribers that are not registered get their secret from this one. "
        "Empty: they are refused (timeTokenSecretForPublish).",
    )
    totp_secret_play = secret(
        "secret for unknown viewers",
        "As above, to play (timeTokenSecretForPlay).",
    )
    totp_period_s = models.PositiveBigIntegerField(
        "code period (s)",
        default=60,
        validators=[
            MinValueValidator(MIN_TOTP_PERIOD_S),
            MaxValueValidator(MAX_TOTP_PERIOD_S),
        ],
        help_text="How long a code lasts, unless the subscriber has a period of its "
        "own (timeTokenPeriod).",
    )
    publish_hash_enabled = models.BooleanField(
        "hashes to publish",
        default=False,
        help_text="Publishers present sha256(stream id + type + secret) "
        "(hashControlPublishEnabled).",
    )
    play_hash_enabled = models.BooleanField(
        "hashes to play",
        default=False,
        help_text="As above, to play (hashControlPlayEnabled).",
    )
    token_hash_secret = secret(
        "secret of the hashes", "Shared with who makes them (tokenHashSecret)."
    )
    publish_webhook_url = hook_url(
        "ask before publishing",
        "Each publisher is posted to this address; only status 200 lets it in "
        "(webhookAuthenticateURL).",
    )
    play_webhook_url = hook_url(
        "ask before playing",
        "Each viewer is posted to this address; only status 200 lets it in "
        "(webhookPlayAuthUrl).",
    )
    accept_only_registered_rooms = models.BooleanField(
        default=False,
        help_text="Only rooms that are registered here may be entered "
        "(acceptOnlyRoomsInDataStore).",
    )
    viewer_limit = limit(
        "most viewers",
        "Of all streams of the application together (webRTCViewerLimit).",
    )
    publisher_limit = limit(
        "most publishers", "Streams that are live at once (ingestingStreamLimit)."
    )
    drop_without_packets = models.BooleanField(
        "end silent publishers",
        default=False,
        help_text="A live publisher that sends nothing for the start timeout is "
        "ended (dropWebRTCIngestIfNoPacketReceived).",
    )
    listener_hook_url = hook_url(
        "tell of events",
        "Streams and viewers that come and go are posted to this address, unless "
        "the broadcast has its own (listenerHookURL).",
    )
    webhook_secret = secret(
        "secret of the webhooks", "Signs what is posted (X-Signature-256: HMAC)."
    )
    write_connection_events = models.BooleanField(
        default=True,
        help_text="Keep who connected, disconnected and was refused "
        "(writeSubscriberEventsToDatastore).",
    )
    connection_event_days = models.PositiveIntegerField(
        "keep connection events (days)",
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="Older ones are deleted.",
    )
    rest_ip_filter_enabled = models.BooleanField(
        "filter REST by address",
        default=True,
        help_text="Programs may use the REST interface from the addresses below "
        "only. A key is needed in any case (ipFilterEnabled).",
    )
    rest_allowed_cidr = models.CharField(
        "addresses that may use REST",
        max_length=1000,
        blank=True,
        default="127.0.0.1,::1",
        validators=[validate_networks],
        help_text="Addresses or networks, separated by commas (remoteAllowedCIDR).",
    )
    rest_jwt_enabled = models.BooleanField(
        "JWT for REST",
        default=False,
        help_text="A JSON web token signed with the key below serves as a key for "
        "this application (jwtControlEnabled).",
    )
    rest_jwt_secret = secret("key of REST JWTs", "HS256 (jwtSecretKey).")
    push_jwt_secret = secret(
        "key of push JWTs",
        "HS256. Subscribers show one to register a device and to send push "
        "notifications. Empty: nobody may (subscriberAuthenticationKey).",
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        errors: dict[str, str] = {}
        for direction in DIRECTIONS:
            enabled = [
                f"{direction}_{kind}_enabled"
                for kind in TOKEN_KINDS
                if getattr(self, f"{direction}_{kind}_enabled")
            ]
            for name in enabled if len(enabled) > 1 else ():
                errors[name] = (
                    "Only one of one-time tokens, JWT and subscribers' codes can be "
                    f"required to {direction}."
                )
        for name, needed in _NEEDED_SECRETS.items():
            if getattr(self, name) and not getattr(self, needed):
                errors.setdefault(needed, "Needed by what is switched on.")
        if errors:
            raise ValidationError(errors)


_NEEDED_SECRETS = {
    "publish_jwt_enabled": "jwt_stream_secret",
    "play_jwt_enabled": "jwt_stream_secret",
    "publish_hash_enabled": "token_hash_secret",
    "play_hash_enabled": "token_hash_secret",
    "rest_jwt_enabled": "rest_jwt_secret",
}
