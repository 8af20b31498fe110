"""`publish`, and how a publisher's attempt goes on."""

from __future__ import annotations

from functools import partial

from relay import control
from signalling import replies
from signalling.context import Context
from signalling.errors import SignallingError
from signalling.handlers.outcomes import finished, mark_started, notify
from signalling.messages import Publish
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, PublishAttempt, Role
from streams import services
from streams.policy import Approval


async def publish(
    context: Context, message: Publish, approval: Approval = Approval.UNASKED
) -> list[Outgoing]:
    """The stream id is this socket's, and the client is asked for its offer.

    Where the operator's webhook has to be asked, this goes on with its `approval`.
    Contract 2.1. Raises SignallingError: the first check that failed.
    """
    stream_id = message.stream_id
    try:
        grant: services.PublishGrant = await context.open(
            services.open_publish, _request(context, message, approval), stream_id
        )
    except services.ApprovalNeeded as needed:
        resume = partial(publish, context, message)
        context.ask(Role.PUBLISH, stream_id, needed.question, resume)
        return []
    attempt = PublishAttempt(
        session=grant.session,
        role=Role.PUBLISH,
        stream_id=message.stream_id,
        relay=grant.relay,
        start_timeout_ms=grant.start_timeout_ms,
        subscriber_id=message.subscriber_id,
        link_session=message.link_session,
        restored=grant.restored,
        video_codecs=grant.video_codecs,
        return_window_ms=grant.return_window_ms,
        max_bitrate_bps=grant.max_bitrate_bps,
        video=message.video,
        audio=message.audio,
        room=grant.room,
        participant_role=grant.role,
        data_channels=grant.data_channels,
        distribution=grant.distribution,
        encoder_settings=grant.encoder_settings,
        tcp_candidates=grant.tcp_candidates,
        announced=grant.restored,  # it was there all the time
    )
    await context.begin(attempt, grant.start_timeout_ms)
    return [replies.start(message.stream_id, message.subscriber_id)]


def _request(
    context: Context, message: Publish, approval: Approval
) -> services.PublishRequest:
    return services.PublishRequest(
        application=context.session.application,
        stream_id=message.stream_id,
        video=message.video,
        audio=message.audio,
        name=message.name,
        main_track=message.main_track,
        meta_data=message.meta_data,
        role=message.role,
        token=message.token,
        subscriber_id=message.subscriber_id,
        subscriber_code=message.subscriber_code,
        approval=approval,
        room=context.session.room_of(message.stream_id),
    )


async def on_started(context: Context, attempt: Attempt) -> list[Outgoing]:
    """Media has arrived: the stream is live, and those who wait for it hear so."""
    if not await mark_started(context, attempt):
        return []
    await context.announce_live(attempt.stream_id)
    if attempt.room:
        await _enter_played_room(context, attempt)
    if isinstance(attempt, PublishAttempt) and attempt.restored:
        restored = Notification.SESSION_RESTORED
        return [replies.notification(restored, attempt.stream_id)]
    await context.tell_room(attempt, joined=True)
    room = replies.room_name(attempt.room) if attempt.room else {}
    return [notify(Notification.PUBLISH_STARTED, attempt, **room)]


async def _enter_played_room(context: Context, attempt: Attempt) -> None:
    """Those who wait for the room hear of it. This socket does not see itself.

    One that played the room before it published was not known there as its own.
    """
    await context.announce_live(attempt.room)
    viewer = context.session.find(Role.PLAY, attempt.room)
    if viewer is None or not viewer.is_room or attempt.stream_id in viewer.own_streams:
        return
    hidden = control.SetTracks(
        viewer.session, attempt.stream_id, video=False, audio=False
    )
    await context.tell(viewer, hidden)


async def on_closed(
    context: Context, attempt: Attempt, reason: control.CloseReason
) -> list[Outgoing]:
    """The relay has ended the attempt."""
    if reason is control.CloseReason.STREAM_ENDED:
        await context.close_row(attempt)
        return [finished(attempt)]
    if reason is control.CloseReason.LOST and attempt.can_wait:
        # Nothing is said: 2.4.2 closes for good on publish_finished, and the SDK
        # sees the loss by itself and returns to its waiting viewers (contract M3).
        await context.park_row(attempt)
        return []
    await context.close_row(attempt, services.PUBLISH_TIMEOUT)
    return [_timed_out(attempt)]


async def on_expired(context: Context, attempt: Attempt) -> list[Outgoing]:
    """No offer came after `start`, or the relay's word about it was lost."""
    await context.close(attempt, services.PUBLISH_TIMEOUT)
    return [_timed_out(attempt)]


def _timed_out(attempt: Attempt) -> Outgoing:
    definition = ErrorDefinition.PUBLISH_TIMEOUT
    return replies.error(SignallingError(definition, attempt.stream_id))
