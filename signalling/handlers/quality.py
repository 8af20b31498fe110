"""What a viewer is sent and its path bears, and what became of a stream's ladder."""

from __future__ import annotations

import logging
from typing import Any

from relay import control
from signalling import replies, store
from signalling.conference_messages import ForceStreamQuality
from signalling.context import Context
from signalling.errors import SignallingError, StoreUnavailable
from signalling.limits import LimitedLog
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import Outgoing
from signalling.session import Attempt, Role
from streams import services

log = LimitedLog(logging.getLogger(__name__))

_PROBLEMS = {
    control.EncoderProblem.NO_SETTINGS: ErrorDefinition.NO_ENCODER_SETTINGS,
    control.EncoderProblem.NOT_OPENED: ErrorDefinition.ENCODER_NOT_OPENED,
    control.EncoderProblem.BLOCKED: ErrorDefinition.ENCODER_BLOCKED,
}


async def force_stream_quality(
    context: Context, message: ForceStreamQuality
) -> list[Outgoing]:
    """Pinned for this viewer; `resolutionChangeInfo` confirms it (contract 2.3)."""
    attempt = context.session.find(Role.PLAY, message.stream_id)
    if attempt is None:
        return []
    track = attempt.relay_track(message.track_id)
    command = control.ForceQuality(attempt.session, track, message.height)
    await context.tell(attempt, command)
    return []


async def on_quality(
    attempt: Attempt, event: control.RenditionChanged | control.EncoderFailed
) -> list[Outgoing]:
    """Each of them is about one role; for the other there is nothing to say."""
    if isinstance(event, control.RenditionChanged):
        return _tell_height(attempt, event) if attempt.role is Role.PLAY else []
    if attempt.role is not Role.PUBLISH:
        return []
    return await _tell_problem(attempt, event)


def _tell_height(attempt: Attempt, event: control.RenditionChanged) -> list[Outgoing]:
    """`resolutionChangeInfo`; in a room, of which participant (contract 3.2)."""
    fields: dict[str, object] = {"streamHeight": event.height}
    if attempt.is_room:
        fields["trackId"] = event.track
    changed = Notification.RESOLUTION_CHANGED
    return [replies.notification(changed, attempt.stream_id, **fields)]


async def _tell_problem(
    attempt: Attempt, event: control.EncoderFailed
) -> list[Outgoing]:
    """The publisher hears what became of its ladder; its stream goes on (contract 4).

    The operator's webhook hears of one that does not start (contract 8).
    """
    log.warning(
        "encoder: %s of %s, heights given up: %s",
        event.problem.value,
        attempt.stream_id,
        list(event.heights),
    )
    if event.problem is control.EncoderProblem.NOT_OPENED:
        try:
            await store.run(services.tell_encoder_not_opened, attempt.session)
        except StoreUnavailable:
            log.error("encoder: no webhook was told")
    refused = SignallingError(_PROBLEMS[event.problem], attempt.stream_id)
    return [replies.error(refused)]


async def handle_viewer_measured(
    context: Context, message: dict[str, Any]
) -> list[Outgoing]:
    """`bitrateMeasurement`, numbers in bit/s (contract 3.2, T28).

    Hundreds of viewers are told so every few seconds: nothing is looked up.
    """
    attempt = context.session.get(message["session"])
    if attempt is None or attempt.role is not Role.PLAY or not attempt.is_live:
        return []
    return [
        replies.notification(
            Notification.BITRATE_MEASUREMENT,
            attempt.stream_id,
            targetBitrate=message["target"],
            videoBitrate=message["video"],
            audioBitrate=message["audio"],
        )
    ]
