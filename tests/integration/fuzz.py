"""Hostile traffic: seeded mutations of real datagrams and messages, and a way
to send many of them without overrunning the kernel's queue, so that all arrive.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection

MAX_QUEUED_BYTES = 100_000  # far below the smallest usual receive buffer
BURST = 64
MAX_DATAGRAM = 2000
STUN_COOKIE = b"\x21\x12\xa4\x42"


class Capture:
    """What a peer connection sends from now on, as datagrams."""

    def __init__(self, peer: RTCPeerConnection, limit: int = 400) -> None:
        self.datagrams: list[bytes] = []
        self._limit = limit
        for protocol in _ice(peer)._protocols:
            protocol.transport = _Tap(protocol.transport, self._keep)

    def _keep(self, data: bytes) -> None:
        if len(self.datagrams) < self._limit:
            self.datagrams.append(data)

    @property
    def kinds(self) -> set[str]:
        return {kind(data) for data in self.datagrams}


class _Tap:
    def __init__(self, transport: Any, keep: Callable[[bytes], None]) -> None:
        self._transport = transport
        self._keep = keep

    def sendto(self, data: bytes, address: Any) -> None:
        self._keep(bytes(data))
        self._transport.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def kind(data: bytes) -> str:
    """As a receiver on one port tells them apart (RFC 7983, RFC 5761)."""
    if data[0] < 4:
        return "stun"
    if 20 <= data[0] <= 63:
        return "dtls"
    return "rtcp" if 192 <= (data + b"\0")[1] <= 223 else "rtp"


def _ice(peer: RTCPeerConnection) -> Any:
    return _dtls(peer).transport._connection


def _dtls(peer: RTCPeerConnection) -> Any:
    senders, receivers = peer.getSenders(), peer.getReceivers()
    return (senders or receivers)[0].transport


async def send_as(peer: RTCPeerConnection, data: bytes) -> None:
    """From the address that the server has validated for `peer`."""
    await _dtls(peer).transport._send(data)


async def send_authenticated(peer: RTCPeerConnection, plain: bytes) -> bool:
    """As above, encrypted with the peer's own keys. Whether libsrtp took it."""
    dtls = _dtls(peer)
    session = dtls._tx_srtp
    protect = session.protect_rtcp if kind(plain) == "rtcp" else session.protect
    try:
        data = protect(plain)
    except Exception:  # pylibsrtp's own class; the packet is too broken to encrypt
        return False
    await dtls.transport._send(data)
    return True


def renumbered(packet: bytes, number: int) -> bytes:
    """RTP with that sequence number, for libsrtp drops what it has seen before."""
    if kind(packet) != "rtp" or len(packet) < 4:
        return packet
    return packet[:2] + (number & 0xFFFF).to_bytes(2) + packet[4:]


# -- mutations ----------------------------------------------------------------


def garbage(random_: random.Random) -> bytes:
    """Random bytes that look like STUN, DTLS, RTP or RTCP by their beginning."""
    data = bytearray(
        random_.randbytes(random_.choice((1, 2, 7, 12, 20, 60, 200, 1400)))
    )
    match random_.randrange(5):
        case 0:
            data[:1] = bytes([random_.randrange(4)])
            if len(data) >= 20 and random_.random() < 0.8:
                data[0:2] = random_.choice((b"\0\1", b"\1\1", b"\1\x11", b"\0\x11"))
                data[2:4] = ((len(data) - 20) & 0xFFFC).to_bytes(2)
                data[4:8] = STUN_COOKIE
        case 1:
            data[:3] = bytes([random_.randrange(20, 64), 0xFE, 0xFD])
        case 2:
            data[:2] = bytes([random_.randrange(128, 192), random_.randrange(192, 224)])
        case 3:
            data[:1] = bytes([random_.randrange(128, 192)])
    return bytes(data)


def mutated(random_: random.Random, seeds: list[bytes]) -> bytes:
    """A real datagram with one to four defects."""
    data = bytearray(random_.choice(seeds))
    for _ in range(random_.randint(1, 4)):
        _damage(random_, data, seeds)
    return bytes(data[:MAX_DATAGRAM]) or b"\0"


