"""State changes and questions, for signalling, REST and the supervisor.

All synchronous: an async caller goes through `database_sync_to_async`. Functions
that a client's command leads to raise AccessDenied(STORE_UNAVAILABLE) while the
database is away; the others raise Django's DatabaseError.
"""

from streams.services.information import (
    application_exists,
    broadcast_object,
    ice_server_config,
    stream_info,
)
from streams.services.nodes import (
    close_node,
    heartbeat,
    register_node,
    sweep_dead_nodes,
)
from streams.services.playing import open_play
from streams.services.publishing import open_publish
from streams.services.records import (
    IceServerConfig,
    Load,
    LostSession,
    PlayGrant,
    PlayRequest,
    PublishGrant,
    PublishRequest,
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

__all__ = [
    "IceServerConfig",
    "Load",
    "LostSession",
    "PlayGrant",
    "PlayRequest",
    "PublishGrant",
    "PublishRequest",
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
    "heartbeat",
    "ice_server_config",
    "mark_started",
    "open_play",
    "open_publish",
    "park_session",
    "record_report",
    "register_node",
    "stream_info",
    "sweep_dead_nodes",
]
