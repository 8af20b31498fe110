"""Rows: applications, registered streams, live sessions and the processes behind.

Who is live is said by `LiveSession` rows alone. Counts are counted from them and
stored nowhere; `Broadcast.status` is what the wire and REST show of it.
"""

from streams.models.api_key import ApiKey, Scope
from streams.models.application import Application
from streams.models.audit import (
    ConnectionEvent,
    DeliveryState,
    EventType,
    WebhookDelivery,
)
from streams.models.broadcast import STREAMING, Broadcast, BroadcastStatus
from streams.models.conference import DataDistribution
from streams.models.credentials import (
    Admission,
    BlockedType,
    CredentialType,
    Subscriber,
    Token,
)
from streams.models.node import DEAD_AFTER, Node, NodeKind
from streams.models.push import PushService, PushToken
from streams.models.session import Ending, LiveSession, SessionRole, SessionState

__all__ = [
    "DEAD_AFTER",
    "STREAMING",
    "Admission",
    "ApiKey",
    "Application",
    "BlockedType",
    "Broadcast",
    "BroadcastStatus",
    "ConnectionEvent",
    "CredentialType",
    "DataDistribution",
    "DeliveryState",
    "Ending",
    "EventType",
    "LiveSession",
    "Node",
    "NodeKind",
    "PushService",
    "PushToken",
    "Scope",
    "SessionRole",
    "SessionState",
    "Subscriber",
    "Token",
    "WebhookDelivery",
]
