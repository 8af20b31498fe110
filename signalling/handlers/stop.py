"""`stop`: of publishing, of playing and of a peer's seat."""

from __future__ import annotations

from signalling.context import Context
from signalling.handlers.outcomes import finished
from signalling.handlers.peer import give_up
from signalling.messages import Stop
from signalling.replies import Outgoing


async def stop(context: Context, message: Stop) -> list[Outgoing]:
    """The id is free when this returns: the SDK publishes it again 500 ms later.

    An unknown id is silent, for the SDK stops before every retry (contract T10). A
    publisher whose network is gone says `stop` because of that: its stream waits for
    its return, as after any loss (contract 5.2).
    """
    context.session.stop_asking(message.stream_id)
    attempts = context.session.of_stream(message.stream_id)
    for attempt in attempts:
        context.session.forget(attempt)  # all of them, before the first wait
    for seat in context.session.take_seats(message.stream_id):
        await give_up(context, seat)
    lost = context.session.take_lost(message.stream_id)
    await context.stop_waiting(message.stream_id)
    for attempt in attempts:
        if attempt.silent and attempt.can_wait:
            await context.park(attempt)
        else:
            await context.close(attempt)
    for attempt in lost:
        if not attempt.silent:  # else it waits already
            await context.close(attempt)
    return [finished(attempt) for attempt in attempts + lost]
