"""The wire vocabulary: every name a client or the server may say (contract 2-4).

Standard library only.
"""

from __future__ import annotations

from enum import StrEnum

MAX_FRAME_BYTES = 64 * 1024
MAX_SDP_FRAME_BYTES = 256 * 1024  # contract 12: frames of takeConfiguration
MAX_STREAM_ID_CHARS = 128

# What the SDK's JSON.stringify sends every 3 s; other spellings are parsed.
PING_TEXT = '{"command":"ping"}'
PONG_TEXT = '{"command":"pong"}'


class Command(StrEnum):
    """Client to server (contract 2). Not all of them are handled yet."""

    PUBLISH = "publish"
    PLAY = "play"
    STOP = "stop"
    TAKE_CONFIGURATION = "takeConfiguration"
    TAKE_CANDIDATE = "takeCandidate"
    PING = "ping"
    GET_ICE_SERVER_CONFIG = "getIceServerConfig"
    GET_STREAM_INFO = "getStreamInfo"
    GET_BROADCAST_OBJECT = "getBroadcastObject"
    GET_TRACK_LIST = "getTrackList"
    GET_SUBTRACKS = "getSubtracks"
    GET_SUBTRACKS_COUNT = "getSubtracksCount"
    GET_SUBSCRIBERS = "getSubscribers"
    GET_SUBSCRIBER_COUNT = "getSubscriberCount"
    GET_DEBUG_INFO = "getDebugInfo"
    TOGGLE_VIDEO = "toggleVideo"
    TOGGLE_AUDIO = "toggleAudio"
    ENABLE_TRACK = "enableTrack"
    FORCE_STREAM_QUALITY = "forceStreamQuality"
    UPDATE_STREAM_META_DATA = "updateStreamMetaData"
    ASSIGN_VIDEO_TRACK = "assignVideoTrackCommand"
    UPDATE_VIDEO_TRACK_ASSIGNMENTS = "updateVideoTrackAssignmentsCommand"
    SET_MAX_VIDEO_TRACK_COUNT = "setMaxVideoTrackCountCommand"
    GET_VIDEO_TRACK_ASSIGNMENTS = "getVideoTrackAssignmentsCommand"
    PEER_MESSAGE = "peerMessageCommand"
    JOIN = "join"
    LEAVE = "leave"
    JOIN_ROOM = "joinRoom"
    LEAVE_FROM_ROOM = "leaveFromRoom"
    GET_ROOM_INFO = "getRoomInfo"
    SEND_PUSH_NOTIFICATION = "sendPushNotification"
    REGISTER_PUSH_NOTIFICATION_TOKEN = "registerPushNotificationToken"  # noqa: S105


# Real SDKs send these without a stream id (contract 2.0).
WITHOUT_STREAM_ID = frozenset(
    {
        Command.PING,
        Command.GET_ICE_SERVER_CONFIG,
        Command.JOIN_ROOM,
        Command.GET_ROOM_INFO,
        Command.LEAVE_FROM_ROOM,
        Command.SEND_PUSH_NOTIFICATION,
        Command.REGISTER_PUSH_NOTIFICATION_TOKEN,
    }
)
# The 2017 dialect ends everything of its socket with no id at all (contract 1).
LEGACY_WITHOUT_STREAM_ID = WITHOUT_STREAM_ID | {Command.STOP, Command.LEAVE}


class Reply(StrEnum):
    """Server to client: the top-level `command` (contract 3.1)."""

    START = "start"
    STOP = "stop"
    TAKE_CONFIGURATION = "takeConfiguration"
    TAKE_CANDIDATE = "takeCandidate"
    ERROR = "error"
    NOTIFICATION = "notification"
    PONG = "pong"
    ICE_SERVER_CONFIG = "iceServerConfig"
    STREAM_INFORMATION = "streamInformation"
    TRACK_LIST = "trackList"
    PEER_MESSAGE = "peerMessageCommand"
    ROOM_INFORMATION = "roomInformation"


class Notification(StrEnum):
    """`definition` of a notification (contract 3.2)."""

    PUBLISH_STARTED = "publish_started"
    PUBLISH_FINISHED = "publish_finished"
    PLAY_STARTED = "play_started"
    PLAY_FINISHED = "play_finished"
    SESSION_RESTORED = "session_restored"
    STREAMING_STARTED = "streaming_started"
    BROADCAST_OBJECT = "broadcastObject"
    SUBTRACK_ADDED = "subtrackAdded"
    SUBTRACK_REMOVED = "subtrackRemoved"
    SUBTRACK_LIST = "subtrackList"
    SUBTRACK_COUNT = "subtrackCount"
    SUBSCRIBER_LIST = "subscriberList"
    SUBSCRIBER_COUNT = "subscriberCount"
    DEBUG_INFO = "debugInfo"
    SERVER_WILL_STOP = "server_will_stop"
    JOINED_THE_ROOM = "joinedTheRoom"
    LEAVED_FROM_ROOM = "leavedFromRoom"
    STREAM_JOINED = "streamJoined"
    STREAM_LEAVED = "streamLeaved"
    JOINED = "joined"
    LEAVED = "leaved"
    RESOLUTION_CHANGED = "resolutionChangeInfo"
    BITRATE_MEASUREMENT = "bitrateMeasurement"


class ErrorDefinition(StrEnum):
    """`definition` of an error (contract 4)."""

    NO_STREAM_NAME = "noStreamNameSpecified"
    INVALID_STREAM_NAME = "invalidStreamName"
    UNREGISTERED = "not_allowed_unregistered_streams"
    UNAUTHORIZED = "unauthorized_access"
    LOCAL_DESCRIPTION = "notSetLocalDescription"
    REMOTE_DESCRIPTION = "notSetRemoteDescription"
    HIGH_RESOURCE_USAGE = "highResourceUsage"
    STREAM_ID_IN_USE = "streamIdInUse"
    PUBLISH_TIMEOUT = "publishTimeoutError"
    STORE_NOT_AVAILABLE = "data_store_not_available"
    NOT_INITIALIZED = "not_initialized_yet"
    SUSPENDED = "license_suspended_please_renew_license"
    ALREADY_PLAYING = "already_playing"
    ALREADY_PUBLISHING = "already_publishing"
    NO_CODEC = "no_codec_enabled_in_the_server"
    NOT_ACTIVE = "stream_not_active_or_expired"
    ROOM_NOT_ACTIVE = "room_not_active_or_expired"
    VIEWER_LIMIT = "viewerLimitReached"
    NO_STREAM = "no_stream_exist"
    NO_ROOM = "no_room_specified"
    EMPTY_ROOM = "no_active_streams_in_room"
    NO_PEER = "no_peer_associated_before"
    NO_SEAT = "NoSpaceForNewPeer"
    USER_BLOCKED = "user_blocked"
    SUBTRACK_LIMIT = (
        "main_track_has_max_subtrack_count__not_allowed_to_add_more_subtracks"
    )
    MAIN_TRACK_FAILED = "mainTrackDBOperationFailed"
    SERVER_ERROR = "server_error_check_logs"
    ENCODER_NOT_OPENED = "encoderNotOpened"
    ENCODER_BLOCKED = "encoderBlocked"
    NO_ENCODER_SETTINGS = "no_encoder_settings"
    NO_PACKETS = "noPacketReceivedForTimeoutDuration"
    MISSING_PARAMETER = "missingParameter"
    AUTHENTICATION_TOKEN = "authenticationTokenNotValid"  # noqa: S105
    PUSH_NOT_SENT = "pushNotificationNotSent"  # ours: contract 4 has none for it
