"""Many fake viewers of one stream in this process."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

from websockets.exceptions import WebSocketException

from bench.clip import FRAME_RATE
from bench.dialects import make_signalling
from bench.peer import MediaLoop
from bench.signalling import Refused, Signalling
from bench.viewer import Viewer

JOIN_TIMEOUT_S = 20.0
MAX_TIMED_VIEWERS = 25
LAG_INTERVAL_S = 0.02


@dataclass(slots=True)
class Fleet:
    """Viewers that joined, and why others did not."""

    kind: str
    url: str
    stream: str
    feedback: bool = False
    media: MediaLoop = field(default_factory=MediaLoop)
    viewers: list[Viewer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _signalling: list[Signalling] = field(default_factory=list)

    async def join(self, *, timed: bool) -> Viewer | None:
        """One more viewer, returned at its first packet; nothing if it fails."""
        viewer = Viewer(self.media, timed=timed, feedback=self.feedback)
        signalling = make_signalling(self.kind, self.url)
        try:
            await asyncio.wait_for(self._play(viewer, signalling), JOIN_TIMEOUT_S)
        except (Refused, WebSocketException, OSError, ValueError) as error:
            self.failures.append(repr(error)[:200])
            viewer.close()
            return None
        except TimeoutError:
            self.failures.append(_where(viewer))
            viewer.close()
            return None
        self.viewers.append(viewer)
        self._signalling.append(signalling)
        return viewer

    async def join_one_by_one(self, count: int) -> None:
        """Each begins at a random time within a frame after the one before.

        Without the pause each would begin right after a frame, as the one before
        ended with a packet of it.
        """
        every = max(1, count // MAX_TIMED_VIEWERS)
        for index in range(count):
            await asyncio.sleep(random.uniform(0, 1 / FRAME_RATE))
            await self.join(timed=index % every == 0)

    async def leave(self) -> None:
        """All viewers of the fleet go."""
        for viewer in self.viewers:
            viewer.close()
        for signalling in self._signalling:
            with contextlib.suppress(WebSocketException, OSError):
                await signalling.close()
        self.viewers.clear()
        self._signalling.clear()

    async def leave_first(self) -> bool:
        """Whether there was a viewer: the one that came first goes."""
        if not self.viewers:
            return False
        self.viewers.pop(0).close()
        with contextlib.suppress(WebSocketException, OSError):
            await self._signalling.pop(0).close()
        return True

    async def _play(self, viewer: Viewer, signalling: Signalling) -> None:
        await signalling.open()
        viewer.tally.asked_at = time.monotonic()
        await signalling.play(
            self.stream,
            lambda offer: viewer.answer(offer, trickle=signalling.trickle),
            viewer.candidate,
        )
        await viewer.connected
        await viewer.first_packet


async def measure_lag(lags_ms: list[float]) -> None:
    """How late this process's event loop runs its timers, until cancelled."""
    while True:
        due = time.monotonic() + LAG_INTERVAL_S
        await asyncio.sleep(LAG_INTERVAL_S)
        lags_ms.append((time.monotonic() - due) * 1e3)


def _where(viewer: Viewer) -> str:
    if not viewer.ice.remote_ufrag:
        return "timeout: no offer"
    if not viewer.ice.connected:
        return "timeout: ICE"
    return "timeout: no packet" if viewer.connected.done() else "timeout: DTLS"
