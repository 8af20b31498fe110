"""aiortc's SCTP over a DtlsServer: bounded, without tasks, several chunks a packet.

Beside aiortc_adapter the only module that touches private names of aiortc. What
aiortc 1.16 leaves out and is added here: packets are checked before it parses them
(relay.sctp), reassembly is bounded and linear (relay.sctp_reassembly), the peer's
receive window bounds ours, a gap block costs no more than what it covers, and
chunks that are due at once share a packet. An association begins once: what comes
before it is there, or after it has ended, is not looked at.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport
from aiortc.rtcsctptransport import (
    SCTP_MAX_PACKET_LENGTH,
    USERDATA_MAX_LENGTH,
    WEBRTC_BINARY,
    WEBRTC_BINARY_EMPTY,
    WEBRTC_DCEP,
    WEBRTC_STRING,
    WEBRTC_STRING_EMPTY,
    Chunk,
    DataChunk,
    ForwardTsnChunk,
    InitChunk,
    RTCSctpCapabilities,
    SackChunk,
    serialize_packet,
    tsn_plus_one,
)
from aiortc.utils import uint32_gte

from relay.aiortc_adapter import run_now
from relay.budget import Budget
from relay.sctp import (
    COMMON_HEADER,
    DCEP_OPEN,
    MAX_STREAMS,
    gap_blocks,
    is_channel_ack,
    is_channel_open,
    is_sane,
)
from relay.sctp_reassembly import Reassembly

WINDOW_BYTES = 1024 * 1024  # of data that waits for what is missing
MAX_OVERRUN_BYTES = 256 * 1024  # beyond the window, for chunks whose turn it is
MAX_STORED_CHUNKS = 1024
MAX_MISORDERED = 256  # chunks beyond a gap; a SACK names each gap
MAX_AHEAD = 0xFFFF  # of the first missing chunk: a SACK names no more
MAX_CWND_BYTES = 1024 * 1024
MAX_CHANNELS = 16
NUMBERS = 1 << 32  # of TSNs
MAX_CHUNK_BYTES = SCTP_MAX_PACKET_LENGTH - COMMON_HEADER
MAX_UNSENT_CHUNKS = 4096  # messages that wait and chunks that are not acknowledged
# A SACK with gaps walks through all that is not acknowledged. Beyond this many chunks
# its gaps are not looked at: what is lost is sent again by the timer then.
GAP_CHUNKS_PER_S = 200_000.0
# What odd input ends in inside aiortc.
ODD_INPUT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
TEXT = (WEBRTC_STRING, WEBRTC_STRING_EMPTY)
BINARY = (WEBRTC_BINARY, WEBRTC_BINARY_EMPTY)
EMPTY = (WEBRTC_STRING_EMPTY, WEBRTC_BINARY_EMPTY)

# (stream id, data, whether it is text); no data: the channel is open now
OnMessage = Callable[[int, bytes | None, bool], None]


class _Dtls:
    """What RTCSctpTransport takes for its DTLS transport. It never fails."""

    state = "connected"
    _role = "server"  # channels of ours have odd ids (contract M8)

    def _register_data_receiver(self, receiver: object) -> None:
        """Packets are handed to `Association.receive`."""

    def _unregister_data_receiver(self, receiver: object) -> None:
        """See above."""


class Association(RTCSctpTransport):
    """One SCTP association, the DTLS server's side.

    `send` gets each packet, `on_message` each message in its order. A hostile packet
    is dropped; only `close`, the peer's abort or a peer that breaks its window end it.
    """

    def __init__(self, send: Callable[[bytes], None], on_message: OnMessage) -> None:
        super().__init__(_Dtls())  # type: ignore[arg-type]  # it uses no more
        self._advertised_rwnd = WINDOW_BYTES
        self._inbound_streams_max = self._outbound_streams_count = MAX_STREAMS
        self._ssthresh = WINDOW_BYTES
        self._send_now = send
        self._on_message = on_message
        self._inbox: list[tuple[int, int, bytes]] = []
        self._bundle: list[bytes] = []
        self._bundle_bytes = 0
        self._sack = b""  # the newest one that is due
        self._flush_handle: asyncio.Handle | None = None
        self._closed = False
        self._window_closed = False
        self._gaps = Budget(GAP_CHUNKS_PER_S, GAP_CHUNKS_PER_S, time.monotonic())
        self.is_deaf = False  # data is dropped as if lost: it will be sent again

    # -- life -----------------------------------------------------------------

    def begin(self, remote_port: int, max_message_bytes: int) -> None:
        """Start the association; both ends do (RFC 8841 9.3)."""
        run_now(self.start(RTCSctpCapabilities(max_message_bytes), remote_port))

    def close(self) -> None:
        """Tell the peer and stop every timer; idempotent."""
        if not self._closed:
            run_now(self.stop())
            self._flush()
            self._closed = True

    def open_channel(self, label: str) -> RTCDataChannel:
        """A channel of ours, ordered and reliable; open when the peer has it."""
        return RTCDataChannel(self, RTCDataChannelParameters(label=label))

    def channel(self, stream_id: int) -> RTCDataChannel | None:
        """The channel with that id."""
        return self._data_channels.get(stream_id)

    # -- out ------------------------------------------------------------------

    def send(self, channel: RTCDataChannel, data: bytes, *, is_text: bool) -> bool:
        """Queue a message; False when too many wait or the peer takes none so big."""
        largest = self._remote_max_message_size
        if largest and len(data) > largest:
            return False
        chunks = len(self._outbound_queue) + len(self._sent_queue)
        if chunks + len(self._data_channel_queue) >= MAX_UNSENT_CHUNKS:
            return False
        kind = WEBRTC_STRING if is_text else WEBRTC_BINARY
        if not data:
            kind = WEBRTC_STRING_EMPTY if is_text else WEBRTC_BINARY_EMPTY
            data = b"\x00"  # RFC 8831 6.6: SCTP has no empty messages
        elif len(data) > USERDATA_MAX_LENGTH:
            data = memoryview(data)  # type: ignore[assignment]  # cut without a copy
        channel._addBufferedAmount(len(data))
        self._data_channel_queue.append((channel, kind, data))
        if not self._outbound_queue:
            run_now(self._data_channel_flush())
        return True

    async def _send_chunk(self, chunk: Chunk) -> None:
        data = bytes(chunk)
        joins = isinstance(chunk, DataChunk | SackChunk)
        waiting = self._bundle_bytes + len(self._sack)
        if not joins or waiting + len(data) > MAX_CHUNK_BYTES:
            self._flush()
        if isinstance(chunk, SackChunk):
            self._sack = data
        else:
            self._bundle.append(data)
            self._bundle_bytes += len(data)
        if not joins:
            self._flush()
        elif self._flush_handle is None:
            loop = asyncio.get_running_loop()
            self._flush_handle = loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send the chunks that are due as one packet."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        chunks = b"".join((self._sack, *self._bundle))
        self._sack = b""
        self._bundle.clear()
        self._bundle_bytes = 0
        if not chunks or self._closed:
            return
        self._send_now(
            serialize_packet(
                self._local_port,
                self._remote_port or 0,
                self._remote_verification_tag,
                chunks,  # type: ignore[arg-type]  # it only takes the bytes of it
            )
        )

    async def _send_sack(self) -> None:
        """As aiortc's, which mixes the gaps up where the numbers begin anew."""
        last = self._last_received_tsn or 0
        sack = SackChunk()
        sack.cumulative_tsn = last
        sack.advertised_rwnd = (
            0 if self._window_closed else max(0, self._advertised_rwnd)
        )
        sack.gaps = gap_blocks((tsn - last) % NUMBERS for tsn in self._sack_misordered)
        self._sack_needed = False
        await self._send_chunk(sack)

    def close_window(self) -> None:
        """The peer is to send nothing new until `open_window`."""
        self._window_closed = True
        self._tell_window()

    def open_window(self) -> None:
        self._window_closed = self.is_deaf = False
        self._tell_window()

    def _tell_window(self) -> None:
        if not self._closed and self._association_state is self.State.ESTABLISHED:
            run_now(self._send_sack())

    # -- in -------------------------------------------------------------------

    def receive(self, packet: bytes) -> bool:
        """Take a packet of the peer; False when it was no good."""
        if self._closed:
            return True
        good = is_sane(packet)
        if good:
            try:
                run_now(self._handle_data(packet))
            except ODD_INPUT:
                good = False
        inbox, self._inbox = self._inbox, []
        for stream_id, kind, data in inbox:
            if kind == WEBRTC_DCEP:
                self._on_message(stream_id, None, False)
            else:
                self._on_message(
                    stream_id, b"" if kind in EMPTY else data, kind in TEXT
                )
        return good

    async def _receive_chunk(self, chunk: Chunk) -> None:
        """Take what the association is ready for.

        aiortc takes anything at any time: a repeated INIT makes it forget what it has
        received, and then it takes that a second time.
        """
        ready: tuple[RTCSctpTransport.State, ...] = ()
        if isinstance(chunk, InitChunk):
            ready = (self.State.COOKIE_WAIT, self.State.COOKIE_ECHOED)
        elif isinstance(chunk, DataChunk | SackChunk | ForwardTsnChunk):
            ready = (self.State.ESTABLISHED,)
        has_ended = self.state == "closed"
        if not has_ended and (not ready or self._association_state in ready):
            await super()._receive_chunk(chunk)

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        super()._set_state(state)
        if state is self.State.CLOSED:
            # A retransmission that is due now would start its timer again, for ever.
            self._sent_queue.clear()
            self._outbound_queue.clear()
            self._data_channel_queue.clear()
            self._inbound_streams.clear()

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        channel = self._data_channels.get(stream_id)
        if pp_id != WEBRTC_DCEP:
            if channel is not None and pp_id in TEXT + BINARY:
                self._inbox.append((stream_id, pp_id, data))
            return
        if channel is None:
            is_even = stream_id % 2 == 0  # the client's, RFC 8832 6
            if not is_even or len(self._data_channels) >= MAX_CHANNELS:
                return
            if not is_channel_open(data):
                return
            # Ordered and reliable from our side, whatever theirs is: to give chunks up
            # by time or number is a walk through all that wait.
            data = bytes((DCEP_OPEN, 0)) + data[2:]
        elif not is_channel_ack(data):
            return
        await super()._receive(stream_id, pp_id, data)
        self._inbox.append((stream_id, pp_id, b""))

    def _get_inbound_stream(self, stream_id: int) -> Any:
        streams: dict[int, Any] = self._inbound_streams
        if stream_id not in streams:
            streams[stream_id] = Reassembly()
        return streams[stream_id]

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        """Take a chunk, or leave it as if it were lost, or give the peer up."""
        self._sack_needed = True
        if self.is_deaf:
            return
        room = self._advertised_rwnd - len(chunk.user_data)
        stored = sum(s.stored for s in self._inbound_streams.values())  # type: ignore[attr-defined]
        ahead = (chunk.tsn - (self._last_received_tsn or 0)) % NUMBERS
        if MAX_AHEAD < ahead < NUMBERS // 2:
            return
        if chunk.tsn != tsn_plus_one(self._last_received_tsn or 0):
            if (
                room < 0
                or stored >= MAX_STORED_CHUNKS
                or len(self._sack_misordered) >= MAX_MISORDERED
            ):
                return
        elif room < -MAX_OVERRUN_BYTES or stored >= 2 * MAX_STORED_CHUNKS:
            self.close()  # a message without end, or no regard for our window
            return
        await super()._receive_data_chunk(chunk)

    def _mark_received(self, tsn: int) -> bool:
        """Whether it came before. As aiortc's, whatever is missing."""
        if uint32_gte(self._last_received_tsn or 0, tsn):
            return True
        misordered = self._sack_misordered
        if tsn in misordered:
            return True
        if tsn != tsn_plus_one(self._last_received_tsn or 0):
            misordered.add(tsn)
            return False
        self._take_following(tsn)
        return False

    def _take_following(self, tsn: int) -> None:
        """All up to `tsn` is there, and what had come beyond it."""
        while (following := tsn_plus_one(tsn)) in self._sack_misordered:
            self._sack_misordered.discard(following)
            tsn = following
        self._last_received_tsn = tsn

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        outstanding = (self._local_tsn - 1 - chunk.cumulative_tsn) % NUMBERS
        if chunk.gaps and chunk.gaps[-1][1] > outstanding:
            return  # it names what was never sent
        window = min(chunk.advertised_rwnd, MAX_CWND_BYTES)
        self._cwnd = min(self._cwnd, max(window, USERDATA_MAX_LENGTH))
        if chunk.gaps:
            now = time.monotonic()
            if self._gaps.spend(0, now):
                chunk.gaps = []
            else:
                self._gaps.spend(len(self._sent_queue), now)
        await super()._receive_sack_chunk(chunk)

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        """Each stream once, its last entry: older senders name each message."""
        chunk.streams = list(dict(chunk.streams).items())
        await super()._receive_forward_tsn_chunk(chunk)
        self._take_following(self._last_received_tsn or 0)
