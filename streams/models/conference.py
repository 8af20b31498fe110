"""The settings of an application for rooms and data channels (contract 6.4, 3.4)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

MAX_TRACK_SLOTS = 32
MAX_ROLES = 32
MAX_ROLE_LENGTH = 64
# Who sees whom: a viewer's role, and the publishers' roles it sees.
_DEFAULT_MATRIX = {
    "default": ["default"],
    "speaker": ["speaker", "active_attendee"],
    "attendee": ["speaker", "active_attendee"],
    "active_attendee": ["active_attendee", "speaker"],
}


def default_visibility_matrix() -> dict[str, list[str]]:
    """Ant Media's (contract 6.4)."""
    return {role: list(seen) for role, seen in _DEFAULT_MATRIX.items()}


def validate_visibility_matrix(value: Any) -> None:
    """Raise ValidationError unless `value` maps roles to lists of roles."""
    if not isinstance(value, dict) or len(value) > MAX_ROLES:
        raise ValidationError(
            f"Give an object of at most {MAX_ROLES} roles, each with a list of roles."
        )
    for role, seen in value.items():
        if not isinstance(seen, list) or len(seen) > MAX_ROLES:
            raise ValidationError(f"{role}: give a list of at most {MAX_ROLES} roles.")
        for name in (role, *seen):
            if not isinstance(name, str) or not 0 < len(name) <= MAX_ROLE_LENGTH:
                raise ValidationError(
                    f"A role is a text of 1 to {MAX_ROLE_LENGTH} characters."
                )


class DataDistribution(models.TextChoices):
    """Who gets what a viewer sends on its data channel."""

    ALL = "all", "the publisher and the other viewers"
    PUBLISHER = "publisher", "the publisher"
    NONE = "none", "nobody"


def _slots(verbose_name: str, help_text: str) -> Any:
    return models.IntegerField(
        verbose_name,
        default=-1,
        validators=[MinValueValidator(-1), MaxValueValidator(MAX_TRACK_SLOTS)],
        help_text=f"{help_text} -1: one for each participant.",
    )


class ConferenceSettings(models.Model):
    """What the members of a room see of each other, and what data they exchange."""

    max_video_track_count = _slots(
        "video slots",
        "How many participants a member of a room sees at once (maxVideoTrackCount).",
    )
    max_audio_track_count = _slots(
        "audio slots",
        "How many participants a member hears at once (maxAudioTrackCount).",
    )
    visibility_matrix = models.JSONField(
        "who sees whom",
        default=default_visibility_matrix,
        validators=[validate_visibility_matrix],
        help_text="An object in JSON: for each role of a viewer the list of the roles "
        'of participants that it sees, as {"default": ["default", "speaker"]}. No '
        'role means "default"; a viewer whose role is not here sees what "default" '
        "sees; a participant whose role is in no list is seen by nobody "
        "(participantVisibilityMatrix).",
    )
    send_audio_levels = models.BooleanField(
        "send audio levels",
        default=False,
        help_text="Tell the members of a room five times a second who is how loud "
        "(sendAudioLevelToViewers).",
    )
    audio_level_threshold = models.PositiveSmallIntegerField(
        "audio level threshold",
        default=120,
        validators=[MaxValueValidator(127)],
        help_text="0 is the loudest, 127 silence; what is above counts as silence "
        "(audioLevelThreshold).",
    )
    data_channel_enabled = models.BooleanField(
        "data channels",
        default=True,
        help_text="Publishers and viewers may send data (dataChannelEnabled).",
    )
    data_channel_distribution = models.CharField(
        "viewers' data goes to",
        max_length=16,
        choices=DataDistribution,
        default=DataDistribution.ALL,
        help_text="A publisher's data goes to all viewers in any case "
        "(dataChannelPlayerDistribution).",
    )

    class Meta:
        abstract = True
