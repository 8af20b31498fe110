"""`stop`: of publishing and of playing."""

from __future__ import annotations

from signalling.context import Context
from signalling.handlers.outcomes import finished
from signalling.messages import Stop
from signalling.replies import Outgoing


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
    return [finished(attempt) for attempt in attempts]