def _damage(random_: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    if not data:
        return
    at = random_.randrange(len(data))
    match random_.randrange(7):
        case 0:
            data[at] ^= 1 << random_.randrange(8)
        case 1:
            data[at] = random_.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            del data[at:]
        case 3:
            data[at:at] = random_.randbytes(random_.randint(1, 40))
        case 4:  # a length field that lies
            data[at : at + 2] = random_.choice((b"\0\0", b"\xff\xff", b"\x7f\xff"))
        case 5:
            del data[at : at + random_.randint(1, 8)]
        case 6:
            other = random_.choice(seeds)
            data[at:] = other[random_.randrange(len(other)) :]


def rtp_packets(ssrc: int, payload_type: int) -> list[bytes]:
    """Plain RTP, with and without padding, CSRCs and header extensions."""
    head = bytes([payload_type]) + b"\x10\0" + b"\0\0\x10\0" + ssrc.to_bytes(4)
    body = bytes(range(60))
    return [
        b"\x80" + head + body,
        b"\xa0" + head + body + b"\0\0\0\4",
        b"\x83" + head + bytes(12) + body,
        b"\x90" + head + b"\xbe\xde\0\2\x10\x01\x22abc\0\0" + body,
        b"\x90" + head + b"\x10\0\0\2\1\1a\2\2bc\0" + body,
        b"\x80" + head,
    ]


def rtcp_packets(ssrc: int, media_ssrc: int) -> list[bytes]:
    """Plain RTCP that a server reads: SR, RR, NACK, PLI, FIR, REMB, SDES, BYE, APP."""
    own, media = ssrc.to_bytes(4), media_ssrc.to_bytes(4)
    block = media + bytes(20)
    return [
        b"\x81\xc8\0\x0c" + own + bytes(20) + block,
        b"\x81\xc9\0\7" + own + block,
        b"\x81\xcd\0\3" + own + media + b"\0\1\xff\xff",
        b"\x81\xcd\0\4" + own + media + b"\x10\0\xff\xff\x20\0\xff\xff",
        b"\x81\xce\0\2" + own + media,
        b"\x84\xce\0\4" + own + bytes(4) + media + b"\1\0\0\0",
        b"\x8f\xce\0\5" + own + bytes(4) + b"REMB\1\x0b\xff\xff" + media,
        b"\x8f\xcd\0\5" + own + media + b"\0\1\0\4\0\0\0\1\x20\4\0\0",
        b"\x81\xca\0\3" + own + b"\1\4test\0\0",
        b"\x81\xcb\0\1" + own,
        b"\x80\xcc\0\2" + own + b"name",
    ]


def messages(random_: random.Random, seeds: list[str]) -> Iterator[str | bytes]:
    """Mutated frames, for ever."""
    encoded = [seed.encode() for seed in seeds]
    while True:
        match random_.randrange(4):
            case 0:
                yield mutated(random_, encoded).decode("latin-1")
            case 1:
                yield mutated(random_, encoded)
            case _:
                yield json.dumps(_changed(random_, json.loads(random_.choice(seeds))))


_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 1e308, "", " ", "\0", "\ud800", "é" * 300,
    [], [[]], {}, {"command": "publish"}, "undefined", "x" * 5000,
)  # fmt: skip


def _changed(random_: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    for _ in range(random_.randint(1, 3)):
        name = random_.choice(list(body) or ["command"])
        match random_.randrange(4):
            case 0:
                body.pop(name, None)
            case 1:
                body[name] = random_.choice(_ODD_VALUES)
            case 2:
                body[str(random_.choice(_ODD_VALUES))] = body.get(name)
            case 3 if isinstance(body.get(name), str):
                text = body[name].encode("utf-8", "replace") or b"a"
                body[name] = mutated(random_, [text]).decode("latin-1")
    return body


# -- sending ------------------------------------------------------------------


class Sockets:
    """Many UDP sockets on addresses 127.0.0.x, all aimed at one port."""

    def __init__(self, random_: random.Random, port: int, count: int = 200) -> None:
        self._port = port
        self._random = random_
        self._sockets = [self._bound(number) for number in range(count)]

    @staticmethod
    def _bound(number: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.0.0.{2 + number % 250}", 0))
        sock.setblocking(False)
        return sock

    async def send(self, datagrams: Iterator[bytes], count: int) -> None:
        """`count` of them are in the server's hands, none lost on the way."""
        target = ("127.0.0.1", self._port)
        for number in range(count):
            try:
                self._random.choice(self._sockets).sendto(next(datagrams), target)
            except BlockingIOError:
                await asyncio.sleep(0)
            if number % BURST == 0:
                await drained(self._port)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


async def drained(port: int) -> None:
    """The server has taken nearly all that was sent to its UDP port."""
    while queued_bytes(port) > MAX_QUEUED_BYTES:  # noqa: ASYNC110  of the kernel
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)


def queued_bytes(port: int) -> int:
    return _udp_column(port, 4)[1]


def dropped_datagrams(port: int) -> int:
    """What the kernel threw away because the server did not read."""
    return _udp_column(port, 12)[0]


def _udp_column(port: int, column: int) -> tuple[int, int]:
    """A column of /proc/net/udp, as a decimal and as the hex after its colon."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            value = fields[column]
            return (
                int(value) if value.isdecimal() else 0,
                int(value.rpartition(":")[2], 16),
            )
    return 0, 0
