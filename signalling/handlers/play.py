"""`play`, and how a viewer's attempt goes on."""

from __future__ import annotations

from functools import partial

from relay import control
from signalling.context import TIMER_MARGIN_MS, Context
from signalling.errors import SignallingError
from signalling.fields import is_stream_id
from signalling.handlers.outcomes import finished, mark_started, notify
from signalling.messages import Play
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.returning import returning
from signalling.session import Attempt, Role
from signalling.track_choice import choose_of_room, is_stream_sent
from streams import services
from streams.policy import Approval


async def play(
    context: Context, message: Play, approval: Approval = Approval.UNASKED
) -> list[Outgoing]:
    """An offer is on its way from the relay. Contract 2.1.

    A socket whose stream is not there is told when it is (contract 5.4). Where the
    operator's webhook has to be asked, this goes on with its `approval`.
    Raises SignallingError: the first check that failed.
    """
    message = returning.complete(context.session.application, message)
    try:
        grant: services.PlayGrant = await context.open(
            services.open_play, _request(context, message, approval), message.stream_id
        )
    except services.ApprovalNeeded as needed:
        resume = partial(play, context, message)
        context.ask(Role.PLAY, message.stream_id, needed.question, resume)
        return []
    except SignallingError as refused:
        if refused.definition is ErrorDefinition.NO_STREAM:
            await context.wait_for_stream(message.stream_id)
        raise
    is_room = grant.view is not None
    attempt = Attempt(
        session=grant.session,
        role=Role.PLAY,
        stream_id=message.stream_id,
        relay=grant.relay,
        start_timeout_ms=grant.start_timeout_ms,
        subscriber_id=message.subscriber_id,
        link_session=message.link_session,
        room=message.stream_id if is_room else message.room,
        is_room=is_room,
        own_streams=_own_streams(context, message) if is_room else frozenset(),
        subscriber_name=message.subscriber_name,
        tracks_disabled=bool(message.tracks_disabled),
        return_window_ms=grant.return_window_ms,
    )
    await context.begin(attempt, grant.start_timeout_ms + TIMER_MARGIN_MS)
    returning.keep(context.session.application, attempt)
    reply_to = await context.subscribe()
    await context.command(
        attempt, _ask_for_offer(context, message, grant, attempt, reply_to)
    )
    return []


def _own_streams(context: Context, message: Play) -> frozenset[str]:
    """What the room's viewer publishes there itself, as it says or as we know."""
    own = context.session.published_in(message.stream_id)
    said = message.user_publish_id
    return own | {said} if is_stream_id(said) else own


def _ask_for_offer(
    context: Context,
    message: Play,
    grant: services.PlayGrant,
    attempt: Attempt,
    reply_to: str,
) -> control.CreateOffer | control.CreateRoomOffer:
    key = context.stream_key(message.stream_id)
    disabled = attempt.tracks_disabled
    view = grant.view
    if view is None:
        sent = is_stream_sent(message.stream_id, message.tracks, disabled=disabled)
        return control.CreateOffer(
            session=grant.session,
            reply_to=reply_to,
            stream=key,
            start_timeout_ms=grant.start_timeout_ms,
            send_video=sent,
            send_audio=sent,
            data_channels=grant.data_channels,
            distribution=grant.distribution,
            adaptive=grant.adaptive,
            tcp_candidates=grant.tcp_candidates,
        )
    choice = choose_of_room(message.stream_id, message.tracks, disabled=disabled)
    return control.CreateRoomOffer(
        session=grant.session,
        reply_to=reply_to,
        room=key,
        start_timeout_ms=grant.start_timeout_ms,
        sees_roles=view.sees_roles,
        own_streams=tuple(sorted(attempt.own_streams)),
        tracks=choice.tracks,
        enabled=choice.enabled,
        video_codecs=view.video_codecs,
        max_video_tracks=view.max_video_tracks,
        max_audio_tracks=view.max_audio_tracks,
        audio_levels=view.audio_levels,
        audio_level_threshold=view.audio_level_threshold,
        data_channels=grant.data_channels,
        distribution=grant.distribution,
        adaptive=grant.adaptive,
        tcp_candidates=grant.tcp_candidates,
    )


def _request(
    context: Context, message: Play, approval: Approval
) -> services.PlayRequest:
    return services.PlayRequest(
        application=context.session.application,
        stream_id=message.stream_id,
        viewer_info=message.viewer_info,
        role=message.role,
        token=message.token,
        room=message.room,
        subscriber_id=message.subscriber_id,
        subscriber_code=message.subscriber_code,
        subscriber_name=message.subscriber_name,
        user_publish_id=message.user_publish_id,
        approval=approval,
    )


async def on_started(context: Context, attempt: Attempt) -> list[Outgoing]:
    if not await mark_started(context, attempt):
        return []
    return [notify(Notification.PLAY_STARTED, attempt)]


async def on_closed(
    context: Context, attempt: Attempt, reason: control.CloseReason
) -> list[Outgoing]:
    """The relay has ended the attempt: only the stream's end is said (M3)."""
    await context.close_row(attempt)
    if reason is control.CloseReason.STREAM_ENDED:
        return [finished(attempt)]
    if reason is control.CloseReason.LOST:
        context.session.lose(attempt)
    return []


async def on_expired(context: Context, attempt: Attempt) -> list[Outgoing]:
    """Not connected in time: closed without a word (contract 5.1)."""
    await context.close(attempt)
    return []
