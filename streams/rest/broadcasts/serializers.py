"""Broadcasts and rooms as JSON, by Ant Media's names (contract 7.1, 7.2)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from streams.models.access import MAX_LIMIT
from streams.services.catalogue import MAX_DATE_S
from streams.services.conference import MAX_META_DATA_LENGTH

Serializer = serializers.Serializer[Any]
MAX_EXPIRY_MS = 10 * 365 * 86_400_000
NO_MEANING = "Means nothing here."


def optional_text(max_length: int, help_text: str = "", **options: Any) -> Any:
    return serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        max_length=max_length,
        help_text=help_text,
        **options,
    )


def optional_number(lowest: int, highest: int, help_text: str, source: str) -> Any:
    return serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=lowest,
        max_value=highest,
        help_text=help_text,
        source=source,
    )


def optional_flag(help_text: str = "", **options: Any) -> Any:
    return serializers.BooleanField(
        required=False, allow_null=True, help_text=help_text, **options
    )


def text(help_text: str = "") -> Any:
    return serializers.CharField(allow_null=True, allow_blank=True, help_text=help_text)


def number(help_text: str = "") -> Any:
    return serializers.IntegerField(help_text=help_text)


def unknown_number(help_text: str = NO_MEANING) -> Any:
    return serializers.IntegerField(allow_null=True, help_text=help_text)


class EncoderSettingsSerializer(Serializer):
    """One rendition. Bitrates in bit/s."""

    height = serializers.IntegerField(min_value=1, max_value=4320)
    videoBitrate = serializers.IntegerField(
        default=0, min_value=0, max_value=100_000_000
    )
    audioBitrate = serializers.IntegerField(default=0, min_value=0, max_value=1_000_000)
    forceEncode = serializers.BooleanField(default=True)
    forceSameResolutionEncode = serializers.BooleanField(default=False)


class BroadcastInput(Serializer):
    """What a program may say of a broadcast. null: nothing; the rest is not read."""

    streamId = optional_text(
        128,
        "Letters, digits, _ . and -. Empty: 24 random digits. It cannot change.",
        source="stream_id",
    )
    type = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="liveStream: nothing is pulled or played back here.",
    )
    name = optional_text(255)
    description = optional_text(MAX_META_DATA_LENGTH)
    category = optional_text(255)
    publish = optional_flag()
    publicStream = optional_flag(source="public_stream")
    is360 = optional_flag(source="is_360")
    virtual = optional_flag("A room (main track), not a stream of its own.")
    latitude = optional_text(32)
    longitude = optional_text(32)
    altitude = optional_text(32)
    plannedStartDate = optional_number(
        0,
        MAX_DATE_S,
        "Not published before; seconds. Counts only with an end. 0: none.",
        "planned_start_date",
    )
    plannedEndDate = optional_number(
        0,
        MAX_DATE_S,
        "Not published after; seconds. Counts only with a start. 0: none.",
        "planned_end_date",
    )
    expireDurationMS = optional_number(
        0,
        MAX_EXPIRY_MS,
        "From its registration on; not published after that. 0: never.",
        "expire_duration_ms",
    )
    metaData = optional_text(MAX_META_DATA_LENGTH, source="meta_data")
    role = optional_text(64)
    mainTrackStreamId = optional_text(128, source="main_track_stream_id")
    subtracksLimit = optional_number(
        -1, MAX_LIMIT, "Publishers of this room at once. -1: any.", "subtracks_limit"
    )
    webRTCViewerLimit = optional_number(
        -1, MAX_LIMIT, "Viewers at once. -1: any.", "viewer_limit"
    )
    listenerHookURL = optional_text(
        500, "Where its events are posted.", source="listener_hook_url"
    )
    encoderSettingsList = EncoderSettingsSerializer(
        many=True, required=False, allow_null=True, source="encoder_settings"
    )

    def validate_type(self, value: str) -> str:
        if value != "liveStream":
            raise serializers.ValidationError("Only liveStream is supported here.")
        return value


class BroadcastSerializer(Serializer):
    """A broadcast. ms: unix time in milliseconds; s: in seconds."""

    streamId = serializers.CharField()
    status = serializers.CharField(
        help_text="created, preparing, broadcasting, finished, error, failed or "
        "terminated_unexpectedly."
    )
    type = serializers.CharField()
    publishType = text("WebRTC once it was published.")
    name = text()
    description = text()
    category = text()
    publish = serializers.BooleanField()
    publicStream = serializers.BooleanField()
    is360 = serializers.BooleanField()
    latitude = text()
    longitude = text()
    altitude = text()
    zombi = serializers.BooleanField(
        help_text="Made by a publisher of an unregistered id; vanishes at its end."
    )
    virtual = serializers.BooleanField(help_text="A room, not a stream of its own.")
    metaData = text()
    role = text()
    mainTrackStreamId = text("The room it is in.")
    subTrackStreamIds = serializers.ListField(child=serializers.CharField())
    subtracksLimit = number("-1: none.")
    webRTCViewerLimit = number("-1: none.")
    encoderSettingsList = EncoderSettingsSerializer(many=True)
    listenerHookURL = text()
    date = number("Registered at, ms.")
    startTime = number("Live since, ms.")
    absoluteStartTimeMs = number("As startTime.")
    updateTime = number("Last heard of, ms.")
    duration = number("Of the last time it was live, ms.")
    plannedStartDate = number("s; 0: none.")
    plannedEndDate = number("s; 0: none.")
    expireDurationMS = number("0: never.")
    webRTCViewerCount = number("Who plays it now.")
    bitrate = number("bit/s")
    receivedBytes = number()
    width = number()
    height = number()
    packetsLost = number()
    jitterMs = number()
    rttMs = number()
    remoteIp = text("Of the last publisher.")
    userAgent = serializers.CharField(help_text="Of the last publisher.")

    username = text("Not kept here.")
    password = text("Not kept here.")
    ipAddr = text(NO_MEANING)
    streamUrl = text(NO_MEANING)
    quality = text(NO_MEANING)
    rtmpURL = text(NO_MEANING)
    originAdress = text(NO_MEANING)
    subFolder = text(NO_MEANING)
    autoStartStopEnabled = serializers.BooleanField(help_text=NO_MEANING)
    mp4Enabled = number(NO_MEANING)
    webMEnabled = number(NO_MEANING)
    maxIdleTime = number(NO_MEANING)
    hlsViewerLimit = number(NO_MEANING)
    dashViewerLimit = number(NO_MEANING)
    hlsViewerCount = number("Nothing is served by HLS.")
    dashViewerCount = number("Nothing is served by DASH.")
    rtmpViewerCount = number("Nothing is served by RTMP.")
    speed = number(NO_MEANING)
    pendingPacketSize = number(NO_MEANING)
    encoderQueueSize = number(NO_MEANING)
    dropPacketCountInIngestion = number(NO_MEANING)
    dropFrameCountInEncoding = number(NO_MEANING)
    packetLostRatio = serializers.FloatField(allow_null=True, help_text="Not measured.")
    endPointList = serializers.ListField(
        child=serializers.DictField(), allow_null=True, help_text=NO_MEANING
    )
    playListItemList = serializers.ListField(
        child=serializers.DictField(), allow_null=True, help_text=NO_MEANING
    )
    playListStatus = text(NO_MEANING)
    currentPlayIndex = number(NO_MEANING)
    playlistLoopEnabled = serializers.BooleanField(help_text=NO_MEANING)
    seekTimeInMs = number(NO_MEANING)
    hlsParameters = text(NO_MEANING)


class NumberSerializer(Serializer):
    number = serializers.IntegerField()


class RoomInput(Serializer):
    """A conference room of 2.x. null: nothing; the rest is not read."""

    roomId = optional_text(
        128, "Empty: 24 random digits. It cannot change.", source="stream_id"
    )
    startDate = optional_number(
        0,
        MAX_DATE_S,
        "s. 0 or nothing: now; of a change: as it was.",
        "planned_start_date",
    )
    endDate = optional_number(
        0,
        MAX_DATE_S,
        "s. 0 or nothing: an hour after the start; of a change: as it was.",
        "planned_end_date",
    )
    mode = serializers.CharField(
        required=False,
        allow_null=True,
        write_only=True,
        help_text="legacy or multitrack: every room is both. There is no mixing.",
    )

    def validate_mode(self, value: str) -> str:
        if value not in ("legacy", "multitrack"):
            raise serializers.ValidationError("Rooms are legacy or multitrack here.")
        return value


class RoomSerializer(Serializer):
    roomId = serializers.CharField()
    startDate = number("s")
    endDate = number("s")
    roomStreamList = serializers.ListField(child=serializers.CharField())
    mode = serializers.CharField()
    originAdress = text(NO_MEANING)


class RoomInfoSerializer(Serializer):
    roomId = serializers.CharField()
    streamDetailsMap = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text="Names of the live streams by their ids.",
    )
    startDate = number("s")
    endDate = number("s")
