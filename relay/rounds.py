"""What each viewer is looked at for now and then: its rendition, its measurement.

In small slices, so that no packet waits behind hundreds of viewers. One timer, while
there are viewers.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from relay import control
from relay.viewer_report import measure

if TYPE_CHECKING:
    from relay.router import Router
    from relay.stream import Stream
    from relay.subscriber import Subscriber
    from relay.track import Track

SLICE_S = 0.05
ROUND_S = 1.0  # in which each viewer has its turn once
FIRST_MEASURE_S, MEASURE_S = 2.0, 5.0  # after its start, then again and again
MAX_TOLD = 32  # changes of rendition in one slice: hundreds may come at one key frame


class Rounds:
    """Of one relay."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._viewers: OrderedDict[Subscriber, None] = OrderedDict()  # next one first
        self._moved: deque[tuple[Subscriber, Stream, Track]] = deque()
        self._due = 0.0  # of the next viewer's turn, in viewers
        self._timer: asyncio.TimerHandle | None = None

    def add(self, viewer: Subscriber) -> None:
        """It has started."""
        viewer.next_measure = self._router.clock() + FIRST_MEASURE_S
        self._viewers[viewer] = None
        if self._timer is None:
            self._schedule()

    def remove(self, viewer: Subscriber) -> None:
        """It is closed; the timer ends with the last one."""
        if viewer in self._viewers:
            del self._viewers[viewer]
            if not self._viewers:
                self.close()

    def moved(self, viewer: Subscriber, stream: Stream, track: Track) -> None:
        """The viewer is sent that rendition from now on: it will be told."""
        self._moved.append((viewer, stream, track))

    def close(self) -> None:
        self._viewers.clear()
        self._moved.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SLICE_S, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._schedule()
        self.slice(self._router.clock())

    def slice(self, now: float) -> None:
        """The turn of the next few."""
        self._tell_moved()
        count = len(self._viewers)
        self._due = min(self._due + count * SLICE_S / ROUND_S, count)
        reports = []
        for _ in range(math.floor(self._due)):
            self._due -= 1
            viewer = next(iter(self._viewers))
            self._viewers.move_to_end(viewer)
            viewer.adaptation.step(now)
            if now >= viewer.next_measure:
                viewer.next_measure = now + MEASURE_S
                reports.append(measure(viewer, now))
        if reports:
            self._router.emit(
                control.ViewersMeasured(self._router.name, tuple(reports))
            )

    def _tell_moved(self) -> None:
        for _ in range(min(MAX_TOLD, len(self._moved))):
            viewer, stream, track = self._moved.popleft()
            if not viewer.closed:
                self._router.emit(
                    control.RenditionChanged(
                        viewer.session, viewer.reply_to, stream.stream_id, track.size[1]
                    )
                )
