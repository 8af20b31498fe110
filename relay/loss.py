"""What a track lost on its way to us: what to NACK, and the receiver report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from relay.rtcp import PACKETS_LOST_MAX, PACKETS_LOST_MIN, ReportBlock
from relay.seqno import SEQ_MASK, timestamp_diff

MAX_MISSING = 450  # more at once cannot be repaired in time: a key frame is cheaper
MAX_TRIES = 20
MAX_NACKS_PER_CALL = 256  # a NACK of them fits a datagram however they are spread
# A packet older than this is given up. On a long path it is more, for as many tries:
# a key frame is many packets, each of which may be lost as well.
WINDOW_S = 1.0
WINDOW_ROUND_TRIPS = 6
MAX_WINDOW_S = 1.8  # less than what we remember for viewers, and they for a picture
# So long without a packet is an outage: asking for all of it would cost the path as
# much as it brings, when it has just come back.
OUTAGE_S = 0.5
MAX_OUTAGE_REPAIRED = 32  # packets
REORDER_PACKETS = 3  # so many later packets prove a loss, where none came late ...
REORDER_S = 0.01  # ... and so does this time, or a little more than the latest came
MAX_REORDER_S = 0.1
REORDER_MARGIN = 1.25
REORDER_KEPT = 0.8  # of what is above the least, from one report to the next
FIRST_RTT_S = 0.1
RTT_GAIN = 1 / 8  # RFC 6298 2
MIN_REPEAT_S = 0.02
# Of a known round trip: then a lost NACK costs half of one. Senders do not repeat what
# they sent less than a round trip ago (libwebrtc, and ours).
REPEAT_SHARE = 0.5
CHECK_INTERVAL_S = 0.005  # `due` looks through the list no more often than this
_MAX_DROPOUT = 3000  # RFC 3550 A.1: a larger gap is a restart, not a loss
_MAX_MISORDER = 1000  # a packet further behind is a restart if the next follows it
_MAX_JITTER_STEP_S = 5.0  # a larger step is a new clock, not the network


@dataclass(slots=True)
class _Missing:
    since: float
    tries: int = 0
    asked: float = 0.0  # first
    next_try: float = 0.0


class LossDetector:
    """Watches the sequence numbers of one incoming SSRC.

    Times are seconds of one clock that never goes back. `fraction_lost`: of the last
    report, 0 to 1. `recovered_packets`: what came because it was asked for.
    """

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_given_up",
        "_highest",
        "_jitter",
        "_last_arrival",
        "_last_timestamp",
        "_missing",
        "_next_check",
        "_received",
        "_received_before",
        "_reorder_s",
        "_restart_seq",
        "_rtt_s",
        "_sender_report",
        "_ssrc",
        "_uses_rtx",
        "fraction_lost",
        "recovered_packets",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        """Nothing is received yet. `clock_rate`: RTP ticks per second."""
        self.fraction_lost = 0.0
        self.recovered_packets = 0
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
        self._given_up = -1
        self._rtt_s = 0.0  # 0 = not measured
        self._uses_rtx = False
        self._reorder_s = REORDER_S
        self._sender_report: tuple[int, float] | None = None

    def received(self, seq: int, rtp_timestamp: int, now: float) -> bool:
        """The packet is counted. False: it came before, or too late to matter."""
        # Interarrival jitter (RFC 3550 A.8). A larger step is no jitter, and the
        # first packet's step is infinite.
        silence_s = now - self._last_arrival
        step = silence_s * self._clock_rate
        if step < _MAX_JITTER_STEP_S * self._clock_rate:
            deviation = abs(step - timestamp_diff(rtp_timestamp, self._last_timestamp))
            if deviation < _MAX_JITTER_STEP_S * self._clock_rate:
                self._jitter += (deviation - self._jitter) / 16
        self._last_arrival = now
        self._last_timestamp = rtp_timestamp
        if (seq - self._highest) & SEQ_MASK != 1:
            return self._received_out_of_order(seq, now, silence_s)
        self._highest += 1
        self._received += 1
        return True

    def recovered(self, seq: int, now: float) -> bool:
        """A retransmission brought `seq`, counted as received.

        False: it was not missing (any more), so it is of no use.
        """
        self._uses_rtx = True
        entry = self._take_missing(seq)
        if entry is None:
            return False
        self._note_recovery(entry, now)
        return True

    def due(self, now: float, rtt_s: float = 0.0) -> list[int]:
        """The sequence numbers (16 bits, ascending) to NACK now.

        They count as asked for. Each is asked for at most `MAX_TRIES` times, half a
        round trip `rtt_s` apart (a whole one of what was measured here while that is
        0), and given up after the window.
        """
        if not self._missing or now < self._next_check:
            return []
        self._next_check = now + CHECK_INTERVAL_S
        # An own guess must see its NACK answered before it asks again.
        pause_s = max(rtt_s * REPEAT_SHARE or self.rtt_s, MIN_REPEAT_S)
        rtt_s = rtt_s or self.rtt_s
        window_s = min(max(WINDOW_S, WINDOW_ROUND_TRIPS * rtt_s), MAX_WINDOW_S)
        # Where packets come late, those that came after them prove nothing.
        has_order = self._reorder_s <= REORDER_S
        certain = self._highest - REORDER_PACKETS if has_order else -1
        seqs: list[int] = []
        given_up: list[int] = []
        for seq, entry in self._missing.items():
            age_s = now - entry.since
            spent = entry.tries == MAX_TRIES and now >= entry.next_try
            if spent or age_s > window_s:
                given_up.append(seq)
                continue
            if now < entry.next_try or (seq > certain and age_s < self._reorder_s):
                continue
            entry.tries += 1
            entry.next_try = now + pause_s
            entry.asked = entry.asked if entry.tries > 1 else now
            seqs.append(seq & SEQ_MASK)
            if len(seqs) == MAX_NACKS_PER_CALL:
                break
        for seq in given_up:
            del self._missing[seq]
            self._given_up = max(self._given_up, seq)
        return seqs

    def take_given_up(self) -> int | None:
        """The newest packet (16 bits) that will not come any more, told once."""
        given_up, self._given_up = self._given_up, -1
        return None if given_up < 0 else given_up & SEQ_MASK

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
        self.fraction_lost = fraction / 256
        self._reorder_s = REORDER_S + REORDER_KEPT * (self._reorder_s - REORDER_S)
        if self._reorder_s < REORDER_S * REORDER_MARGIN:
            self._reorder_s = REORDER_S
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
    def has_missing(self) -> bool:
        """Whether some packet may still be recovered."""
        return bool(self._missing)

    @property
    def missing_packets(self) -> int:
        """How many packets may still be recovered; at most `MAX_MISSING`."""
        return len(self._missing)

    @property
    def rtt_s(self) -> float:
        """From a NACK to what it brings, smoothed; a guess until one was answered."""
        return self._rtt_s or FIRST_RTT_S

    def _received_out_of_order(self, seq: int, now: float, silence_s: float) -> bool:
        if not self._received:
            self._base = self._highest = seq
            self._received = 1
            return True
        ahead = (seq - self._highest) & SEQ_MASK
        if ahead <= SEQ_MASK // 2:
            if not ahead:
                return False
            self._skip(ahead - 1, now, silence_s)
            self._received += 1
            return True
        behind = SEQ_MASK + 1 - ahead
        if behind <= _MAX_MISORDER:
            return self._received_late(seq, now)
        # One such packet is a straggler; two in a row are a source that restarted.
        if seq != self._restart_seq:
            self._restart_seq = (seq + 1) & SEQ_MASK
            return False
        self._skip(ahead - 1, now, silence_s)
        self._received += 1
        return True

    def _received_late(self, seq: int, now: float) -> bool:
        entry = self._take_missing(seq)
        if entry is None:
            return False
        # Where RTX is not used, an answer has the packet's own number. It does not come
        # in much less than a round trip.
        is_answer = entry.tries > 0 and now - entry.asked > self.rtt_s / 2
        if is_answer and not self._uses_rtx:
            self._note_recovery(entry, now)
        else:
            late_s = (now - entry.since) * REORDER_MARGIN
            self._reorder_s = min(max(self._reorder_s, late_s), MAX_REORDER_S)
        return True

    def _take_missing(self, seq: int) -> _Missing | None:
        """The entry of `seq`, which is not missing from now on."""
        behind = (self._highest - seq) & SEQ_MASK
        entry = self._missing.pop(self._highest - behind, None)
        if entry is not None:
            self._received += 1
        return entry

    def _note_recovery(self, entry: _Missing, now: float) -> None:
        self.recovered_packets += 1
        # Which of several NACKs it answers cannot be told (RFC 6298 3). And a sender
        # that probes repeats packets on its own.
        if entry.tries == 1:
            sample = now - entry.asked
            gain = RTT_GAIN if self._rtt_s else 1.0
            self._rtt_s += (sample - self._rtt_s) * gain

    def _skip(self, count: int, now: float, silence_s: float) -> None:
        """`count` packets after the highest did not come, the one behind them did."""
        first = self._highest + 1
        self._highest += count + 1
        self._restart_seq = -1
        if count > _MAX_DROPOUT:
            self._base += count  # never sent, so neither expected nor lost
        is_outage = silence_s > OUTAGE_S and count > MAX_OUTAGE_REPAIRED
        if is_outage or len(self._missing) + count > MAX_MISSING:
            self._missing.clear()
            self._given_up = self._highest - 1
            return
        for missing in range(first, first + count):
            self._missing[missing] = _Missing(now)
        self._next_check = min(self._next_check, now)
