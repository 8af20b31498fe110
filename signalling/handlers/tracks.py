"""What a viewer is sent, by its own commands, and what participants say of theirs.

They are about this socket's own sessions: one that it does not have is not told of,
and nothing is answered (contract 2.3).
"""

from __future__ import annotations

import json

from relay import control
from signalling import store
from signalling.conference_messages import (
    AssignVideoTrack,
    LimitVideoTracks,
    PageVideoTracks,
    SetTrack,
    TellAssignments,
    UpdateStreamMetaData,
)
from signalling.context import Context
from signalling.replies import Outgoing
from signalling.session import Attempt, Role
from streams import services


async def set_track(context: Context, message: SetTrack) -> list[Outgoing]:
    """A kind of a track is sent to this viewer, or no more."""
    attempt = context.session.find(Role.PLAY, message.stream_id)
    if attempt is None:
        return []
    names_room = attempt.is_room and message.track_id == message.stream_id
    if names_room and message.video is not None and message.audio is not None:
        return []  # multitrackplayer.html lists the room among its tracks
    track = attempt.relay_track(message.track_id)
    command = control.SetTracks(
        attempt.session, track, video=message.video, audio=message.audio
    )
    await context.tell(attempt, command)
    return []


async def assign_video_track(
    context: Context, message: AssignVideoTrack
) -> list[Outgoing]:
    """`stream_id` is the participant; which room it is in, the relay knows."""
    for attempt in context.session.room_plays():
        command = control.AssignVideoTrack(
            attempt.session, message.label, message.stream_id, message.enabled
        )
        await context.tell(attempt, command)
    return []


async def page_video_tracks(
    context: Context, message: PageVideoTracks
) -> list[Outgoing]:
    if attempt := _played_room(context, message.stream_id):
        command = control.PageVideoTracks(attempt.session, message.offset, message.size)
        await context.tell(attempt, command)
    return []


async def limit_video_tracks(
    context: Context, message: LimitVideoTracks
) -> list[Outgoing]:
    if attempt := _played_room(context, message.stream_id):
        command = control.LimitVideoTracks(attempt.session, message.most)
        await context.tell(attempt, command)
    return []


async def tell_assignments(
    context: Context, message: TellAssignments
) -> list[Outgoing]:
    """The answer comes on the data channel."""
    if attempt := _played_room(context, message.stream_id):
        await context.tell(attempt, control.TellAssignments(attempt.session))
    return []


async def update_stream_meta_data(
    context: Context, message: UpdateStreamMetaData
) -> list[Outgoing]:
    """Stored, by who publishes the stream or in the room; its room's members hear so.

    Raises SignallingError: the database is away.
    """
    publisher = _publisher_of(context, message.stream_id)
    if publisher is None:
        return []
    room = await store.run(
        services.update_meta_data,
        publisher.session,
        message.stream_id,
        message.meta_data,
    )
    if room:
        event = {
            "command": "event",
            "eventType": "TRACK_LIST_UPDATED",
            "streamId": room,
        }
        text = json.dumps(event, separators=(",", ":"))
        said = control.SendData(context.stream_key(room), text)
        await context.tell(publisher, said)
    return []


def _played_room(context: Context, room: str) -> Attempt | None:
    attempt = context.session.find(Role.PLAY, room)
    return attempt if attempt is not None and attempt.is_room else None


def _publisher_of(context: Context, stream_id: str) -> Attempt | None:
    """This socket's publisher of the stream, or one in the room of that id."""
    publisher = context.session.find(Role.PUBLISH, stream_id)
    if publisher is not None:
        return publisher
    inside = context.session.published_in(stream_id)
    return context.session.find(Role.PUBLISH, min(inside)) if inside else None
