"""Sessions that an operator or the clock ends."""

from __future__ import annotations

from signalling import replies, store
from signalling.context import Context, hang_up
from signalling.errors import SignallingError
from signalling.handlers.outcomes import finished
from signalling.handlers.peer import give_up
from signalling.handlers.room import leave_from_room
from signalling.messages import LeaveFromRoom
from signalling.protocol import ErrorDefinition
from signalling.replies import Outgoing
from streams import services
from streams.models import Ending

_REASONS = {
    Ending.BLOCKED.value: ErrorDefinition.USER_BLOCKED,
    Ending.NOT_ACTIVE.value: ErrorDefinition.NOT_ACTIVE,
    Ending.NO_PACKETS.value: ErrorDefinition.NO_PACKETS,
}

_MAY_RETURN = (Ending.NO_PACKETS.value, Ending.ROOM_ENDED.value)


async def handle_session_end(
    context: Context, session: str, relay: str, ending: str
) -> list[Outgoing]:
    """The session is closed, and its client knows why and that it is for good.

    Without `stop` the SDK would come back by itself within seconds (contract M4).
    One that sends no media may: its camera may be there again. So may a viewer whose
    room has emptied.
    """
    seat = context.session.find_seat(session)
    if seat is not None:
        context.session.take_seats(seat.stream_id)
        await give_up(context, seat)
        return [replies.stop(seat.stream_id)]
    membership = context.session.find_membership(session)
    if membership is not None:
        leaving = LeaveFromRoom(membership.stream_id, membership.room)
        return await leave_from_room(context, leaving)
    attempt = context.session.get(session)
    if attempt is None:  # its row is left over
        await store.run_or_retry(services.close_session, session)
        await hang_up(relay, session)
        return []
    await context.close(attempt)
    answers = [finished(attempt)]
    if ending in _REASONS:
        refused = SignallingError(_REASONS[ending], attempt.stream_id)
        answers.insert(0, replies.error(refused))
    if ending not in _MAY_RETURN:
        answers.append(replies.stop(attempt.stream_id))
    return answers
