"""What publishers and viewers have in common when an attempt starts or ends."""

from __future__ import annotations

import logging

from signalling import replies, store
from signalling.context import Context
from signalling.errors import StoreUnavailable
from signalling.protocol import Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, Role
from streams import services

logger = logging.getLogger(__name__)

_FINISHED = {
    Role.PUBLISH: Notification.PUBLISH_FINISHED,
    Role.PLAY: Notification.PLAY_FINISHED,
}


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


def finished(attempt: Attempt) -> Outgoing:
    return notify(_FINISHED[attempt.role], attempt)


def notify(definition: Notification, attempt: Attempt, **fields: object) -> Outgoing:
    return replies.notification(
        definition, attempt.stream_id, subscriberId=attempt.subscriber_id, **fields
    )
