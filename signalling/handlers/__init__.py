"""Which function handles what: messages of clients, events about attempts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from relay import control
from signalling import events, replies
from signalling.conference_messages import (
    AssignVideoTrack,
    ForceStreamQuality,
    LimitVideoTracks,
    PageVideoTracks,
    SetTrack,
    TellAssignments,
    UpdateStreamMetaData,
)
from signalling.context import Asked, Context, Expired, WaitOver
from signalling.handlers import (
    info,
    negotiation,
    peer,
    play,
    publish,
    push,
    quality,
    questions,
    room,
    stop,
    tracks,
)
from signalling.handlers.endings import handle_session_end
from signalling.information_messages import (
    GetDebugInfo,
    GetSubscriberCount,
    GetSubscribers,
    GetSubtracks,
    GetSubtracksCount,
    GetTrackList,
    RegisterPushToken,
    SendPush,
)
from signalling.messages import (
    GetBroadcastObject,
    GetIceServerConfig,
    GetRoomInfo,
    GetStreamInfo,
    Join,
    JoinRoom,
    Leave,
    LeaveFromRoom,
    Message,
    PeerMessage,
    Ping,
    Play,
    Publish,
    Stop,
    TakeCandidate,
    TakeConfiguration,
)
from signalling.protocol import Notification, Reply
from signalling.replies import Outgoing
from signalling.session import Attempt, Role

__all__ = [
    "HANDLERS",
    "SOCKET_EVENTS",
    "handle_asked",
    "handle_event",
    "handle_relay_lost",
    "handle_session_end",
    "handle_stream_live",
    "handle_wait_over",
]

Handler = Callable[[Context, Any], Awaitable[list[Outgoing]]]


async def ping(_: Context, __: Ping) -> list[Outgoing]:
    return [Outgoing(Reply.PONG)]


HANDLERS: dict[type[Message], Handler] = {
    Publish: publish.publish,
    Play: play.play,
    Stop: stop.stop,
    TakeConfiguration: negotiation.take_configuration,
    TakeCandidate: negotiation.take_candidate,
    Join: peer.join,
    Leave: peer.leave,
    PeerMessage: peer.pass_on,
    JoinRoom: room.join_room,
    LeaveFromRoom: room.leave_from_room,
    GetRoomInfo: room.get_room_info,
    Ping: ping,
    GetIceServerConfig: info.get_ice_server_config,
    GetStreamInfo: info.get_stream_info,
    GetBroadcastObject: info.get_broadcast_object,
    SetTrack: tracks.set_track,
    AssignVideoTrack: tracks.assign_video_track,
    PageVideoTracks: tracks.page_video_tracks,
    LimitVideoTracks: tracks.limit_video_tracks,
    TellAssignments: tracks.tell_assignments,
    ForceStreamQuality: quality.force_stream_quality,
    UpdateStreamMetaData: tracks.update_stream_meta_data,
    GetTrackList: questions.get_track_list,
    GetSubtracks: questions.get_subtracks,
    GetSubtracksCount: questions.get_subtracks_count,
    GetSubscribers: questions.get_subscribers,
    GetSubscriberCount: questions.get_subscriber_count,
    GetDebugInfo: questions.get_debug_info,
    RegisterPushToken: push.register_push_token,
    SendPush: push.send_push,
}

_ON_STARTED = {Role.PUBLISH: publish.on_started, Role.PLAY: play.on_started}
_ON_CLOSED = {Role.PUBLISH: publish.on_closed, Role.PLAY: play.on_closed}
_ON_EXPIRED = {Role.PUBLISH: publish.on_expired, Role.PLAY: play.on_expired}


async def handle_event(
    context: Context, event: control.SessionEvent | Expired
) -> list[Outgoing]:
    """What to say about an attempt; nothing about one that is over (contract T46)."""
    attempt = context.session.get(event.session)
    if attempt is None:
        return []
    if isinstance(event, Expired):
        if attempt.is_live:  # it started while this was on its way
            return []
        return await _ON_EXPIRED[attempt.role](context, attempt)
    return await _about_attempt(context, attempt, event)


async def _about_attempt(
    context: Context, attempt: Attempt, event: control.SessionEvent
) -> list[Outgoing]:
    match event:
        case control.Answered():
            return await negotiation.on_answered(context, attempt, event)
        case control.Offered():
            return await negotiation.on_offered(context, attempt, event)
        case control.TracksChanged():
            return await negotiation.on_tracks_changed(context, attempt, event)
        case control.RenditionChanged() | control.EncoderFailed():
            return await quality.on_quality(attempt, event)
        case control.Failed():
            return await negotiation.on_failed(context, attempt, event)
        case control.Started():
            return await _ON_STARTED[attempt.role](context, attempt)
        case control.Closed():
            return await _ON_CLOSED[attempt.role](context, attempt, event.reason)
        case control.Silence():
            attempt.silent = event.silent
            return []


async def handle_asked(context: Context, event: Asked) -> list[Outgoing]:
    """Nothing about a command that was stopped or repeated meanwhile."""
    if not context.session.take_asked(event.asking):
        return []
    return await event.resume(event.approval)


async def handle_wait_over(context: Context, event: WaitOver) -> list[Outgoing]:
    await context.stop_waiting(event.stream_id)
    return []


# What the supervisor and other sockets' consumers say, by the type of the message.
SOCKET_EVENTS = {
    events.ROOM_STREAM: room.handle_room_stream,
    events.PEER_JOINED: peer.handle_peer_joined,
    events.PEER_LEFT: peer.handle_peer_left,
    events.PEER_FRAME: peer.handle_peer_frame,
    events.VIEWER_MEASURED: quality.handle_viewer_measured,
    events.PUSH_DONE: push.handle_push_done,
}


async def handle_stream_live(context: Context, stream_id: str) -> list[Outgoing]:
    """Told once; a page that still finds no stream waits anew."""
    if stream_id not in context.session.waiting:
        return []
    await context.stop_waiting(stream_id)
    return [replies.notification(Notification.STREAMING_STARTED, stream_id)]


async def handle_relay_lost(context: Context, sessions: list[str]) -> list[Outgoing]:
    """The attempts are forgotten; their rows are closed already.

    `server_will_stop` makes the SDK close its socket and come back with a new one
    in about a second, and publish and play again. Left alone it would watch its
    dead peer connection for nine seconds first (contract 5.2, M1).
    """
    lost = [context.session.get(session) for session in sessions]
    attempts = [attempt for attempt in lost if attempt is not None]
    for attempt in attempts:
        context.session.forget(attempt)
        await context.tell_room(attempt, joined=False)
    others = [await _lose_place(context, session) for session in sessions]
    if not attempts and not any(others):
        return []
    return [replies.notification(Notification.SERVER_WILL_STOP)]


async def _lose_place(context: Context, session: str) -> bool:
    """Whether a seat or a room was lost: its row is gone, so nobody finds it there."""
    seat = context.session.find_seat(session)
    membership = context.session.find_membership(session)
    if seat is not None:
        context.session.take_seats(seat.stream_id)
        await peer.tell_left(context.session.application, seat)
    if membership is not None:
        del context.session.rooms[membership.room]
        await context.leave_room(membership.room)
    return seat is not None or membership is not None
