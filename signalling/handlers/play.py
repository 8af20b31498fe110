"""`play`, and how a viewer's attempt goes on."""

from __future__ import annotations

from functools import partial

from relay import control
from signalling.context import TIMER_MARGIN_MS, Context
from signalling.errors import SignallingError
from signalling.handlers.outcomes import finished, mark_started, notify
from signalling.messages import Play
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, Role
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
    attempt = Attempt(
        session=grant.session,
        role=Role.PLAY,
        stream_id=message.stream_id,
        relay=grant.relay,
        start_timeout_ms=grant.start_timeout_ms,
        subscriber_id=message.subscriber_id,
        link_session=message.link_session,
        room=message.room,
    )
    await context.begin(attempt, grant.start_timeout_ms + TIMER_MARGIN_MS)
    await context.command(
        attempt,
        control.CreateOffer(
            session=grant.session,
            reply_to=await context.subscribe(),
            stream=context.stream_key(message.stream_id),
            start_timeout_ms=grant.start_timeout_ms,
        ),
    )
    return []


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
