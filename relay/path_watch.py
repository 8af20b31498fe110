"""Listens to what one viewer says of its path, and keeps what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from relay.downstream import FLOOD_LOSS, PathEstimate
from relay.negotiation import AUDIO_FORMAT, VIDEO_FORMAT
from relay.reception import Reception, SentRate, smoothed_round_trip

if TYPE_CHECKING:
    from relay.probing import Probe
    from relay.rtcp import ReportBlock
    from relay.subscriber import Subscriber

LOSS_INTERVAL_S, FLOOD_INTERVAL_S = 1.0, 0.4  # between two steps by loss
MIN_EXPECTED = 20  # packets in it


class PathWatch:
    """Of one viewer. `probe`: the one that runs, which hears what the viewer says."""

    def __init__(self, viewer: Subscriber, now: float) -> None:
        self.estimate = PathEstimate(now)
        self.reception = Reception()
        self.sent = SentRate(now)
        self.round_trip_s: float | None = None
        self.padding_bytes = 0
        self.probe: Probe | None = None
        self._viewer = viewer
        self._expected = self._lost = 0  # since the last step by loss
        self._loss_step = now

    def on_remb(self, bitrate_bps: int, now: float) -> None:
        self.measure_sent(now)
        self.estimate.on_remb(bitrate_bps, self.sent.bits_per_s, now)
        if self.probe is not None:
            self.probe.on_remb(bitrate_bps)
            self._end_probe_if_lowered(now)

    def on_reports(self, blocks: Sequence[ReportBlock], now: float) -> None:
        """Those of SSRCs that the viewer is not sent are ignored."""
        for block in blocks:
            lane = self._viewer.lanes_by_ssrc.get(block.ssrc)
            if lane is None:
                continue
            is_video = lane.kind == "video"
            loss = self.reception.take(
                block,
                VIDEO_FORMAT[0] if is_video else AUDIO_FORMAT[0],
                is_repair=block.ssrc == lane.rtx_ssrc,
            )
            if is_video:
                self._expected += loss.expected
                self._lost += loss.lost
            if lane.stream is not None:
                sample = lane.stream.sent_reports.round_trip_s(block, now)
                if sample is not None:
                    self._on_round_trip(sample)
        if self._expected >= MIN_EXPECTED:
            flood = self._lost > self._expected * FLOOD_LOSS
            interval = FLOOD_INTERVAL_S if flood else LOSS_INTERVAL_S
            if now - self._loss_step >= interval:
                self._on_loss(now)

    def _on_round_trip(self, sample_s: float) -> None:
        self.round_trip_s = smoothed_round_trip(self.round_trip_s, sample_s)
        if self.probe is not None:
            self.probe.on_round_trip(sample_s)

    def _on_loss(self, now: float) -> None:
        fraction = self._lost / self._expected
        self._expected = self._lost = 0
        self._loss_step = now
        self.measure_sent(now)
        self.estimate.on_loss(fraction, self.sent.peak_bps, now)
        if self.probe is not None:
            self.probe.on_loss(fraction)
            self._end_probe_if_lowered(now)

    def _end_probe_if_lowered(self, now: float) -> None:
        if self.probe is not None and self.estimate.lowered == now:
            self.probe.fail()

    def measure_sent(self, now: float) -> None:
        """Video and padding, as a receiver's estimate counts."""
        if not self.sent.is_due(now):
            return
        total = self.padding_bytes + self._viewer.sent.bytes("video")
        self.sent.update(total, now)
