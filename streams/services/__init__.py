"""State changes and questions, for signalling, REST and the supervisor.

All synchronous: an async caller goes through `database_sync_to_async`. Functions
that a client's command leads to raise AccessDenied(STORE_UNAVAILABLE) while the
database is away; the others raise Django's DatabaseError.
"""

from streams.services.access import ApprovalNeeded
from streams.services.audience import (
    Presence,
    connected_subscribers,
    count_connected_subscribers,
)
from streams.services.audit import write_refusals
from streams.services.conference import update_meta_data
from streams.services.debugging import (
    SessionTimes,
    StreamMeasures,
    session_times,
    stream_measures,
)
from streams.services.endings import (
    EndingSession,
    end_overdue,
    end_sessions,
    stop_stream,
    wanted_endings,
)
from streams.services.happenings import PUBLISH_TIMEOUT, tell_encoder_not_opened
from streams.services.information import (
    application_exists,
    broadcast_object,
    ice_server_config,
    stream_info,
)
from streams.services.joining import join_room, room_of, room_state
from streams.services.nodes import (
    close_node,
    heartbeat,
    register_node,
    sweep_dead_nodes,
)
from streams.services.peering import open_peer, peers_in
from streams.services.playing import open_play
from streams.services.publishing import open_publish
from streams.services.push import (
    PushRefusal,
    PushRefusedError,
    PushRegistration,
    PushRequest,
    forget_push_tokens,
    prepare_push,
    register_push_token,
)
from streams.services.records import (
    IceServerConfig,
    Load,
    LostSession,
    PeerGrant,
    PeerRequest,
    PeerSeat,
    PlayGrant,
    PlayRequest,
    PublishGrant,
    PublishRequest,
    RoomGrant,
    RoomRequest,
    RoomState,
    RoomStream,
    RoomView,
    SocketInfo,
    SocketSession,
    StartedSession,
    StreamInfo,
)
from streams.services.reports import record_report
from streams.services.sessions import (
    close_parked,
    close_relay,
    close_session,
    close_socket,
    mark_started,
    park_session,
)
from streams.services.track_lists import (
    SubtracksRequest,
    TrackListRequest,
    count_subtracks,
    subtracks,
    track_list,
)
from streams.services.upkeep import tidy

__all__ = [
    "PUBLISH_TIMEOUT",
    "ApprovalNeeded",
    "EndingSession",
    "IceServerConfig",
    "Load",
    "LostSession",
    "PeerGrant",
    "PeerRequest",
    "PeerSeat",
    "PlayGrant",
    "PlayRequest",
    "Presence",
    "PublishGrant",
    "PublishRequest",
    "PushRefusal",
    "PushRefusedError",
    "PushRegistration",
    "PushRequest",
    "RoomGrant",
    "RoomRequest",
    "RoomState",
    "RoomStream",
    "RoomView",
    "SessionTimes",
    "SocketInfo",
    "SocketSession",
    "StartedSession",
    "StreamInfo",
    "StreamMeasures",
    "SubtracksRequest",
    "TrackListRequest",
    "application_exists",
    "broadcast_object",
    "close_node",
    "close_parked",
    "close_relay",
    "close_session",
    "close_socket",
    "connected_subscribers",
    "count_connected_subscribers",
    "count_subtracks",
    "end_overdue",
    "end_sessions",
    "forget_push_tokens",
    "heartbeat",
    "ice_server_config",
    "join_room",
    "mark_started",
    "open_peer",
    "open_play",
    "open_publish",
    "park_session",
    "peers_in",
    "prepare_push",
    "record_report",
    "register_node",
    "register_push_token",
    "room_of",
    "room_state",
    "session_times",
    "stop_stream",
    "stream_info",
    "stream_measures",
    "subtracks",
    "sweep_dead_nodes",
    "tell_encoder_not_opened",
    "tidy",
    "track_list",
    "update_meta_data",
    "wanted_endings",
    "write_refusals",
]
