"""Rows: applications, registered streams, live sessions and the processes behind.

Who is live is said by `LiveSession` rows alone. Counts are counted from them and
stored nowhere; `Broadcast.status` is what the wire and REST show of it.
"""

from streams.models.application import Application
from streams.models.broadcast import STREAMING, Broadcast, BroadcastStatus
from streams.models.node import DEAD_AFTER, Node, NodeKind
from streams.models.session import LiveSession, SessionRole, SessionState

__all__ = [
    "DEAD_AFTER",
    "STREAMING",
    "Application",
    "Broadcast",
    "BroadcastStatus",
    "LiveSession",
    "Node",
    "NodeKind",
    "SessionRole",
    "SessionState",
]
