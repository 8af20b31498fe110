"""The data channels of one peer.

Messages go through unchanged, text as text and binary as binary, in their order.
Bounds: a peer that sends faster than its allowance finds its window closed until it
may go on, so nothing of it is lost; a peer that reads slower than others send loses
whole messages once MAX_BUFFERED_BYTES wait for it, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.budget import Budget
from relay.data_sdp import MAX_MESSAGE_BYTES
from relay.sctp import is_text
from relay.sctp_adapter import Association

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

    from relay.aiortc_adapter import DtlsServer
    from relay.data_sdp import DataAgreement

MAX_BUFFERED_BYTES = 1024 * 1024  # of messages that wait for one reader
# What one sender may make the relay send: packets, to all its receivers together.
PACKETS_PER_S = 4000
BURST_PACKETS = 8000
DEAF_AFTER_S = 2.0  # of debt: beyond the window what comes is dropped as if lost
PACKET_BYTES = 1160  # of a message in one packet
MIN_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Payload:
    """One message as it travels."""

    data: bytes
    is_text: bool

    @property
    def packets(self) -> int:
        return 1 + len(self.data) // PACKET_BYTES


class DataSession:
    """One peer's SCTP association and its channels. The peer owns and closes it.

    `label`: of the channel that we open; with "" the peer opens all of them.
    `on_message` returns how many peers the message went to, `on_open` is called when
    the first channel is open. `lost_messages` counts those the peer was too slow for.
    """

    def __init__(
        self,
        dtls: DtlsServer,
        agreement: DataAgreement,
        label: str,
        *,
        clock: Callable[[], float],
        on_message: Callable[[Payload], int],
        on_open: Callable[[], None],
        on_malformed: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self.lost_messages = 0
        self.pauses = 0
        self._agreement = agreement
        self._label = label
        self._clock = clock
        self._on_message = on_message
        self._on_open = on_open
        self._on_malformed = on_malformed
        self._on_lost = on_lost
        self._was_open = False
        self._closed = False
        self._ours: RTCDataChannel | None = None
        self._theirs: dict[int, RTCDataChannel] = {}
        self._allowance = Budget(PACKETS_PER_S, BURST_PACKETS, clock())
        self._pause: asyncio.TimerHandle | None = None
        self._association = Association(dtls.send_data, self._received)
        dtls.on_data = self._packet_received

    # -- life -----------------------------------------------------------------

    def start(self) -> None:
        """DTLS is up: start the association and open our channel."""
        agreement = self._agreement
        self._association.begin(agreement.sctp_port, agreement.max_message_bytes)
        if self._label:
            self._ours = self._association.open_channel(self._label)

    def close(self) -> None:
        """End the association; idempotent."""
        self._closed = True
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._association.close()

    @property
    def is_open(self) -> bool:
        return self._outgoing() is not None

    # -- out ------------------------------------------------------------------

    def _outgoing(self) -> RTCDataChannel | None:
        """The one channel we send on: ours, else the peer's oldest that is open.

        The SDK has its callbacks on both (contract T14), so one is enough, and two
        would give the page each message twice.
        """
        if self._ours is not None and self._ours.readyState == "open":
            return self._ours
        for channel in self._theirs.values():
            if channel.readyState == "open":
                return channel
        return None

    def send(self, payload: Payload) -> bool:
        """Whether the message is on its way; not with a full channel, or without."""
        channel = self._outgoing()
        if channel is None:
            return False
        waiting = channel.bufferedAmount
        fits = not waiting or waiting + len(payload.data) <= MAX_BUFFERED_BYTES
        if fits and self._association.send(
            channel, payload.data, is_text=payload.is_text
        ):
            return True
        self.lost_messages += 1
        self._on_lost()
        return False

    def send_text(self, text: str) -> bool:
        return self.send(Payload(text.encode(), is_text=True))

    def send_binary(self, data: bytes) -> bool:
        return self.send(Payload(data, is_text=False))

    # -- in -------------------------------------------------------------------

    def _packet_received(self, packet: bytes) -> None:
        if not self._association.receive(packet):
            self._on_malformed()

    def _received(self, stream_id: int, data: bytes | None, is_text_: bool) -> None:
        if data is None:
            self._opened(stream_id)
        elif len(data) > MAX_MESSAGE_BYTES or (is_text_ and not is_text(data)):
            self._on_malformed()
        else:
            payload = Payload(data, is_text_)
            receivers = self._on_message(payload)
            self._charge(payload.packets * (1 + receivers))

    def _opened(self, stream_id: int) -> None:
        channel = self._association.channel(stream_id)
        if channel is None:
            return
        if channel is not self._ours:
            self._forget_closed()
            self._theirs[stream_id] = channel
        if not self._was_open:
            self._was_open = True
            self._on_open()

    def _forget_closed(self) -> None:
        self._theirs = {
            stream_id: channel
            for stream_id, channel in self._theirs.items()
            if channel.readyState != "closed"
        }

    def _charge(self, packets: int) -> None:
        """Close the peer's window for as long as its sending has overdrawn."""
        debt_s = self._allowance.spend(packets, self._clock())
        if not debt_s or self._closed:
            return
        self._association.is_deaf = debt_s > DEAF_AFTER_S
        if self._pause is None:
            self.pauses += 1
            self._association.close_window()
            self._resume_in(debt_s)

    def _resume_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._pause = loop.call_later(max(seconds, MIN_PAUSE_S), self._resume)

    def _resume(self) -> None:
        self._pause = None
        debt_s = self._allowance.spend(0, self._clock())
        if debt_s:
            self._resume_in(debt_s)
        else:
            self._association.open_window()
