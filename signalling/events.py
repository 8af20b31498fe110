"""Channel-layer messages that consumers get, and the names of their groups."""

from __future__ import annotations

import hashlib
from typing import Any

RELAY_EVENT = "relay.event"  # from the link: {"event": control.encode(event) as text}
RELAY_LOST = "relay.lost"  # from the link: {"sessions": [session, …]}
STREAM_LIVE = "stream.live"  # from a publisher's consumer: {"stream_id": …}
SERVER_STOP = "server.stop"  # this process is about to stop


def stream_live(stream_id: str) -> dict[str, Any]:
    return {"type": STREAM_LIVE, "stream_id": stream_id}


def waiting_group(application: str, stream_id: str) -> str:
    """Who waits for a stream. Hashed, for a group name has at most 100 characters."""
    key = f"{application}/{stream_id}".encode()
    return f"waiting.{hashlib.sha256(key).hexdigest()[:40]}"
