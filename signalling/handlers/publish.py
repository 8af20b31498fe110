"""`publish`, `stop`, and how a publisher's attempt goes on."""

from __future__ import annotations

import logging

from relay import control
from signalling import replies, store
from signalling.context import Context
from signalling.errors import SignallingError, StoreUnavailable
from signalling.messages import Publish, Stop
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, PublishAttempt, Role
from streams import services

logger = logging.getLogger(__name__)

_FINISHED = {
    Role.PUBLISH: Notification.PUBLISH_FINISHED,
    Role.PLAY: Notification.PLAY_FINISHED,
}


async def publish(context: Context, message: Publish) -> list[Outgoing]:
    """The stream id is this socket's, and the client is asked for its offer.

    Contract 2.1. Raises SignallingError: the first check that failed.
    """
    grant: services.PublishGrant = await context.open(
        services.open_publish, _request(context, message), message.stream_id
    )
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
    )
    await context.begin(attempt, grant.start_timeout_ms)
    return [replies.start(message.stream_id, message.subscriber_id)]


def _request(context: Context, message: Publish) -> services.PublishRequest:
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
    )


async def stop(context: Context, message: Stop) -> list[Outgoing]:
    """The id is free when this returns: the SDK publishes it again 500 ms later.

    An unknown id is silent, for the SDK stops before every retry (contract T10).
    """
    attempts = context.session.of_stream(message.stream_id)
    for attempt in attempts:
        context.session.forget(attempt)  # all of them, before the first wait
    attempts += context.session.take_lost(message.stream_id)
    await context.stop_waiting(message.stream_id)
    for attempt in attempts:
        await context.close(attempt)
    return [_finished(attempt) for attempt in attempts]


async def on_started(context: Context, attempt: Attempt) -> list[Outgoing]:
    """Media has arrived: the stream is live, and those who wait for it hear so."""
    if not await mark_started(context, attempt):
        return []
    await context.announce_live(attempt.stream_id)
    if isinstance(attempt, PublishAttempt) and attempt.restored:
        restored = Notification.SESSION_RESTORED
        return [replies.notification(restored, attempt.stream_id)]
    return [_notify(Notification.PUBLISH_STARTED, attempt)]


async def on_closed(
    context: Context, attempt: Attempt, reason: control.CloseReason
) -> list[Outgoing]:
    """The relay has ended the attempt."""
    if reason is control.CloseReason.STREAM_ENDED:
        await context.close_row(attempt)
        return [_finished(attempt)]
    if reason is control.CloseReason.LOST and attempt.can_wait:
        # Nothing is said: 2.4.2 closes for good on publish_finished, and the SDK
        # sees the loss by itself and returns to its waiting viewers (contract M3).
        await context.park_row(attempt)
        return []
    await context.close_row(attempt)
    return [_timed_out(attempt)]


async def on_expired(context: Context, attempt: Attempt) -> list[Outgoing]:
    """No offer came after `start`, or the relay's word about it was lost."""
    await context.close(attempt)
    return [_timed_out(attempt)]


async def mark_started(context: Context, attempt: Attempt) -> bool:
    """Whether the attempt's row is live now and was not before.

    Raises:
        StoreUnavailable: the attempt is closed, for nobody could see it live.
    """
    if not attempt.go_live():
        return False
    try:
        started = await store.run(services.mark_started, attempt.session)
    except StoreUnavailable:
        await context.close(attempt)
        raise StoreUnavailable(attempt.stream_id) from None
    if started is None:
        logger.warning("%s started without a row; closed", attempt.session)
        await context.close(attempt)
        return False
    await context.stop_waiting(attempt.stream_id)
    return True


def _finished(attempt: Attempt) -> Outgoing:
    return _notify(_FINISHED[attempt.role], attempt)


def _notify(definition: Notification, attempt: Attempt) -> Outgoing:
    return replies.notification(
        definition, attempt.stream_id, subscriberId=attempt.subscriber_id
    )


def _timed_out(attempt: Attempt) -> Outgoing:
    definition = ErrorDefinition.PUBLISH_TIMEOUT
    return replies.error(SignallingError(definition, attempt.stream_id))
