"""Whether an encoder keeps up, from what it says each second: pure."""

from __future__ import annotations

from enum import Enum, auto

from relay.encoder.link import Status

LATE_SHARE = 0.2  # of a second's frames not encoded: a bad second
BAD_SECONDS = 3  # in a row before a rendition is given up; a hiccup is shorter
SETTLE_SECONDS = 2  # after one was given up, until the rest is judged
CALM_BUSY_PERCENT = 50  # of the time, at most: there is room for one more
CALM_SECONDS = 60  # in a row before one is taken up again
MAX_CALM_SECONDS = 960  # doubled up to this each time that was too much


class Verdict(Enum):
    """What to do about the ladder."""

    KEEP = auto()
    LESS = auto()  # a rendition must go
    MORE = auto()  # one that went may come back


class LoadJudge:
    """Fed once a second; a verdict other than KEEP counts as carried out."""

    def __init__(self) -> None:
        self._bad = 0
        self._calm = 0
        self._calm_needed = CALM_SECONDS
        self._is_back = False  # one came back, and has not been too much so far
        self._settling = SETTLE_SECONDS  # the first frames wait for codecs to open

    def judge(self, status: Status) -> Verdict:
        """What the last second, after those before it, asks for."""
        if self._settling:
            self._settling -= 1
            return Verdict.KEEP
        late = status.skipped_frames
        is_bad = bool(late) and late >= LATE_SHARE * max(status.frames, 1)
        self._bad = self._bad + 1 if is_bad else 0
        is_calm = status.frames > 0 and not late
        is_calm = is_calm and status.busy_percent <= CALM_BUSY_PERCENT
        self._calm = self._calm + 1 if is_calm else 0
        if self._bad >= BAD_SECONDS:
            return self._less()
        if self._calm >= self._calm_needed:
            return self._more()
        return Verdict.KEEP

    def _less(self) -> Verdict:
        if self._is_back:
            self._calm_needed = min(2 * self._calm_needed, MAX_CALM_SECONDS)
        self._is_back = False
        self._bad = self._calm = 0
        self._settling = SETTLE_SECONDS
        return Verdict.LESS

    def _more(self) -> Verdict:
        self._is_back = True
        self._bad = self._calm = 0
        self._settling = SETTLE_SECONDS
        return Verdict.MORE
