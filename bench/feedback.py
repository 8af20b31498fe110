"""What a browser tells of the packets it gets: RR, REMB, NACK (RFC 3550, 4585).

One report a second as browsers send it, and a NACK for a share of the packets: they
have arrived, so the server resends as for a real loss and nothing else changes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

REMB_BPS = 4_000_000
NACKED_SHARE = 0.01
OWN_SSRC = 1
_NACK, _APPLICATION = 1, 15


class Feedback:
    """Of one viewer and one SSRC. `send` takes plain RTCP."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.nacks = 0
        self._send = send
        self._due = random.random()  # packets to be called lost, in parts of one
        self._lost = 0
        self._report: tuple[int, float] | None = None  # middle of an NTP time, arrival

    def received(self, ssrc: int, newest: int, packets: int) -> None:
        """`packets` more of them came, the last with the number `newest`."""
        self._due += packets * NACKED_SHARE
        if self._due < 1:
            return
        self._due -= 1
        self._lost += 1
        self.nacks += 1
        seq = (newest - random.randrange(packets)) & 0xFFFF
        nack = RtcpRtpfbPacket(fmt=_NACK, ssrc=OWN_SSRC, media_ssrc=ssrc, lost=[seq])
        self._send(bytes(nack))

    def handle(self, data: bytes) -> None:
        """A sender report, or something else of the server's."""
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpSrPacket):
                middle = packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
                self._report = (middle, time.monotonic())

    def report(self, ssrc: int, newest: int) -> None:
        """The compound of a second."""
        lsr, dlsr = 0, 0
        if self._report is not None:
            lsr = self._report[0]
            dlsr = int((time.monotonic() - self._report[1]) * 65536)
        block = RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=int(NACKED_SHARE * 256),
            packets_lost=self._lost,
            highest_sequence=newest,
            jitter=90,
            lsr=lsr,
            dlsr=dlsr,
        )
        remb = RtcpPsfbPacket(
            fmt=_APPLICATION,
            ssrc=OWN_SSRC,
            media_ssrc=0,
            fci=pack_remb_fci(REMB_BPS, [ssrc]),
        )
        report = RtcpRrPacket(ssrc=OWN_SSRC, reports=[block])
        self._send(bytes(report) + bytes(remb))
