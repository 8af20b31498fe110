"""Whether a publisher's network is gone: nothing comes from it any more.

The SDK stops and publishes anew when it has heard nothing of the server for eight
seconds, with the same `stop` that a user's click sends (contract 5.2). What tells the
two apart is that the server has heard nothing either.

A publisher that mutes everything is not silent: its checks go on (every 2.5 s in
Chromium, 4 to 6 s in Firefox), and a camera that is off still sends a frame every three
seconds (contract M5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.control import Silence

if TYPE_CHECKING:
    from relay.publisher import Publisher

SILENT_S = 5.0


@dataclass(slots=True)
class SilenceWatch:
    """Looks now and then at what has come in, so that no packet costs anything.

    Times are seconds of one clock that never goes back.
    """

    heard_at: float
    received_bytes: int = 0
    silent: bool = False

    def look(self, received_bytes: int, last_check: float, now: float) -> bool:
        """Whether it has fallen silent, or speaks again, since the last look.

        `received_bytes`: of media so far; `last_check`: when ICE last heard of it.
        """
        if received_bytes != self.received_bytes:
            self.received_bytes = received_bytes
            self.heard_at = now
        self.heard_at = max(self.heard_at, last_check)
        was_silent, self.silent = self.silent, now - self.heard_at >= SILENT_S
        return self.silent is not was_silent


def tell_silence(publisher: Publisher, now: float) -> None:
    """Signalling hears when the publisher falls silent, and when it is heard again.

    One that has only data channels never does: its messages are as rare as it likes.
    """
    watch = publisher.silence
    if publisher.sources and watch.look(
        publisher.received_bytes, publisher.last_check, now
    ):
        router = publisher.router
        router.emit(Silence(publisher.session, publisher.reply_to, watch.silent))
