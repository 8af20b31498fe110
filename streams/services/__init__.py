"""State changes and questions, for signalling, REST and the supervisor.

All synchronous: an async caller goes through `database_sync_to_async`. Functions
that a client's command leads to raise AccessDenied(STORE_UNAVAILABLE) while the
database is away; the others raise Django's DatabaseError.
"""

from streams.services.access import ApprovalNeeded
from streams.services.audit import write_refusals
from streams.services.endings import (
    EndingSession,
    end_overdue,
    end_sessions,
    stop_stream,
    wanted_endings,
)
from streams.services.happenings import PUBLISH_TIMEOUT
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
    "PublishGrant",
    "PublishRequest",
    "RoomGrant",
    "RoomRequest",
    "RoomState",
    "RoomStream",
    "SocketInfo",
    "SocketSession",
    "StartedSession",
    "StreamInfo",
    "application_exists",
    "broadcast_object",
    "close_node",
    "close_parked",
    "close_relay",
    "close_session",
    "close_socket",
    "end_overdue",
    "end_sessions",
    "heartbeat",
    "ice_server_config",
    "join_room",
    "mark_started",
    "open_peer",
    "open_play",
    "open_publish",
    "park_session",
    "peers_in",
    "record_report",
    "register_node",
    "room_of",
    "room_state",
    "stop_stream",
    "stream_info",
    "sweep_dead_nodes",
    "tidy",
    "wanted_endings",
    "write_refusals",
]
