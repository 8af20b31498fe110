"""With sctp_adapter the only module that touches private names of other packages.

aiortc gives the DTLS handshake and SCTP; its receivers and senders decode and
encode, so media takes libsrtp directly. aiortc and pylibsrtp are pinned, and
tests/contract/test_private_names.py fails when an upgrade moves a name.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from socket import htonl
from typing import Any

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_PROFILES,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

# Cheapest first (0.62 µs a packet against 1.34 µs for AES-CM-HMAC-SHA1).
PROFILES = sorted(SRTP_PROFILES, key=lambda profile: profile != SRTP_AEAD_AES_128_GCM)
TAG_BYTES = 16  # both GCM profiles; AES-CM-SHA1-80 adds 10
MAX_RTCP_GROWTH = 4 + 16 + 128  # SRTCP index, tag and the longest MKI
MAX_DATAGRAM = 2048
MAX_QUEUED_DATAGRAMS = 32
MAX_QUEUED_DATA = 256  # once connected: two wake-ups of the socket
MAX_RECORDS = 8  # of a datagram; the last flight of a handshake has six
RECORD_HEADER = 13  # RFC 6347 4.1: its last two bytes are the length of the rest
OK = lib.srtp_err_status_ok

Fingerprints = Sequence[tuple[str, str]]  # (algorithm, value) of an SDP


def run_now(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine of aiortc's that has nothing to wait for.

    Raises:
        RuntimeError: it waits.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("not without waiting")


class Certificate(RTCCertificate):
    """The relay's certificate; all its connections share one SSL context."""

    _shared: SSL.Context | None = None

    def _create_ssl_context(
        self, srtp_profiles: list[SRTPProtectionProfile]
    ) -> SSL.Context:
        if self._shared is None:
            self._shared = super()._create_ssl_context(srtp_profiles)
        return self._shared

    @property
    def sha256_fingerprint(self) -> str:
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _Datagrams:
    """What RTCDtlsTransport takes for an ICE transport: a bounded packet queue."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._queue: deque[bytes] = deque()
        self.limit = MAX_QUEUED_DATAGRAMS
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._send_now = send

    def put(self, data: bytes) -> None:
        if len(self._queue) >= self.limit:
            self._queue.popleft()
        self._queue.append(data)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _recv(self) -> bytes:
        while not self._queue:
            if self._closed:
                raise ConnectionError
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._queue.popleft()

    async def _send(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionError
        self._send_now(data)


def split_records(datagram: bytes) -> list[bytes]:
    """The first DTLS records of a datagram, as far as they are whole."""
    records: list[bytes] = []
    start = 0
    while len(datagram) - start >= RECORD_HEADER and len(records) < MAX_RECORDS:
        body = start + RECORD_HEADER
        end = body + int.from_bytes(datagram[body - 2 : body])
        if end > len(datagram):
            break
        records.append(datagram[start:end])
        start = end
    return records


class DtlsServer:
    """One DTLS association, always its server side.

    `on_connected` is called once when media may flow, `on_closed` once when the
    association failed or ended (never after `close`). `on_data` may be set to take
    application data, which is SCTP.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], None],
        on_connected: Callable[[], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._datagrams = _Datagrams(send)
        self._transport = RTCDtlsTransport(
            self._datagrams,  # type: ignore[arg-type]  # it uses no more of ICE
            [certificate],
        )
        self._transport._set_role("server")
        self._transport._srtp_profiles = PROFILES
        self._transport._register_data_receiver(self)
        self.on_data: Callable[[bytes], object] | None = None
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._task: asyncio.Task[None] | None = None
        self._sessions: tuple[Any, Any] | None = None  # keeps libsrtp's memory
        self.rx: Any = None  # libsrtp handles, None until connected
        self.tx: Any = None
        self.tag_bytes = TAG_BYTES

    @property
    def is_connected(self) -> bool:
        return self.tx is not None

    def start(self, fingerprints: Fingerprints) -> None:
        """Expect the client's handshake, from a certificate of `fingerprints`."""
        parameters = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(*pair) for pair in fingerprints]
        )
        self._task = asyncio.create_task(self._run(parameters), name="dtls")

    def feed(self, data: bytes) -> None:
        """Take one datagram of the peer (first byte 20-63)."""
        if not self.is_connected:
            self._datagrams.put(data)
            return
        # aiortc reads one record for each datagram; OpenSSL would keep the others.
        for record in split_records(data):
            self._datagrams.put(record)

    async def _handle_data(self, data: bytes) -> None:
        """Called by aiortc with the application data of one datagram."""
        if self.on_data is not None:
            self.on_data(data)

    def send_data(self, data: bytes) -> None:
        """Send application data as one datagram; lost when not connected."""
        if self.is_connected:
            with suppress(ConnectionError, SSL.Error):
                run_now(self._transport._send_data(data))

    async def close(self) -> None:
        """Say goodbye to the peer and end; idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        self._transport.remove_all_listeners()
        await self._transport.stop()
        self._datagrams.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.rx = self.tx = self._sessions = None

    async def _run(self, parameters: RTCDtlsParameters) -> None:
        await self._transport.start(parameters)
        if self._transport._state is not State.CONNECTED:
            self._on_closed()
            return
        ended = asyncio.Event()
        self._transport.on("statechange", ended.set)
        self._sessions = (self._transport._rx_srtp, self._transport._tx_srtp)
        self.rx, self.tx = (session._srtp[0] for session in self._sessions)
        self._datagrams.limit = MAX_QUEUED_DATA
        ssl = self._transport._ssl
        if ssl and ssl.get_selected_srtp_profile() == b"SRTP_AES128_CM_SHA1_80":
            self.tag_bytes = 10
        self._on_connected()
        await ended.wait()  # the only state after connected is closed
        self._on_closed()


_NUMBERS = struct.Struct("!HII")  # of an RTP header: its bytes 2 to 11
_scratch = ffi.new("unsigned char[]", MAX_DATAGRAM)
_scratch_view = ffi.buffer(_scratch)
_length = ffi.new("int *")


def unprotect_rtp(handle: Any, data: bytes) -> bytes | None:
    """The RTP packet, or nothing when it fails authentication or is a replay."""
    return _process(lib.srtp_unprotect, handle, data)


def unprotect_rtcp(handle: Any, data: bytes) -> bytes | None:
    return _process(lib.srtp_unprotect_rtcp, handle, data)


def protect_rtcp(handle: Any, data: bytes) -> bytes | None:
    if len(data) > MAX_DATAGRAM - MAX_RTCP_GROWTH:
        return None
    return _process(lib.srtp_protect_rtcp, handle, data)


def forget_ssrc(handle: Any, ssrc: int) -> None:
    """Free what libsrtp keeps of an SSRC, which it walks past for each packet.

    Its packet numbers are forgotten, too: the SSRC must not be sent again.
    """
    if handle is not None:
        lib.srtp_remove_stream(handle, htonl(ssrc))


def _process(function: Any, handle: Any, data: bytes) -> bytes | None:
    length = len(data)
    if length > MAX_DATAGRAM:
        return None
    ffi.memmove(_scratch, data, length)
    _length[0] = length
    if function(handle, _scratch, _length) != OK:
        return None
    return bytes(_scratch_view[0 : _length[0]])


class BurstBuffer:
    """Protects one burst of packets for many viewers.

    `load` takes the burst's plain bytes; `protect` lays a copy for each viewer in a
    slot of its own and protects its packets in place: one memmove and one call into
    libsrtp a packet. All packets of a burst but the last have one size.
    """

    MAX_PACKETS = 64
    SLOTS = 16  # what stays in a core's cache between protecting and sending
    SLOT_BYTES = 65536
    # Not a power of two: the slots would share the same lines of the cache.
    _STRIDE = SLOT_BYTES + 6912
    _MAX_LAYOUTS = 64

    def __init__(self) -> None:
        self._data = ffi.new("unsigned char[]", self.SLOTS * self._STRIDE)
        self._view = memoryview(ffi.buffer(self._data))
        self.slots = [self._data + i * self._STRIDE for i in range(self.SLOTS)]
        self._lengths = ffi.new("int[]", self.MAX_PACKETS)
        self._template = b""
        self._length_template = b""
        self._pointers: list[list[tuple[Any, Any]]] = []
        self._layouts: dict[tuple[int, int], list[list[tuple[Any, Any]]]] = {}
        self.count = 0  # packets of the burst
        self.segment_bytes = 0  # of a protected packet but the last
        self.wire_bytes = 0  # of the whole protected burst

    def load(self, packets: Sequence[bytes], tag_bytes: int) -> None:
        """Take a burst: 1 to 64 packets, all but the last of one size."""
        self.count = count = len(packets)
        self.segment_bytes = len(packets[0]) + tag_bytes
        self._template = bytes(tag_bytes).join(packets)
        self._length_template = struct.pack(f"{count}i", *map(len, packets))
        self.wire_bytes = len(self._template) + tag_bytes
        layout = (self.segment_bytes, count)
        pointers = self._layouts.get(layout)
        if pointers is None:
            if len(self._layouts) >= self._MAX_LAYOUTS:
                self._layouts.clear()
            pointers = self._layouts[layout] = []
        self._pointers = pointers

    def protect(self, handles: Sequence[Any]) -> list[int]:
        """Fill a slot for each libsrtp session in `handles`, at most SLOTS.

        Returns:
            For each of them 0, or not 0 when it cannot be sent.
        """
        pointers = self._pointers
        while len(pointers) < len(handles):
            pointers.append(self._lay_out(len(pointers)))
        memmove, protect = ffi.memmove, lib.srtp_protect
        template, size = self._template, len(self._template)
        lengths, length_template = self._lengths, self._length_template
        lengths_size = len(length_template)
        statuses = []
        for handle, slot, packets in zip(handles, self.slots, pointers, strict=False):
            memmove(slot, template, size)
            memmove(lengths, length_template, lengths_size)
            status = 0
            for packet, length in packets:
                status |= protect(handle, packet, length)
            statuses.append(status)
        return statuses

    def protect_rewritten(
        self, handles: Sequence[Any], rewrites: Sequence[tuple[int, int, int]]
    ) -> list[int]:
        """As `protect`, each session's packets with numbers of its own.

        `rewrites`: what is added to sequence number and timestamp, and the SSRC.
        """
        pointers = self._pointers
        while len(pointers) < len(handles):
            pointers.append(self._lay_out(len(pointers)))
        memmove, protect, pack = ffi.memmove, lib.srtp_protect, _NUMBERS.pack_into
        template, size, view = self._template, len(self._template), self._view
        lengths, length_template = self._lengths, self._length_template
        lengths_size = len(length_template)
        numbers = self._read_numbers()
        statuses = []
        start = 0
        for handle, slot, packets, (seq_offset, timestamp_offset, ssrc) in zip(
            handles, self.slots, pointers, rewrites, strict=False
        ):
            memmove(slot, template, size)
            memmove(lengths, length_template, lengths_size)
            status = 0
            for (packet, length), (at, seq, timestamp) in zip(
                packets, numbers, strict=True
            ):
                pack(
                    view,
                    start + at,
                    (seq + seq_offset) & 0xFFFF,
                    (timestamp + timestamp_offset) & 0xFFFFFFFF,
                    ssrc,
                )
                status |= protect(handle, packet, length)
            statuses.append(status)
            start += self._STRIDE
        return statuses

    def _read_numbers(self) -> list[tuple[int, int, int]]:
        """Place in a slot, sequence number and timestamp of each packet."""
        template, segment = self._template, self.segment_bytes
        places = range(2, self.count * segment, segment)
        return [(at, *_NUMBERS.unpack_from(template, at)[:2]) for at in places]

    def _lay_out(self, slot: int) -> list[tuple[Any, Any]]:
        start, segment = self.slots[slot], self.segment_bytes
        return [(start + i * segment, self._lengths + i) for i in range(self.count)]

    def wire(self, slot: int) -> memoryview:
        """The protected burst of a slot."""
        start = slot * self._STRIDE
        return self._view[start : start + self.wire_bytes]


def protect_rtp(handle: Any, packet: bytes) -> bytes | None:
    """One RTP packet, protected."""
    if len(packet) > MAX_DATAGRAM - TAG_BYTES:
        return None
    return _process(lib.srtp_protect, handle, packet)
