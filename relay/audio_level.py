"""How loud a participant is, from the header extension of RFC 6464; no decoding.

Levels are in -dBov: 0 is the loudest, 127 silence.
"""

from __future__ import annotations

SILENCE = 127
SPEAKING_LEVEL = 60  # a voice near the microphone is at 20 to 50, a quiet room at 70
STEP_S = 0.2  # between two calls of `step`
# A syllable must not make somebody the speaker, nor a pause for breath unmake him.
STEPS_TO_SPEAK = 2
STEPS_TO_STOP = 15
_NEW_WEIGHT = 0.6  # of what the last step brought, in the smoothed level


class LevelMeter:
    """The smoothed level of one audio track, and whether somebody speaks there.

    `add` is called for each packet and only sums up; `step` five times a second.
    """

    __slots__ = ("_count", "_loud_steps", "_quiet_steps", "_smoothed", "_sum", "speaks")

    def __init__(self) -> None:
        self.speaks = False
        self._sum = 0
        self._count = 0
        self._smoothed = float(SILENCE)
        self._loud_steps = 0
        self._quiet_steps = 0

    @property
    def level(self) -> int:
        return round(self._smoothed)

    def add(self, value: int) -> None:
        """The extension's octet: bit 7 says voice, the others the level."""
        self._sum += value & 0x7F
        self._count += 1

    def step(self) -> None:
        """Take what came since the last step; nothing at all is silence."""
        mean = self._sum / self._count if self._count else SILENCE
        self._sum = self._count = 0
        self._smoothed += (mean - self._smoothed) * _NEW_WEIGHT
        if self._smoothed < SPEAKING_LEVEL:
            self._loud_steps += 1
            self._quiet_steps = 0
        else:
            self._quiet_steps += 1
            self._loud_steps = 0
        if self._loud_steps >= STEPS_TO_SPEAK:
            self.speaks = True
        elif self._quiet_steps >= STEPS_TO_STOP:
            self.speaks = False
