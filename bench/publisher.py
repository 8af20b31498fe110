"""The publisher's process: a real VP8 stream, each frame's packets in one burst.

It answers a PLI or FIR with the next frame being a key frame (the clip goes on at
its next one), and a NACK with the packet again. Lines of JSON on standard output:
`live` when the server has confirmed, and the totals when standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import struct
import sys
import time
from dataclasses import dataclass, field

import uvloop
from aiortc import clock
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from bench.clip import FRAME_RATE, Clip, load_clip
from bench.dialects import make_signalling
from bench.measure import percentile
from bench.peer import MediaLoop, Peer
from bench.sdp import ABS_SEND_TIME, SDES_MID, make_publish_offer, parse_remote
from bench.stamp import STAMP_BYTES, make_stamp

PAYLOAD_TYPE = 96
MAX_PAYLOAD_BYTES = 1150
TICKS_PER_FRAME = 90_000 // FRAME_RATE
KEPT_PACKETS = 512  # for NACKs, about 3 s
OVERHEAD_BYTES = 12 + 12 + 4 + 16  # RTP, extensions, VP8 descriptor, SRTP tag
PLI, FIR, NACK = 1, 4, 1


@dataclass(slots=True)
class Totals:
    frames: int = 0
    packets: int = 0
    bytes: int = 0  # as sent, SRTP included
    key_frame_requests: int = 0
    resent: int = 0
    late_ms: list[float] = field(default_factory=list)


def mean_packet_bytes(clip: Clip) -> int:
    """The mean of its packets on the wire, with all extensions and the SRTP tag."""
    sizes = [len(frame) + STAMP_BYTES for frame in clip.frames]
    counts = [math.ceil(size / MAX_PAYLOAD_BYTES) for size in sizes]
    return round(sum(sizes) / sum(counts)) + OVERHEAD_BYTES


class Publisher(Peer):
    def __init__(self, media: MediaLoop, clip: Clip) -> None:
        super().__init__(media)
        self.ssrc = random.getrandbits(32)
        self.totals = Totals()
        self._clip = clip
        self._frame = 0
        self._seqno = random.getrandbits(15)
        self._ticks = random.getrandbits(31)
        self._picture = 0
        self._octets = 0
        self._kept: dict[int, bytes] = {}
        self._wants_key_frame = False
        self._extensions: dict[str, int] = {}

    def offer(self) -> str:
        local = self.describe(setup="actpass", with_candidate=False)
        return make_publish_offer(local, PAYLOAD_TYPE, self.ssrc)

    def accept(self, answer: str) -> None:
        remote = parse_remote(answer)
        for value in remote.section("video").values("extmap"):
            number, _, uri = value.partition(" ")
            self._extensions[uri] = int(number.partition("/")[0])
        self.bind(remote)
        self.start(remote, controlling=True, dtls_client=remote.setup != "active")

    def handle_rtcp(self, data: bytes) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except ValueError:
            return
        for packet in packets:
            if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (PLI, FIR):
                self.totals.key_frame_requests += 1
                self._wants_key_frame = True
            elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == NACK:
                self._resend(packet.lost)

    async def run(self) -> None:
        """Send frames on a fixed schedule for ever."""
        start = time.monotonic()
        while True:
            due = start + self.totals.frames / FRAME_RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.totals.late_ms.append((time.monotonic() - due) * 1e3)
            self._send_frame()
            if self.totals.frames % FRAME_RATE == 0:
                self._send_report()

    def _send_frame(self) -> None:
        if self._wants_key_frame:
            self._wants_key_frame = False
            self._frame = self._clip.next_key_frame(self._frame - 1)
        frame = self._clip.frames[self._frame % len(self._clip.frames)]
        data = frame + make_stamp(time.time_ns())
        count = math.ceil(len(data) / MAX_PAYLOAD_BYTES)
        cuts = [len(data) * i // count for i in range(count + 1)]
        burst = [
            self._protect(
                self._describe(first=index == 0) + data[cuts[index] : cuts[index + 1]],
                marker=index == count - 1,
            )
            for index in range(count)
        ]
        for packet in burst:  # all are ready: nothing but the system call between two
            self.send(packet)
        self._frame += 1
        self._picture = (self._picture + 1) & 0x7FFF
        self._ticks = (self._ticks + TICKS_PER_FRAME) & 0xFFFFFFFF
        self.totals.frames += 1

    def _describe(self, *, first: bool) -> bytes:
        """The VP8 payload descriptor, as libwebrtc writes it (RFC 7741 4.2)."""
        return struct.pack(
            "!BBH", 0x90 if first else 0x80, 0x80, 0x8000 | self._picture
        )

    def _protect(self, body: bytes, *, marker: bool) -> bytes:
        """The next packet, encrypted, counted and kept for a NACK."""
        outbound = self.outbound
        assert outbound is not None, "sending begins when keys are agreed"  # noqa: S101
        extensions = self._pack_extensions()
        header = struct.pack(
            "!BBHII",
            0x90 if extensions else 0x80,
            PAYLOAD_TYPE | (0x80 if marker else 0),
            self._seqno,
            self._ticks,
            self.ssrc,
        )
        packet = outbound.protect(header + extensions + body)
        self._kept[self._seqno] = packet
        self._kept.pop((self._seqno - KEPT_PACKETS) & 0xFFFF, None)
        self._seqno = (self._seqno + 1) & 0xFFFF
        self._octets += len(body)
        self.totals.packets += 1
        self.totals.bytes += len(packet)
        return packet

    def _pack_extensions(self) -> bytes:
        """One-byte header extensions that the answer accepted (RFC 8285 4.2)."""
        data = b""
        if number := self._extensions.get(SDES_MID):
            data += bytes((number << 4, ord("0")))
        if number := self._extensions.get(ABS_SEND_TIME):
            fixed = int(time.time() * (1 << 18)) & 0xFFFFFF
            data += bytes((number << 4 | 2,)) + fixed.to_bytes(3, "big")
        if not data:
            return b""
        data += bytes(-len(data) % 4)
        return struct.pack("!HH", 0xBEDE, len(data) // 4) + data

    def _send_report(self) -> None:
        if self.outbound is None:
            return
        info = RtcpSenderInfo(
            ntp_timestamp=clock.current_ntp_time(),
            rtp_timestamp=self._ticks,
            packet_count=self.totals.packets & 0xFFFFFFFF,
            octet_count=self._octets & 0xFFFFFFFF,
        )
        report = RtcpSrPacket(ssrc=self.ssrc, sender_info=info)
        self.send(self.outbound.protect_rtcp(bytes(report)))

    def _resend(self, lost: list[int]) -> None:
        for seqno in lost:
            if packet := self._kept.get(seqno):
                self.totals.resent += 1
                self.send(packet)


async def publish(kind: str, url: str, stream: str) -> None:
    """Publish until standard input ends."""
    publisher = Publisher(MediaLoop(), load_clip())
    signalling = make_signalling(kind, url)
    await signalling.open()
    await signalling.publish(
        stream, publisher.offer(), publisher.accept, publisher.candidate
    )
    await asyncio.wait_for(publisher.connected, 10)
    sending = asyncio.create_task(publisher.run())
    await asyncio.wait_for(signalling.wait_published(), 10)
    _say({"event": "live", "srtp_profile": publisher.profile})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sending.cancel()
    totals = publisher.totals
    _say(
        {
            "event": "totals",
            "frames": totals.frames,
            "packets": totals.packets,
            "bytes": totals.bytes,
            "key_frame_requests": totals.key_frame_requests,
            "resent": totals.resent,
            "late_ms_p99": round(percentile(totals.late_ms, 99), 2),
        }
    )
    sys.stdout.flush()
    os._exit(0)  # the server is about to be ended; nothing is left to close


def _say(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("url")
    parser.add_argument("stream")
    arguments = parser.parse_args()
    uvloop.run(publish(arguments.kind, arguments.url, arguments.stream))
