"""What one viewer's path bears, by what the viewer says of it. The clock is passed.

Two bounds, of which the lower one counts:

- the path's, from the viewer's REMB. A browser's estimate follows the delay of packets:
  it falls to 0.85 of what arrives when a queue grows, rises by 8 % a second (near the
  rate that was too much by some 20 kbit/s) and stops at 1.5 times of what arrives. So
  a REMB that falls below what is sent, or does not rise although more arrives, tells of
  congestion. One that is low and rises tells nothing: what a probe has shown
  (relay.probing) counts. Nor does one that falls to 0.85 of what is sent: all of it
  arrived, a little late.
- the loss's, as in Google's congestion control (draft-ietf-rmcat-gcc-02 6): more than
  10 % lowers it, less than 2 % lets it rise by 8 % a second.
"""

from __future__ import annotations

import math

# Until the viewer says more: as a publisher is told at first (relay.publisher).
FIRST_BPS = 2_500_000
MIN_BPS = 30_000
FELL = 0.97  # browsers send a REMB out of turn when it falls by 3 %
# A receiver that holds its estimate repeats it to the bit.
RISES = 1.003
HELD_S = 1.5
HELD_BELOW = 0.9  # of what is sent; above that it may be at its own bound
HELD_SHARE = 0.8
ARRIVED_SHARE = 0.75  # of what is sent: a REMB above that says that it arrived
HIGH_LOSS, LOW_LOSS = 0.10, 0.02
# No path loses so much by chance: what came through is what it bears.
FLOOD_LOSS = 0.25
RISE_PER_S = 1.08
MAX_RISE_S = 2.0  # between two reports
UNPROVEN = 1.5  # of what is sent, where no REMB says more


class PathEstimate:
    """One viewer's. Bit/s; times are seconds of one clock that never goes back."""

    __slots__ = (
        "_held_bps",
        "_held_since",
        "_loss_bps",
        "_path_bps",
        "_reported",
        "fraction_lost",
        "lowered",
        "remb_bps",
    )

    def __init__(self, now: float) -> None:
        self.remb_bps = 0  # 0 = none yet
        self.fraction_lost = 0.0
        self.lowered = -math.inf  # when congestion was seen last
        self._path_bps = float(FIRST_BPS)
        self._loss_bps = math.inf
        self._held_bps = 0
        self._held_since = now
        self._reported = now

    @property
    def target_bps(self) -> int:
        return int(max(min(self._path_bps, self._loss_bps), MIN_BPS))

    def on_remb(self, bitrate_bps: int, sent_bps: float, now: float) -> None:
        """The viewer's REMB, while it is sent `sent_bps`."""
        previous, self.remb_bps = self.remb_bps, bitrate_bps
        fell = previous > 0 and bitrate_bps < previous * FELL
        if fell or bitrate_bps > self._held_bps * RISES:
            self._held_bps, self._held_since = bitrate_bps, now
        if bitrate_bps >= self._path_bps:
            self._path_bps = bitrate_bps
        elif fell and bitrate_bps < sent_bps * ARRIVED_SHARE:
            self._lower_path(bitrate_bps, now)
        elif self._is_held(sent_bps, now):
            self._held_since = now
            self._lower_path(max(bitrate_bps, sent_bps * HELD_SHARE), now)

    def _is_held(self, sent_bps: float, now: float) -> bool:
        return (
            self.remb_bps < sent_bps * HELD_BELOW and now - self._held_since >= HELD_S
        )

    def _lower_path(self, bitrate_bps: float, now: float) -> None:
        if bitrate_bps < self._path_bps:
            self._path_bps = bitrate_bps
            self.lowered = now

    def on_loss(self, fraction_lost: float, sent_bps: float, now: float) -> None:
        """So much (0 to 1) of what was sent since the last report was lost.

        `sent_bps`: the most of the last seconds, for losses are told of late.
        """
        elapsed = min(now - self._reported, MAX_RISE_S)
        self._reported = now
        self.fraction_lost = fraction_lost
        if fraction_lost > HIGH_LOSS:
            self._loss_bps = max(self._lowered_by(fraction_lost, sent_bps), MIN_BPS)
            self.lowered = now
        elif fraction_lost < LOW_LOSS and self._loss_bps < math.inf:
            risen = self._loss_bps * RISE_PER_S**elapsed
            if not self.remb_bps:
                risen = min(risen, max(self._loss_bps, sent_bps * UNPROVEN))
            self._loss_bps = risen

    def _lowered_by(self, fraction_lost: float, sent_bps: float) -> float:
        target = self.target_bps
        sent_bps = sent_bps or target
        if fraction_lost > FLOOD_LOSS:
            return min(target, sent_bps * (1 - fraction_lost))
        return min(target, sent_bps) * (1 - fraction_lost / 2)

    def proven(self, bitrate_bps: float) -> None:
        """So much went through and nothing showed that it was too much."""
        self._path_bps = max(self._path_bps, bitrate_bps)
        self._loss_bps = max(self._loss_bps, bitrate_bps)
