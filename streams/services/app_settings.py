"""An application's settings by the names that Ant Media gives them (contract 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import models, transaction

from streams.models import Application
from streams.services.ladder import complete_ladder, parse_ladder

# By field of the model, whose validators say what is in range. The last ones are
# ours: Ant Media has nothing like them.
SETTINGS = {
    "publishTokenControlEnabled": "publish_token_enabled",
    "playTokenControlEnabled": "play_token_enabled",
    "publishJwtControlEnabled": "publish_jwt_enabled",
    "playJwtControlEnabled": "play_jwt_enabled",
    "jwtStreamSecretKey": "jwt_stream_secret",
    "enableTimeTokenForPublish": "publish_totp_enabled",
    "enableTimeTokenForPlay": "play_totp_enabled",
    "timeTokenSecretForPublish": "totp_secret_publish",
    "timeTokenSecretForPlay": "totp_secret_play",
    "timeTokenPeriod": "totp_period_s",
    "hashControlPublishEnabled": "publish_hash_enabled",
    "hashControlPlayEnabled": "play_hash_enabled",
    "tokenHashSecret": "token_hash_secret",
    "acceptOnlyStreamsInDataStore": "accept_only_registered_streams",
    "acceptOnlyRoomsInDataStore": "accept_only_registered_rooms",
    "webhookAuthenticateURL": "publish_webhook_url",
    "webhookPlayAuthUrl": "play_webhook_url",
    "listenerHookURL": "listener_hook_url",
    "webRTCViewerLimit": "viewer_limit",
    "ingestingStreamLimit": "publisher_limit",
    "webRTCClientStartTimeoutMs": "start_timeout_ms",
    "dropWebRTCIngestIfNoPacketReceived": "drop_without_packets",
    "playWebRTCStreamOnceForEachSession": "play_once_per_session",
    "stunServerURI": "stun_server_uri",
    "turnServerUsername": "turn_server_username",
    "turnServerCredential": "turn_server_credential",
    "webRTCTcpCandidatesEnabled": "tcp_candidates_enabled",
    "encoderSettings": "encoder_settings",
    "statsBasedABREnabled": "adaptive_enabled",
    "h264Enabled": "h264_enabled",
    "vp8Enabled": "vp8_enabled",
    "av1Enabled": "av1_enabled",
    "maxVideoTrackCount": "max_video_track_count",
    "maxAudioTrackCount": "max_audio_track_count",
    "participantVisibilityMatrix": "visibility_matrix",
    "sendAudioLevelToViewers": "send_audio_levels",
    "audioLevelThreshold": "audio_level_threshold",
    "dataChannelEnabled": "data_channel_enabled",
    "dataChannelPlayerDistribution": "data_channel_distribution",
    "writeSubscriberEventsToDatastore": "write_connection_events",
    "ipFilterEnabled": "rest_ip_filter_enabled",
    "remoteAllowedCIDR": "rest_allowed_cidr",
    "jwtControlEnabled": "rest_jwt_enabled",
    "jwtSecretKey": "rest_jwt_secret",
    "subscriberAuthenticationKey": "push_jwt_secret",
    "vp9Enabled": "vp9_enabled",
    "suspended": "suspended",
    "returnWindowMs": "return_window_ms",
    "maxPublishBitrate": "max_publish_bitrate",
    "connectionEventDays": "connection_event_days",
    "webhookSecret": "webhook_secret",
    "turnServerSecret": "turn_shared_secret",
    "turnCredentialPeriod": "turn_credential_s",
}
# Names of older versions, taken but not given out.
OLD_NAMES = {
    "timeTokenSubscriberOnly": "enableTimeTokenForPlay",
    "settings.webrtc.client.start.timeoutMs": "webRTCClientStartTimeoutMs",
}
# As a text, beside the list in Ant Media's document; the list goes first.
LADDER_TEXT = "encoderSettingsString"
# Taken but not given out: whoever may read settings may not forge credentials.
WRITE_ONLY = frozenset(
    {
        "jwtStreamSecretKey",
        "timeTokenSecretForPublish",
        "timeTokenSecretForPlay",
        "tokenHashSecret",
        "turnServerCredential",
        "jwtSecretKey",
        "subscriberAuthenticationKey",
        "webhookSecret",
        "turnServerSecret",
    }
)
_WIRE_NAMES = {field: name for name, field in SETTINGS.items()}


def read_settings(application: Application) -> dict[str, Any]:
    """All settings but the secrets."""
    return {
        name: getattr(application, field)
        for name, field in SETTINGS.items()
        if name not in WRITE_ONLY
    }


def change_settings(
    application: Application, values: Mapping[str, object]
) -> list[str]:
    """The named settings have these values, all of them or none.

    A text or list of null says nothing: Ant Media's whole document has it for secrets.

    Returns:
        The names that mean nothing here, which are ignored.

    Raises:
        ValidationError: with Ant Media's names, each with what is wrong.
    """
    known = _current_names(values)
    _require_types(known)
    with transaction.atomic():
        row = Application.objects.select_for_update().get(pk=application.pk)
        for name, value in known.items():
            setattr(row, SETTINGS[name], value)
        try:
            row.full_clean()
        except ValidationError as error:
            raise _in_wire_names(error) from error
        row.save(update_fields=[SETTINGS[name] for name in known])
    meant = {*SETTINGS, *OLD_NAMES, LADDER_TEXT}
    return [name for name in values if name not in meant]


def field_of(name: str) -> models.Field[Any, Any]:
    """The model's field behind a setting: its type, range and help text."""
    return cast("models.Field[Any, Any]", Application._meta.get_field(SETTINGS[name]))


