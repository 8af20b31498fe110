"""What a viewer's client does not say again when it comes back (contract T14).

After a loss the SDK plays again by itself, without `subscriberName` and
`disableTracksByDefault`. They are remembered for the return window, by the
subscriber and the stream, where the client says who it is.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from signalling.messages import Play
from signalling.session import Attempt, Role

MAX_REMEMBERED = 10_000
Key = tuple[str, str, str]  # application, stream id, subscriber id


class ReturningViewers:
    """Bounded: over MAX_REMEMBERED the oldest is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._attempts: OrderedDict[Key, Attempt] = OrderedDict()

    def keep(self, application: str, attempt: Attempt) -> None:
        """Remember what this viewer's client has said, if that is needed."""
        key = application, attempt.stream_id, attempt.subscriber_id
        self._attempts.pop(key, None)
        said_something = attempt.subscriber_name or attempt.tracks_disabled
        if attempt.role is not Role.PLAY or not key[2] or not said_something:
            return
        self._attempts[key] = attempt
        while len(self._attempts) > MAX_REMEMBERED:
            self._attempts.popitem(last=False)

    def complete(self, application: str, message: Play) -> Play:
        """The command with what its client had said before its connection was lost."""
        key = application, message.stream_id, message.subscriber_id
        attempt = self._attempts.get(key)
        if attempt is None or attempt.ended_at is None:
            return message
        if self._clock() - attempt.ended_at > attempt.return_window_ms / 1000:
            del self._attempts[key]
            return message
        disabled = message.tracks_disabled
        return replace(
            message,
            subscriber_name=message.subscriber_name or attempt.subscriber_name,
            tracks_disabled=attempt.tracks_disabled if disabled is None else disabled,
        )


returning = ReturningViewers()
