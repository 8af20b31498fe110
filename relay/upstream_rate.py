"""What a publisher's path bears, estimated here and told by REMB.

For publishers without transport-wide feedback (relay.transport_feedback): the others
estimate it themselves, and REMB only bounds them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aiortc.rate import BandwidthUsage, RemoteBitrateEstimator

# libwebrtc takes a REMB at its word for the first two seconds and adds 8 % a second
# afterwards; the estimator cannot allow more than 1.5 times what already arrives.
# So the first word is a camera's usual rate, unless the path shows congestion.
FIRST_ESTIMATE_BPS = 2_500_000
FIRST_ESTIMATE_S = 3.0
SAME_BURST_S = 0.001  # what arrives within it is one step of the estimator
MAX_ARRIVALS = 4096  # between two steps of the estimator
# The estimator's window is one second, which it moves on by a millisecond at a time:
# an hour of silence would take it a second of the whole relay.
WINDOW_PASSED_S = 2.0


@dataclass(slots=True)
class _Arrival:
    """What one wake-up brought, for the rate estimator."""

    time: float
    send_time: bytes  # abs-send-time of its last packet, 24 bits
    size_bytes: int


class ArrivalRate:
    """The rate that the times of arrival allow (draft-ietf-rmcat-gcc, by aiortc)."""

    __slots__ = (
        "_arrivals",
        "_estimate_bps",
        "_estimator",
        "_first_until",
        "_last_time",
    )

    def __init__(self) -> None:
        self._estimator = RemoteBitrateEstimator()
        self._estimate_bps = 0
        self._arrivals: deque[_Arrival] = deque(maxlen=MAX_ARRIVALS)
        self._first_until: float | None = None
        self._last_time = 0.0  # of what the estimator was fed last

    def started(self, now: float) -> None:
        """The first media came: `bearable_bps` says the first word for a while."""
        self._first_until = now + FIRST_ESTIMATE_S

    def received(self, send_time: bytes, size_bytes: int, now: float) -> None:
        """A packet with the abs-send-time `send_time` came."""
        if len(send_time) != 3:
            return
        arrivals = self._arrivals
        if arrivals and now - arrivals[-1].time < SAME_BURST_S:
            arrivals[-1].size_bytes += size_bytes
            arrivals[-1].send_time = send_time
        else:
            arrivals.append(_Arrival(now, send_time, size_bytes))

    def step(self) -> None:
        """Feed the estimator what has arrived.

        A few times a second and not with each burst: steps in a row find warm caches
        (5 % less CPU of the whole server at 60 viewers), and their times are kept.
        """
        while self._arrivals:
            arrival = self._arrivals.popleft()
            if arrival.time - self._last_time > WINDOW_PASSED_S:
                self._estimator.incoming_bitrate.reset()
            self._last_time = arrival.time
            estimate = self._estimator.add(
                arrival_time_ms=int(arrival.time * 1000),
                abs_send_time=int.from_bytes(arrival.send_time),
                payload_size=arrival.size_bytes,
                ssrc=0,  # all of the publisher's SSRCs share its path
            )
            if estimate is not None:
                self._estimate_bps = estimate[0]

    def bearable_bps(self, now: float) -> int:
        """Bit/s; 0 when nothing is known."""
        if self._first_until is None:
            return self._estimate_bps
        if (
            now < self._first_until
            and self._estimator.detector.state() is not BandwidthUsage.OVERUSING
        ):
            return max(self._estimate_bps, FIRST_ESTIMATE_BPS)
        self._first_until = None
        return self._estimate_bps
