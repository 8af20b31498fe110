"""A fake viewer: counts packets by their headers and decrypts a few of them."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from dataclasses import dataclass, field

from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket
from pylibsrtp import Error as SrtpError

from bench.feedback import Feedback
from bench.peer import MediaLoop, Peer
from bench.sdp import make_answer, parse_remote
from bench.stamp import is_vp8_key_frame_start, read_stamp

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python 3.11 does not name it
ANCILLARY_BYTES = 64
REPORT_INTERVAL_S = 1.0
SAMPLE_FRAMES = 4  # a timed viewer reads the send time of one frame in four
MARKER = 0x80
_TIMESPEC = struct.Struct("@qq")


@dataclass(slots=True)
class Tally:
    """What a viewer has seen. Times of time.monotonic(), in seconds."""

    asked_at: float = 0.0
    first_at: float = 0.0  # first RTP packet
    key_frame_at: float = 0.0  # first packet of the first key frame
    packets: int = 0
    bytes: int = 0
    mark: tuple[int, int] = (0, 0)  # a sequence number, and `packets` at it
    delays_s: list[float] = field(default_factory=list)
    resent: int = 0  # packets that came by RTX

    @property
    def join_s(self) -> float:
        return self.first_at - self.asked_at

    @property
    def key_frame_s(self) -> float:
        return self.key_frame_at - self.asked_at


class Viewer(Peer):
    """Timed viewers have the kernel stamp what arrives, and measure the delay.

    With `feedback` it sends what a browser would on a path that loses a little,
    otherwise a receiver report without loss once a second.
    """

    def __init__(
        self, media: MediaLoop, *, timed: bool, feedback: bool = False
    ) -> None:
        super().__init__(media)
        self.feedback = Feedback(self._send_rtcp) if feedback else None
        self.tally = Tally()
        self.first_packet: asyncio.Future[None] = self._loop.create_future()
        self._timed = timed
        self._types: tuple[int, int] = (-1, -1)  # second byte without / with marker
        self._frames = random.randrange(SAMPLE_FRAMES)
        self._ssrc = 0
        self._report_timer: asyncio.TimerHandle | None = None
        if timed:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def answer(self, offer: str, *, trickle: bool) -> str:
        """The answer to an offer; ICE has begun when it returns.

        Raises:
            ValueError: not an offer of a VP8 track.
        """
        remote = parse_remote(offer)
        number = remote.section("video").payload_type("VP8")
        if not number:
            raise ValueError("no VP8 in the offer")
        self._types = (int(number), int(number) | MARKER)
        self.bind(remote)
        local = self.describe(setup="active", with_candidate=not trickle)
        self.start(remote, controlling=remote.ice_lite, dtls_client=True)
        return make_answer(remote, local)

    def read(self, buffer: bytearray) -> None:
        if not self.tally.key_frame_at:
            super().read(buffer)
        elif self._timed:
            self._read_timed(buffer)
        else:
            self._read_fast(buffer)

    def handle_rtp(self, data: bytes) -> None:
        """Until the first key frame, every packet is decrypted and looked at."""
        tally = self.tally
        if data[1] not in self._types or self.inbound is None:
            tally.resent += 1  # RTX is the only other format that was accepted
            return
        tally.packets += 1
        tally.bytes += len(data)
        tally.mark = (data[2] << 8 | data[3], tally.packets)
        now = time.monotonic()
        if not tally.first_at:
            tally.first_at = now
            self._ssrc = int.from_bytes(data[8:12], "big")
            if not self.first_packet.done():
                self.first_packet.set_result(None)
        try:
            plain = self.inbound.unprotect(data)
        except SrtpError:
            return
        if not tally.key_frame_at and is_vp8_key_frame_start(plain):
            tally.key_frame_at = now
            self.media.settle(self)

    def handle_rtcp(self, data: bytes) -> None:
        if self.feedback is not None:
            self.feedback.handle(data)

    def handle_connected(self) -> None:
        self._report_timer = self._loop.call_later(
            random.uniform(0, REPORT_INTERVAL_S), self._report
        )

    def close(self) -> None:
        if self._report_timer is not None:
            self._report_timer.cancel()
        if not self.first_packet.done():
            self.first_packet.cancel()
        super().close()

    def _read_fast(self, buffer: bytearray) -> None:
        receive, types, tally = self.socket.recv_into, self._types, self.tally
        packets = size = total = 0
        try:
            while True:
                size = receive(buffer)
                if buffer[1] in types and buffer[0] > 127:
                    packets += 1
                    total += size
                elif size:
                    self.dispatch(bytes(buffer[:size]))
        except OSError:
            pass
        tally.packets += packets
        tally.bytes += total
        self._remember(buffer, packets)

    def _read_timed(self, buffer: bytearray) -> None:
        receive, types, tally = self.socket.recvmsg_into, self._types, self.tally
        packets = 0
        try:
            while True:
                size, extra, _, _ = receive([buffer], ANCILLARY_BYTES)
                if buffer[1] in types and buffer[0] > 127:
                    packets += 1
                    tally.bytes += size
                    if buffer[1] == types[1]:
                        self._sample(bytes(buffer[:size]), extra)
                elif size:
                    self.dispatch(bytes(buffer[:size]))
        except OSError:
            pass
        tally.packets += packets
        self._remember(buffer, packets)

    def _remember(self, buffer: bytearray, packets: int) -> None:
        """Note the sequence number, when the last datagram read was video."""
        if packets and buffer[1] in self._types and buffer[0] > 127:
            newest = buffer[2] << 8 | buffer[3]
            self.tally.mark = (newest, self.tally.packets)
            if self.feedback is not None:
                self.feedback.received(self._ssrc, newest, packets)

    def _sample(self, data: bytes, extra: list[tuple[int, int, bytes]]) -> None:
        self._frames += 1
        if self._frames % SAMPLE_FRAMES or self.inbound is None:
            return
        try:
            sent_ns = read_stamp(self.inbound.unprotect(data))
        except SrtpError:
            return
        for _, kind, value in extra:
            if kind == SO_TIMESTAMPNS and sent_ns is not None:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                arrived_ns = seconds * 1_000_000_000 + nanoseconds
                self.tally.delays_s.append((arrived_ns - sent_ns) / 1e9)

    def _report(self) -> None:
        """Of the last second."""
        newest = self.tally.mark[0]
        if not self._ssrc:
            pass
        elif self.feedback is not None:
            self.feedback.report(self._ssrc, newest)
        else:
            info = RtcpReceiverInfo(
                ssrc=self._ssrc,
                fraction_lost=0,
                packets_lost=0,
                highest_sequence=newest,
                jitter=0,
                lsr=0,
                dlsr=0,
            )
            self._send_rtcp(bytes(RtcpRrPacket(ssrc=1, reports=[info])))
        self._report_timer = self._loop.call_later(REPORT_INTERVAL_S, self._report)

    def _send_rtcp(self, data: bytes) -> None:
        if self.outbound is not None:
            self.send(self.outbound.protect_rtcp(data))
