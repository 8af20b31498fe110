"""What the server says: builders of frames and their JSON text (contract 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from signalling.errors import SignallingError
from signalling.protocol import Notification, Reply

_FIRST_MID = re.compile(r"^a=mid:(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame; `fields` carries wire names and is not changed afterwards."""

    command: Reply
    stream_id: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    frame: str | None = None  # sent as it is, in place of all the others


def serialize(reply: Outgoing, *, legacy: bool = False) -> str:
    """JSON in ASCII. The 2017 dialect gets its id as `streamName` too (contract 1)."""
    if reply.frame is not None:
        return reply.frame
    body: dict[str, object] = {"command": reply.command}
    if reply.stream_id is not None:
        body["streamId"] = reply.stream_id
        if legacy:
            body["streamName"] = reply.stream_id
    body.update(reply.fields)
    return json.dumps(body, separators=(",", ":"))


def start(stream_id: str, subscriber_id: str) -> Outgoing:
    return Outgoing(Reply.START, stream_id, {"subscriberId": subscriber_id})


def verbatim(frame: str) -> Outgoing:
    """What the other peer said."""
    return Outgoing(Reply.PEER_MESSAGE, frame=frame)


def stop(stream_id: str) -> Outgoing:
    """The one message that ends the SDK's own retries (contract 5.2)."""
    return Outgoing(Reply.STOP, stream_id)


def description(
    stream_id: str,
    kind: str,
    sdp: str,
    *,
    subscriber_id: str,
    link_session: str,
    id_mapping: Mapping[str, str] | None = None,
) -> Outgoing:
    """`takeConfiguration`; `kind` is "offer" or "answer"."""
    fields: dict[str, object] = {"type": kind, "sdp": sdp}
    if id_mapping is not None:
        fields["idMapping"] = dict(id_mapping)
    fields |= {"subscriberId": subscriber_id, "linkSession": link_session}
    return Outgoing(Reply.TAKE_CONFIGURATION, stream_id, fields)


def candidates(
    stream_id: str,
    sdp: str,
    lines: tuple[str, ...],
    *,
    subscriber_id: str,
    link_session: str,
) -> list[Outgoing]:
    """One `takeCandidate` a line, for the first m-line of `sdp`.

    The JavaScript SDK uses `label` alone, Android needs `id` (contract 1).
    """
    mid = _FIRST_MID.search(sdp)
    common = {
        "label": 0,
        "id": mid.group(1) if mid else "0",
        "subscriberId": subscriber_id,
        "linkSession": link_session,
    }
    return [
        Outgoing(Reply.TAKE_CANDIDATE, stream_id, common | {"candidate": line})
        for line in lines
    ]


def room_name(room: str) -> dict[str, object]:
    """A room's name, under both keys by which clients read it (contract T23)."""
    return {"room": room, "ATTR_ROOM_NAME": room}


def notification(
    definition: Notification, stream_id: str | None = None, **fields: object
) -> Outgoing:
    return Outgoing(Reply.NOTIFICATION, stream_id, {"definition": definition, **fields})


def error(refusal: SignallingError) -> Outgoing:
    fields = {"definition": refusal.definition, **refusal.fields}
    return Outgoing(Reply.ERROR, refusal.stream_id, fields)
