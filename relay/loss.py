"""What a track lost on its way to us: what to NACK, and the receiver report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from relay.rtcp import PACKETS_LOST_MAX, PACKETS_LOST_MIN, ReportBlock
from relay.seqno import SEQ_MASK, timestamp_diff

MAX_MISSING = 450  # more at once cannot be repaired in time: a key frame is cheaper
MAX_TRIES = 10
MAX_NACKS_PER_CALL = 256  # a NACK of them fits a datagram however they are spread
WINDOW_S = 1.0  # a packet older than this no longer helps any viewer
REORDER_PACKETS = 3  # so many later packets prove a loss ...
REORDER_S = 0.01  # ... and so does this time
MIN_REPEAT_S = 0.02
CHECK_INTERVAL_S = 0.005  # `due` looks through the list no more often than this
_MAX_DROPOUT = 3000  # RFC 3550 A.1: a larger gap is a restart, not a loss
_MAX_MISORDER = 1000  # a packet further behind is a restart if the next follows it
_MAX_JITTER_STEP_S = 5.0  # a larger step is a new clock, not the network


@dataclass(slots=True)
class _Missing:
    since: float
    tries: int = 0
    next_try: float = 0.0


class LossDetector:
    """Watches the sequence numbers of one incoming SSRC.

    Times are seconds of one clock that never goes back. `needs_key_frame` is set
    when NACKs cannot repair the stream any more; whoever acts on it clears it.
    """

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_highest",
        "_jitter",
        "_last_arrival",
        "_last_timestamp",
        "_missing",
        "_next_check",
        "_received",
        "_received_before",
        "_restart_seq",
        "_sender_report",
        "_ssrc",
        "needs_key_frame",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        """Nothing is received yet. `clock_rate`: RTP ticks per second."""
        self.needs_key_frame = False
        self._ssrc = ssrc
        self._clock_rate = clock_rate
        # Sequence numbers are unwrapped here; their low 16 bits are on the wire.
        self._base = 0
        self._highest = -1
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0  # RTP ticks
        self._last_arrival = -math.inf
        self._last_timestamp = 0
        self._missing: dict[int, _Missing] = {}
        self._next_check = 0.0
        self._restart_seq = -1
        self._sender_report: tuple[int, float] | None = None

    def received(self, seq: int, rtp_timestamp: int, now: float) -> bool:
        """The packet is counted. False: it came before, or too late to matter."""
        # Interarrival jitter (RFC 3550 A.8). A larger step is no jitter, and the
        # first packet's step is infinite.
        step = (now - self._last_arrival) * self._clock_rate
        if step < _MAX_JITTER_STEP_S * self._clock_rate:
            deviation = abs(step - timestamp_diff(rtp_timestamp, self._last_timestamp))
            if deviation < _MAX_JITTER_STEP_S * self._clock_rate:
                self._jitter += (deviation - self._jitter) / 16
        self._last_arrival = now
        self._last_timestamp = rtp_timestamp
        if (seq - self._highest) & SEQ_MASK != 1:
            return self._received_out_of_order(seq, now)
        self._highest += 1
        self._received += 1
        return True

    def recovered(self, seq: int) -> bool:
        """A retransmission brought `seq`, counted as received.

        False: it was not missing (any more), so it is of no use.
        """
        behind = (self._highest - seq) & SEQ_MASK
        if self._missing.pop(self._highest - behind, None) is None:
            return False
        self._received += 1
        return True

    def due(self, now: float, rtt_s: float) -> list[int]:
        """The sequence numbers (16 bits, ascending) to NACK now.

        They count as asked for. Each is asked for at most `MAX_TRIES` times, an
        `rtt_s` (at least 20 ms) apart, and given up after `WINDOW_S`.
        """
        if not self._missing or now < self._next_check:
            return []
        self._next_check = now + CHECK_INTERVAL_S
        pause_s = max(rtt_s, MIN_REPEAT_S)
        certain = self._highest - REORDER_PACKETS
        seqs: list[int] = []
        given_up: list[int] = []
        for seq, entry in self._missing.items():
            age_s = now - entry.since
            spent = entry.tries == MAX_TRIES and now >= entry.next_try
            if spent or age_s > WINDOW_S:
                given_up.append(seq)
                continue
            if now < entry.next_try or (seq > certain and age_s < REORDER_S):
                continue
            entry.tries += 1
            entry.next_try = now + pause_s
            seqs.append(seq & SEQ_MASK)
            if len(seqs) == MAX_NACKS_PER_CALL:
                break
        for seq in given_up:
            del self._missing[seq]
        return seqs

    def sender_report(self, ntp: int, now: float) -> None:
        """The source's SR with the 64-bit time `ntp` arrived: reports refer to it."""
        self._sender_report = (ntp >> 16 & 0xFFFFFFFF, now)

    def report(self, now: float) -> ReportBlock:
        """The block for a receiver report; the fraction's interval starts anew.

        Before the first packet it is all zero. Source: RFC 3550 6.4.1, A.3.
        """
        expected = self._highest - self._base + 1
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self._received - self._received_before)
        self._expected_before = expected
        self._received_before = self._received
        fraction = 0
        if expected_now > 0 and lost_now > 0:
            fraction = min(lost_now * 256 // expected_now, 255)
        lsr, dlsr = 0, 0
        if self._sender_report is not None:
            lsr, arrival = self._sender_report
            dlsr = min(max(int((now - arrival) * 65536), 0), 0xFFFFFFFF)
        return ReportBlock(
            ssrc=self._ssrc,
            fraction_lost=fraction,
            packets_lost=self.packets_lost,
            highest_sequence=max(self._highest, 0) & 0xFFFFFFFF,
            jitter=int(self._jitter),
            lsr=lsr,
            dlsr=dlsr,
        )

    @property
    def packets_lost(self) -> int:
        """Lost since the start, without the recovered; fits signed 24 bits."""
        lost = self._highest - self._base + 1 - self._received
        return max(PACKETS_LOST_MIN, min(lost, PACKETS_LOST_MAX))

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter / self._clock_rate

    @property
    def missing_packets(self) -> int:
        """How many packets may still be recovered; at most `MAX_MISSING`."""
        return len(self._missing)

    def _received_out_of_order(self, seq: int, now: float) -> bool:
        if not self._received:
            self._base = self._highest = seq
            self._received = 1
            return True
        ahead = (seq - self._highest) & SEQ_MASK
        if ahead <= SEQ_MASK // 2:
            if not ahead:
                return False
            self._skip(ahead - 1, now)
            self._received += 1
            return True
        behind = SEQ_MASK + 1 - ahead
        if behind <= _MAX_MISORDER:
            return self.recovered(seq)
        # One such packet is a straggler; two in a row are a source that restarted.
        if seq != self._restart_seq:
            self._restart_seq = (seq + 1) & SEQ_MASK
            return False
        self._skip(ahead - 1, now)
        self._received += 1
        return True

    def _skip(self, count: int, now: float) -> None:
        """`count` packets after the highest did not come, the one behind them did."""
        first = self._highest + 1
        self._highest += count + 1
        self._restart_seq = -1
        if count > _MAX_DROPOUT:
            self._base += count  # never sent, so neither expected nor lost
        if len(self._missing) + count > MAX_MISSING:
            self._missing.clear()
            self.needs_key_frame = True
            return
        for missing in range(first, first + count):
            self._missing[missing] = _Missing(now)
        self._next_check = min(self._next_check, now)
