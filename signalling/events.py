"""Channel-layer messages that consumers get, and the names of their groups."""

from __future__ import annotations

import hashlib
from typing import Any

from relay.control import ViewerReport

RELAY_EVENT = "relay.event"  # from the link: {"event": control.encode(event) as text}
RELAY_LOST = "relay.lost"  # from the link: {"sessions": [session, …]}
STREAM_LIVE = "stream.live"  # from a publisher's consumer: {"stream_id": …}
SESSION_END = "session.end"  # from the supervisor: {"session", "relay", "ending"}
PEER_JOINED = "peer.joined"  # these three from the other peer's consumer
PEER_LEFT = "peer.left"
PEER_FRAME = "peer.frame"
ROOM_STREAM = "room.stream"  # to the members of a room, about one who publishes
VIEWER_MEASURED = "viewer.measured"  # from the supervisor, every few seconds
PUSH_DONE = "push.done"  # from a task of the same socket
SERVER_STOP = "server.stop"  # this process is about to stop


def stream_live(stream_id: str) -> dict[str, Any]:
    return {"type": STREAM_LIVE, "stream_id": stream_id}


def session_end(session: str, relay: str, ending: str) -> dict[str, Any]:
    return {
        "type": SESSION_END,
        "session": session,
        "relay": relay,
        "ending": ending,
    }


def viewer_measured(viewer: ViewerReport) -> dict[str, Any]:
    """For the consumer at `viewer.reply_to`. Bit/s."""
    return {
        "type": VIEWER_MEASURED,
        "stream_id": None,
        "session": viewer.session,
        "target": viewer.target_bitrate,
        "video": viewer.video_bitrate,
        "audio": viewer.audio_bitrate,
    }


def peer_joined(
    stream_id: str, to: str, session: str, channel: str, *, offers: bool
) -> dict[str, Any]:
    """`session` sits opposite `to` now; `offers`: who gets this makes the offer."""
    return {
        "type": PEER_JOINED,
        "stream_id": stream_id,
        "to": to,
        "session": session,
        "channel": channel,
        "offers": offers,
    }


def peer_left(stream_id: str, to: str, session: str) -> dict[str, Any]:
    """`session` sits opposite `to` no more."""
    return {"type": PEER_LEFT, "stream_id": stream_id, "to": to, "session": session}


def peer_frame(stream_id: str, to: str, session: str, frame: str) -> dict[str, Any]:
    """A message of the other peer, `session`, to be passed on as it is."""
    return {
        "type": PEER_FRAME,
        "stream_id": stream_id,
        "to": to,
        "session": session,
        "frame": frame,
    }


def room_stream(stream_id: str, by: str, *, joined: bool) -> dict[str, Any]:
    """`by`: the channel of who publishes, who is not told."""
    return {"type": ROOM_STREAM, "stream_id": stream_id, "by": by, "joined": joined}


def push_done(definition: str, information: str) -> dict[str, Any]:
    """`definition`: what went wrong; "" for success."""
    return {
        "type": PUSH_DONE,
        "stream_id": None,
        "definition": definition,
        "information": information,
    }


def room_group(application: str, room: str) -> str:
    """Who has joined a room."""
    return _group("room", application, room)


def waiting_group(application: str, stream_id: str) -> str:
    """Who waits for a stream."""
    return _group("waiting", application, stream_id)


def _group(kind: str, application: str, name: str) -> str:
    """Hashed, for a group name has at most 100 characters."""
    key = f"{application}/{name}".encode()
    return f"{kind}.{hashlib.sha256(key).hexdigest()[:40]}"
