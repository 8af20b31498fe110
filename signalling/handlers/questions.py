"""What a client may ask about the tracks and the audience of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.utils import timezone

from signalling import replies, store
from signalling.context import Context
from signalling.debug_text import describe_attempts
from signalling.errors import no_stream, refusal
from signalling.information_messages import (
    GetDebugInfo,
    GetSubscriberCount,
    GetSubscribers,
    GetSubtracks,
    GetSubtracksCount,
    GetTrackList,
)
from signalling.protocol import Notification, Reply
from signalling.replies import Outgoing
from signalling.session import Role
from streams import services
from streams.policy import AccessDenied

Result = TypeVar("Result")


async def get_track_list(context: Context, message: GetTrackList) -> list[Outgoing]:
    """Raises SignallingError: no_stream_exist, or as `play`."""
    session = context.session
    was_let_in = bool(session.of_stream(message.stream_id))
    request = services.TrackListRequest(
        session.application,
        message.stream_id,
        message.token,
        message.subscriber_id,
        message.subscriber_code,
    )
    socket = None if was_let_in else await context.socket_info()
    tracks = await _ask(message.stream_id, services.track_list, request, socket)
    return [Outgoing(Reply.TRACK_LIST, message.stream_id, {"trackList": tracks})]


async def get_subtracks(context: Context, message: GetSubtracks) -> list[Outgoing]:
    """Each a JSON string (contract T6). Raises no_stream_exist."""
    request = services.SubtracksRequest(
        context.session.application,
        message.stream_id,
        role=message.role,
        status=message.status,
        search=message.search,
        sort_by=message.sort_by,
        descending=message.descending,
    )
    found = await store.run(services.subtracks, request, message.page)
    if found is None:
        raise no_stream(message.stream_id)
    definition = Notification.SUBTRACK_LIST
    texts = _as_texts(found)
    return [replies.notification(definition, message.stream_id, subtrackList=texts)]


async def get_subtracks_count(
    context: Context, message: GetSubtracksCount
) -> list[Outgoing]:
    """Raises no_stream_exist."""
    request = services.SubtracksRequest(
        context.session.application,
        message.stream_id,
        role=message.role,
        status=message.status,
    )
    count = await store.run(services.count_subtracks, request)
    if count is None:
        raise no_stream(message.stream_id)
    definition = Notification.SUBTRACK_COUNT
    return [replies.notification(definition, message.stream_id, count=count)]


async def get_subscribers(context: Context, message: GetSubscribers) -> list[Outgoing]:
    """Each a JSON string. Raises unauthorized_access: the socket takes no part."""
    found = await _ask(
        message.stream_id,
        services.connected_subscribers,
        context.session.application,
        message.stream_id,
        _presence(context),
        message.page,
    )
    definition = Notification.SUBSCRIBER_LIST
    texts = _as_texts(found)
    return [replies.notification(definition, message.stream_id, subscriberList=texts)]


async def get_subscriber_count(
    context: Context, message: GetSubscriberCount
) -> list[Outgoing]:
    """Raises unauthorized_access: the socket takes no part in the stream."""
    count = await _ask(
        message.stream_id,
        services.count_connected_subscribers,
        context.session.application,
        message.stream_id,
        _presence(context),
    )
    definition = Notification.SUBSCRIBER_COUNT
    return [replies.notification(definition, message.stream_id, count=count)]


async def get_debug_info(context: Context, message: GetDebugInfo) -> list[Outgoing]:
    """Of this socket's own sessions with the stream, and nothing of others'."""
    stream_id = message.stream_id
    attempts = context.session.of_stream(stream_id)
    times: dict[str, services.SessionTimes] = {}
    measures: services.StreamMeasures | None = None
    if attempts:
        sessions = [attempt.session for attempt in attempts]
        times = await store.run(services.session_times, sessions)
        application = context.session.application
        measures = await store.run(services.stream_measures, application, stream_id)
    text = describe_attempts(
        context.stream_key(stream_id), attempts, times, measures, timezone.now()
    )
    return [replies.notification(Notification.DEBUG_INFO, stream_id, debugInfo=text)]


async def _ask(stream_id: str, call: Callable[..., Result], *args: Any) -> Result:
    """The result of a service; its refusal by its name on the wire."""
    try:
        return await store.run(call, *args)
    except AccessDenied as denied:
        raise refusal(denied.reason, stream_id, stream_id) from denied


def _presence(context: Context) -> services.Presence:
    """What the socket was let in to, while it lasts."""
    attempts = context.session.attempts()
    return services.Presence(
        publishes={a.stream_id for a in attempts if a.role is Role.PUBLISH},
        plays={a.stream_id for a in attempts if a.role is Role.PLAY},
    )


def _as_texts(rows: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(row, separators=(",", ":")) for row in rows]
