"""Peer to peer: `join`, `leave`, and what the two say to each other (contract 6.1).

The server is a relay of messages only. Each peer's consumer knows the other's
channel; a message names the sessions it is from and for, so that one of an earlier
join is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from signalling import events, replies, store
from signalling.context import Context
from signalling.errors import SignallingError, StoreUnavailable
from signalling.limits import LimitedLog
from signalling.messages import (
    Join,
    Leave,
    PeerMessage,
    TakeCandidate,
    TakeConfiguration,
)
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Seat
from streams import services

log = LimitedLog(logging.getLogger(__name__))


async def join(context: Context, message: Join) -> list[Outgoing]:
    """The socket has a seat. Who waited makes the offer, as a rule.

    Raises SignallingError: the first check that failed, or who waits cannot be told.
    """
    stream_id = message.stream_id
    request = services.PeerRequest(
        context.session.application, stream_id, mode=message.mode
    )
    grant: services.PeerGrant = await context.open(
        services.open_peer, request, stream_id
    )
    seat = Seat(grant.session, stream_id)
    context.session.seats[stream_id] = seat
    answers = [replies.notification(Notification.JOINED, stream_id)]
    if grant.other is None:
        return answers
    seat.other_session, seat.other_channel = grant.other.session, grant.other.channel
    channel = await context.subscribe()
    joined = events.peer_joined(
        stream_id,
        grant.other.session,
        grant.session,
        channel,
        offers=not grant.offers,
    )
    if not await _tell(seat.other_channel, joined):
        context.session.take_seats(stream_id)
        await give_up(context, seat)
        raise SignallingError(ErrorDefinition.HIGH_RESOURCE_USAGE, stream_id)
    return [*answers, replies.start(stream_id, "")] if grant.offers else answers


async def leave(context: Context, message: Leave) -> list[Outgoing]:
    """The seat is free and the other peer hears so; without a seat: silent."""
    seats = context.session.take_seats(message.stream_id)
    for seat in seats:
        await give_up(context, seat)
    return [replies.notification(Notification.LEAVED, seat.stream_id) for seat in seats]


async def pass_on(
    context: Context, message: TakeConfiguration | TakeCandidate | PeerMessage
) -> list[Outgoing]:
    """The other peer gets the message as it is.

    Raises SignallingError: there is no other.
    """
    seat = context.session.seats.get(message.stream_id)
    if seat is None or not seat.other_session:
        raise SignallingError(ErrorDefinition.NO_PEER, message.stream_id)
    frame = events.peer_frame(
        message.stream_id, seat.other_session, seat.session, message.frame
    )
    await _tell(seat.other_channel, frame)
    # Neither the channel nor a socket with frames waiting lets another task run: a
    # burst would overflow the other's channel before it could read from it.
    await asyncio.sleep(0)
    return []


async def give_up(context: Context, seat: Seat) -> None:
    """The seat is free, and the other peer stops."""
    await store.run_or_retry(services.close_session, seat.session)
    await tell_left(context.session.application, seat)


async def tell_left(application: str, seat: Seat) -> None:
    """The other peer stops; the row of this one is closed already.

    One that this one has not heard of may have sat down opposite just before.
    """
    if seat.other_session:
        await _tell_left(seat, seat.other_session, seat.other_channel)
    try:
        there = await store.run(services.peers_in, application, seat.stream_id)
    except StoreUnavailable:
        return
    for other in there:
        if other.session != seat.other_session:
            await _tell_left(seat, other.session, other.channel)


async def handle_peer_joined(
    context: Context, message: dict[str, Any]
) -> list[Outgoing]:
    """Somebody sits opposite now."""
    seat = _addressed(context, message)
    if seat is None:
        return []
    # The word of who sat there before, that it has left, may come later.
    replaced = seat.other_session and seat.other_channel != message["channel"]
    seat.other_session, seat.other_channel = message["session"], message["channel"]
    answers = [replies.stop(seat.stream_id)] if replaced else []
    if message["offers"]:
        answers.append(replies.start(seat.stream_id, ""))
    return answers


async def handle_peer_left(context: Context, message: dict[str, Any]) -> list[Outgoing]:
    """The connection is over; this one waits for the next."""
    seat = _addressed(context, message)
    if seat is None or seat.other_session != message["session"]:
        return []
    seat.other_session = seat.other_channel = ""
    return [replies.stop(seat.stream_id)]


async def handle_peer_frame(
    context: Context, message: dict[str, Any]
) -> list[Outgoing]:
    seat = _addressed(context, message)
    if seat is None or seat.other_session != message["session"]:
        return []
    return [replies.verbatim(message["frame"])]


def _addressed(context: Context, message: dict[str, Any]) -> Seat | None:
    """The seat that the message is for; none if it was for an earlier join."""
    seat = context.session.seats.get(message["stream_id"])
    return seat if seat is not None and seat.session == message["to"] else None


async def _tell_left(seat: Seat, session: str, channel: str) -> None:
    await _tell(channel, events.peer_left(seat.stream_id, session, seat.session))


async def _tell(channel: str, message: dict[str, Any]) -> bool:
    """Whether the message is on its way."""
    layer = get_channel_layer()
    if layer is None:
        return False
    try:
        await layer.send(channel, message)
    except ChannelFull:
        log.warning("a peer does not keep up; a message for it is lost")
        return False
    return True
