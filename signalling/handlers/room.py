"""Rooms that are joined by name: join, leave, who is there (contract 6.2, 6.3)."""

from __future__ import annotations

from typing import Any

from signalling import replies, store
from signalling.context import Context
from signalling.errors import SignallingError
from signalling.handlers.outcomes import finished
from signalling.messages import GetRoomInfo, JoinRoom, LeaveFromRoom
from signalling.protocol import ErrorDefinition, Notification, Reply
from signalling.replies import Outgoing
from signalling.session import Membership
from streams import services


async def join_room(context: Context, message: JoinRoom) -> list[Outgoing]:
    """The socket is in the room and hears who publishes there.

    Raises SignallingError: the first check that failed.
    """
    room = message.room
    request = services.RoomRequest(context.session.application, room, message.stream_id)
    try:
        grant: services.RoomGrant = await context.open(
            services.join_room, request, message.stream_id
        )
    except SignallingError as refused:  # the room always, the id where there is one
        refused.stream_id = message.stream_id or None
        refused.fields["room"] = room
        raise
    membership = Membership(grant.session, room, grant.stream_id)
    for replaced in context.session.join_room(membership):
        if replaced.room != room:
            await context.leave_room(replaced.room)
    await context.enter_room(room)
    fields = {
        **_describe(room, grant.streams),
        "maxTrackCount": grant.max_video_tracks,
    }
    return [
        replies.notification(Notification.JOINED_THE_ROOM, grant.stream_id, **fields)
    ]


async def leave_from_room(context: Context, message: LeaveFromRoom) -> list[Outgoing]:
    """The socket neither publishes nor plays in the room any more. Never refused."""
    room = message.room
    membership = context.session.rooms.pop(room, None)
    if membership is not None:
        context.session.stop_asking(membership.stream_id)
    answers = []
    for attempt in context.session.take_room(room):
        await context.close(attempt)
        answers.append(finished(attempt))
    if membership is not None:
        await store.run_or_retry(services.close_session, membership.session)
        await context.leave_room(room)
    left = replies.notification(
        Notification.LEAVED_FROM_ROOM, None, **replies.room_name(room)
    )
    return [*answers, left]


async def get_room_info(context: Context, message: GetRoomInfo) -> list[Outgoing]:
    """Who publishes in the room besides the caller.

    Raises SignallingError: nobody is there.
    """
    state = await store.run(
        services.room_state,
        context.session.application,
        message.room,
        message.stream_id,
    )
    if state.empty:
        definition = ErrorDefinition.EMPTY_ROOM
        raise SignallingError(
            definition, message.stream_id or None, **replies.room_name(message.room)
        )
    fields = _describe(message.room, state.streams)
    return [Outgoing(Reply.ROOM_INFORMATION, None, fields)]


async def handle_room_stream(
    context: Context, message: dict[str, Any]
) -> list[Outgoing]:
    if message["by"] == await context.subscribe():
        return []
    definition = (
        Notification.STREAM_JOINED if message["joined"] else Notification.STREAM_LEAVED
    )
    return [replies.notification(definition, message["stream_id"])]


def _describe(room: str, streams: tuple[services.RoomStream, ...]) -> dict[str, object]:
    return {
        **replies.room_name(room),
        "streams": [stream.stream_id for stream in streams],
        "streamList": [
            {
                "streamId": stream.stream_id,
                "streamName": stream.name,
                # Pages parse it unless it is null (contract T27).
                "metaData": stream.meta_data or None,
            }
            for stream in streams
        ],
    }
