"""Sends the padding of all probes of a relay, in small bursts by one timer.

What goes out is the viewer's newest packets once more, in its RTX stream and filled up
by RTP padding: a receiver counts it as any packet and drops it as a duplicate. Packets
of nothing but padding have at most 255 bytes of it: it would take five times as many.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.aiortc_adapter import protect_rtp
from relay.negotiation import SEND_ABS_SEND_TIME_ID
from relay.packet import fill_packet, stamp_send_time, wrap_rtx

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.probing import Probe
    from relay.router import Router
    from relay.subscriber import Subscriber

MAX_PROBES = 24  # at once; 1.5 Mbit/s of padding takes 0.2 % of a core
TICK_S = 0.025
MAX_TICK_S = 0.1  # what a late tick makes up for
MAX_BURST = 16  # packets of one probe and tick
NEWEST = 6  # packets of which the largest is sent again
PADDED_BYTES = 1200


@dataclass(slots=True)
class _Running:
    viewer: Subscriber
    probe: Probe
    credit_bytes: float = 0.0


class Prober:
    """Owns the probes of one relay. Each ends within seconds, by itself."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._running: dict[Subscriber, _Running] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last_tick = 0.0

    @property
    def is_full(self) -> bool:
        return len(self._running) >= MAX_PROBES

    def start(self, viewer: Subscriber, probe: Probe) -> None:
        """`viewer.adaptation.probed` follows with each tick, `probe.ended` the last."""
        self._running[viewer] = _Running(viewer, probe)
        if self._timer is None:
            self._last_tick = self._router.clock()
            self._schedule()

    def stop(self, viewer: Subscriber) -> None:
        """Of that viewer nothing more goes out; the timer ends with the last one."""
        if self._running.pop(viewer, None) is not None and not self._running:
            self.close()

    def close(self) -> None:
        self._running.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK_S, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._running:
            self._schedule()
            self.tick(self._router.clock())

    def tick(self, now: float) -> None:
        elapsed = min(now - self._last_tick, MAX_TICK_S)
        self._last_tick = now
        for running in list(self._running.values()):
            probe = running.probe
            probe.step(now)
            if probe.ended is None:
                self._pad(running, elapsed, now)
            if probe.ended is not None:
                self._running.pop(running.viewer, None)
            running.viewer.adaptation.probed(probe, now)

    def _pad(self, running: _Running, elapsed: float, now: float) -> None:
        running.credit_bytes += running.probe.padding_bps * elapsed / 8
        lane = running.viewer.adaptation.padded_lane()
        packet = _largest(lane, now) if lane is not None else None
        if lane is None or packet is None:
            running.probe.fail()
            return
        if running.probe.wants_report(now) and lane.stream is not None:
            lane.stream.send_report_of(lane, now)
        for _ in range(MAX_BURST):
            if running.credit_bytes < len(packet):
                return
            if not send_padding(running.viewer, lane, packet, now):
                running.probe.fail()
                return
            running.credit_bytes -= len(packet)
            running.viewer.path.padding_bytes += len(packet)
        running.credit_bytes = 0.0


def _largest(lane: Lane, now: float) -> bytes | None:
    """Of the newest packets the largest, filled up; None when none is remembered."""
    highest = lane.highest
    found = [lane.find((highest - back) & 0xFFFF, now) for back in range(NEWEST)]
    packets = [entry[0] for entry in found if entry is not None]
    if not packets:
        return None
    return fill_packet(max(packets, key=len), PADDED_BYTES)


def send_padding(viewer: Subscriber, lane: Lane, packet: bytes, now: float) -> bool:
    """Whether the network took `packet` once more, as RTX."""
    track = lane.track
    if track is None or viewer.socket is None or viewer.address is None:
        return False
    wrapped = wrap_rtx(
        stamp_send_time(packet, SEND_ABS_SEND_TIME_ID, now),
        track.outgoing.rtx_payload_type,
        lane.rtx_seq,
        lane.rtx_ssrc,
    )
    lane.rtx_seq = (lane.rtx_seq + 1) & 0xFFFF
    protected = protect_rtp(viewer.dtls.tx, wrapped)
    return protected is not None and viewer.socket.send(protected, viewer.address)
