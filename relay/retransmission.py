"""Answers to a viewer's NACKs: what is sent again, and what a key frame must mend.

Source: RFC 4585 6.2.1 (generic NACK), RFC 4588 (RTX).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.aiortc_adapter import protect_rtp
from relay.negotiation import SEND_PLAYOUT_DELAY_ID
from relay.packet import wrap_rtx
from relay.playout import encode_hold, hold_s, with_extension

if TYPE_CHECKING:
    from relay.lane import Lane
    from relay.rtcp import Nack
    from relay.subscriber import Subscriber
    from relay.track import Track

MAX_RETRANSMITS_PER_S = 500  # packets a viewer; who asks for more gets a key frame
MAX_REMEMBERED = 512  # resent packets of one SSRC
# Of a track's own bytes, what one viewer may get again: at 10 % loss each way it
# needs 13 %, so who asks for all of it has a path that is too narrow, not a bad one.
RESEND_SHARE = 1.0
RESEND_BURST_S = 1.0
MIN_RESEND_BYTES_PER_S = 40_000  # a track's rate is not known at first, or tiny
# A repeat of a NACK inside a round trip asks for what is on its way already. A little
# less than the whole: both ends measure it, each its own.
SAME_REQUEST_RTTS = 0.9
MIN_PAUSE_S, MAX_PAUSE_S = 0.005, 0.5
KEY_FRAME_PAUSE_S = 1.0  # a path that bears nothing must not cost all the others much


class Allowance:
    """What refills evenly and is never overdrawn; times as everywhere in here."""

    __slots__ = ("_left", "_refilled")

    def __init__(self, left: float, now: float) -> None:
        self._left = left
        self._refilled = now

    def take(self, amount: float, per_s: float, most: float, now: float) -> bool:
        """Whether there was so much; then it is used up."""
        self._left = min(self._left + (now - self._refilled) * per_s, most)
        self._refilled = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


class Resent:
    """What was sent again under one SSRC: bounded memory, bounded bytes."""

    __slots__ = ("_bytes", "_times", "next_key_frame")

    def __init__(self, now: float) -> None:
        self._times: dict[int, float] = {}  # by sequence number, oldest first
        self.next_key_frame = 0.0  # not sooner is one asked for
        self._bytes = Allowance(MIN_RESEND_BYTES_PER_S * RESEND_BURST_S, now)

    def is_on_its_way(self, seq: int, pause_s: float, now: float) -> bool:
        sent = self._times.get(seq)
        return sent is not None and now - sent < pause_s

    def affords(self, size_bytes: int, bytes_per_s: float, now: float) -> bool:
        """Whether it may go out; it then counts as sent. `bytes_per_s`: the track's."""
        share = max(bytes_per_s * RESEND_SHARE, MIN_RESEND_BYTES_PER_S)
        return self._bytes.take(size_bytes, share, share * RESEND_BURST_S, now)

    def note(self, seq: int, now: float) -> None:
        self._times.pop(seq, None)
        self._times[seq] = now
        if len(self._times) > MAX_REMEMBERED:
            del self._times[next(iter(self._times))]


class Retransmissions:
    """Answers the NACKs of one viewer, for all its SSRCs."""

    __slots__ = ("_packets", "_viewer")

    def __init__(self, viewer: Subscriber, now: float) -> None:
        self._viewer = viewer
        self._packets = Allowance(MAX_RETRANSMITS_PER_S, now)

    def answer(self, nack: Nack, now: float) -> None:
        """Send again what is remembered; ask for a key frame where that is of no use.

        A packet that the server itself still misses is neither: it goes out when it
        comes, and the publisher's side asks for a key frame when it gives it up.
        """
        lane = self._viewer.lanes_by_ssrc.get(nack.media_ssrc)
        if lane is None or lane.is_fresh:
            return
        if lane.resent is None:
            lane.resent = Resent(now)
        pause_s = min(
            max(self._viewer.rtt_s * SAME_REQUEST_RTTS, MIN_PAUSE_S), MAX_PAUSE_S
        )
        gave_up = False
        for seq in nack.sequence_numbers:
            if lane.resent.is_on_its_way(seq, pause_s, now):
                continue
            found = lane.find(seq, now)
            if found is None:
                gave_up = gave_up or lane.is_needed(seq)
            elif not self._resend(lane, lane.resent, seq, *found, now):
                gave_up = gave_up or lane.is_needed(seq)
                break
        if gave_up:
            self._ask_for_key_frame(lane, lane.resent, now)

    def _ask_for_key_frame(self, lane: Lane, resent: Resent, now: float) -> None:
        if lane.track is None or lane.stream is None or now < resent.next_key_frame:
            return
        resent.next_key_frame = now + KEY_FRAME_PAUSE_S
        lane.track.request_key_frame(now)
        self._viewer.router.send_urgent_feedback(lane.stream)

    def _resend(
        self,
        lane: Lane,
        resent: Resent,
        seq: int,
        packet: bytes,
        track: Track,
        now: float,
    ) -> bool:
        """By RTX where agreed, else the very same bytes once more; whether it went."""
        per_s = MAX_RETRANSMITS_PER_S
        if not self._packets.take(1, per_s, per_s, now):
            return False
        if not resent.affords(len(packet), track.rate.bits_per_s(now) / 8, now):
            return False
        if track.outgoing.codec.payload_type in lane.rtx:
            hold = encode_hold(hold_s(self._viewer.rtt_s) + track.hold.seconds(now))
            packet = with_extension(packet, SEND_PLAYOUT_DELAY_ID, hold)
            packet = wrap_rtx(
                packet, track.outgoing.rtx_payload_type, lane.rtx_seq, lane.rtx_ssrc
            )
            lane.rtx_seq = (lane.rtx_seq + 1) & 0xFFFF
        protected = protect_rtp(self._viewer.dtls.tx, packet)
        if protected is None:  # libsrtp takes it for too old
            return False
        resent.note(seq, now)
        self._viewer.send_raw(protected)
        self._viewer.retransmitted_packets += 1
        return True
