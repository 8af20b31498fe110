"""`takeConfiguration`, `takeCandidate`, and the relay's side of a negotiation."""

from __future__ import annotations

import logging

from relay import control
from signalling import replies
from signalling.context import TIMER_MARGIN_MS, Context
from signalling.errors import SignallingError, no_stream
from signalling.handlers.outcomes import notify
from signalling.handlers.peer import pass_on
from signalling.limits import LimitedLog
from signalling.messages import TakeCandidate, TakeConfiguration
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, PublishAttempt, Role

log = LimitedLog(logging.getLogger(__name__))

_FAILURES = {
    control.Failure.REMOTE_DESCRIPTION: ErrorDefinition.REMOTE_DESCRIPTION,
    control.Failure.LOCAL_DESCRIPTION: ErrorDefinition.LOCAL_DESCRIPTION,
    control.Failure.OVERLOADED: ErrorDefinition.HIGH_RESOURCE_USAGE,
    control.Failure.NO_STREAM: ErrorDefinition.NO_STREAM,
}
_SDP_ERRORS = (ErrorDefinition.REMOTE_DESCRIPTION, ErrorDefinition.LOCAL_DESCRIPTION)


async def take_configuration(
    context: Context, message: TakeConfiguration
) -> list[Outgoing]:
    """The client's description is with the relay; one that is not expected is not.

    No answer here: it comes as an event. Raises SignallingError: no relay.
    """
    role = Role.PUBLISH if message.is_offer else Role.PLAY
    attempt = context.session.find(role, message.stream_id)
    if attempt is None and message.stream_id in context.session.seats:
        return await pass_on(context, message)
    if attempt is None:
        log.warning("takeConfiguration without a session, ignored")
    elif isinstance(attempt, PublishAttempt):
        await _relay_offer(context, attempt, message.sdp)
    elif attempt.take_answer():
        answer = control.AcceptAnswer(session=attempt.session, sdp=message.sdp)
        await context.command(attempt, answer)
    else:
        log.warning("an answer that was not asked for, ignored")
    return []


async def _relay_offer(context: Context, attempt: PublishAttempt, sdp: str) -> None:
    if not attempt.take_offer():
        log.warning("a second offer, ignored")
        return
    context.arm(attempt, attempt.start_timeout_ms + TIMER_MARGIN_MS)
    offer = control.AcceptOffer(
        session=attempt.session,
        reply_to=await context.subscribe(),
        stream=context.stream_key(attempt.stream_id),
        sdp=sdp,
        video_codecs=attempt.video_codecs,
        start_timeout_ms=attempt.start_timeout_ms,
        return_window_ms=attempt.return_window_ms,
        max_bitrate_bps=attempt.max_bitrate_bps,
        accept_video=attempt.video,
        accept_audio=attempt.audio,
        room=context.stream_key(attempt.room) if attempt.room else "",
        role=attempt.participant_role,
        data_channels=attempt.data_channels,
        distribution=attempt.distribution,
        encoder_settings=attempt.encoder_settings,
        tcp_candidates=attempt.tcp_candidates,
    )
    await context.command(attempt, offer)


async def take_candidate(context: Context, message: TakeCandidate) -> list[Outgoing]:
    """The other peer's, in a room of peers. Otherwise there is nothing to do: the
    relay is ICE-lite and learns addresses from checks.
    """
    if message.stream_id in context.session.seats:
        return await pass_on(context, message)
    return []


async def on_answered(
    _: Context, attempt: Attempt, event: control.Answered
) -> list[Outgoing]:
    """The relay's answer to a publisher, then its candidates, in this order:
    old SDKs build a wrong peer connection from an early one (contract 3.2).
    """
    if not attempt.give_answer():
        return []
    return _describe(attempt, "answer", event)


async def on_offered(
    _: Context, attempt: Attempt, event: control.Offered
) -> list[Outgoing]:
    """The relay's offer to a viewer, with its `idMapping` (contract 3.3).

    A room's viewer gets another one whenever participants come or go.
    """
    if not attempt.make_offer():
        log.warning("an offer of a relay that is not expected, dropped")
        return []
    return _describe(attempt, "offer", event, event.id_mapping)


async def on_tracks_changed(
    _: Context, attempt: Attempt, event: control.TracksChanged
) -> list[Outgoing]:
    """A room's viewer hears who has come and who has gone (contract 3.2)."""
    changes = (
        (Notification.SUBTRACK_REMOVED, event.removed),
        (Notification.SUBTRACK_ADDED, event.added),
    )
    return [
        notify(definition, attempt, trackId=track)
        for definition, tracks in changes
        for track in tracks
    ]


def _describe(
    attempt: Attempt,
    kind: str,
    event: control.Answered | control.Offered,
    id_mapping: dict[str, str] | None = None,
) -> list[Outgoing]:
    description = replies.description(
        attempt.stream_id,
        kind,
        event.sdp,
        subscriber_id=attempt.subscriber_id,
        link_session=attempt.link_session,
        id_mapping=id_mapping,
    )
    return [
        description,
        *replies.candidates(
            attempt.stream_id,
            event.sdp,
            event.candidates,
            subscriber_id=attempt.subscriber_id,
            link_session=attempt.link_session,
        ),
    ]


async def on_failed(
    context: Context, attempt: Attempt, event: control.Failed
) -> list[Outgoing]:
    """The relay refused: its reason is answered and the id is free."""
    await context.close_row(attempt)
    definition = _FAILURES[event.failure]
    if definition is ErrorDefinition.NO_STREAM:
        await context.wait_for_stream(attempt.stream_id)
        return [replies.error(no_stream(attempt.stream_id))]
    fields: dict[str, object] = {}
    if definition in _SDP_ERRORS:
        fields["subscriberId"] = attempt.subscriber_id
    return [replies.error(SignallingError(definition, attempt.stream_id, **fields))]