def type_of(name: str) -> type:
    """bool, int, str, dict for an object, or list for a list of objects."""
    field = field_of(name)
    if isinstance(field, models.BooleanField):
        return bool
    if isinstance(field, models.JSONField):
        return list if field.default is list else dict
    return int if isinstance(field, models.IntegerField) else str


def _current_names(values: Mapping[str, object]) -> dict[str, object]:
    known = {
        name: value
        for name, value in values.items()
        if name in SETTINGS and not (value is None and type_of(name) in (str, list))
    }
    _read_ladder(known, values)
    for old, name in OLD_NAMES.items():
        if old not in values or (values[old] is False and name in known):
            continue  # Ant Media's document has both, and either switches it on
        if known.setdefault(name, values[old]) != values[old]:
            raise ValidationError({old: f"It is the old name of {name}."})
    return known


def _read_ladder(known: dict[str, object], values: Mapping[str, object]) -> None:
    """The ladder is a list with every name of its entries, however it was said."""
    name = "encoderSettings"
    said_as = name if name in known else LADDER_TEXT
    ladder = known.get(name, values.get(LADDER_TEXT))
    if ladder is None:
        return
    try:
        if isinstance(ladder, str):
            ladder = parse_ladder(ladder)
    except ValueError as error:
        raise ValidationError({said_as: str(error)}) from error
    known[name] = complete_ladder(ladder) if isinstance(ladder, list) else ladder


def _require_types(values: Mapping[str, object]) -> None:
    """Exactly: neither "true" nor 1 is a bool, and a bool is no number."""
    errors = {}
    for name, value in values.items():
        wanted = type_of(name)
        if type(value) is not wanted:
            errors[name] = f"Must be {_WORDS[wanted]}."
        elif not _is_storable(value):
            errors[name] = "Has characters that cannot be stored."
    if errors:
        raise ValidationError(errors)


_WORDS = {
    bool: "true or false",
    int: "a whole number",
    str: "a text",
    dict: "an object",
    list: "a list of objects",
}


def _is_storable(value: object) -> bool:
    """Neither NUL nor half a character, which JSON can carry.

    Of an object its keys, and the texts of its lists: more there is not in any that
    its validator lets pass.
    """
    if isinstance(value, dict):
        parts = [*value, *(part for part in value.values() if type(part) is list)]
        return all(map(_is_storable, parts))
    if isinstance(value, list):
        return all(_is_storable(text) for text in value if isinstance(text, str))
    if not isinstance(value, str):
        return True
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _in_wire_names(error: ValidationError) -> ValidationError:
    return ValidationError(
        {
            _WIRE_NAMES.get(field, field): messages
            for field, messages in error.message_dict.items()
        }
    )
