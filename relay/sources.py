"""A publisher's tracks as they come in: which packet is whose, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.control import KindReport
from relay.loss import LossDetector
from relay.packet import RtpPacket
from relay.seqno import timestamp_diff

if TYPE_CHECKING:
    from relay.negotiation import IncomingTrack
    from relay.track import Track

SOURCE_SILENCE_S = 1.0  # after this another SSRC of the track takes over


@dataclass(eq=False, slots=True)
class Source:
    """One track, or one layer of it. `loss` is None until its SSRC is known."""

    agreed: IncomingTrack
    track: Track
    rid: str = ""  # of the layer
    ssrc: int = 0
    rtx_ssrc: int = 0  # a layer's, 0 = not known
    last_packet: float = 0.0
    next_report: float = 0.0
    loss: LossDetector | None = None
    packets: int = 0  # retransmissions only where they were of use
    bytes: int = 0
    frames: int = 0
    nacks: int = 0
    plis: int = 0
    _lost_before: int = 0  # under SSRCs it had before
    _recovered_before: int = 0
    _frame_timestamp: int | None = None

    def take(self, packet: RtpPacket, size: int, now: float) -> bool:
        """Whether the packet is of the track's SSRC, which may become another."""
        if packet.ssrc != self.ssrc or self.loss is None:
            if not self._may_take_over(packet.ssrc, now):
                return False
            if self.loss is not None:
                self._lost_before += self.loss.packets_lost
                self._recovered_before += self.loss.recovered_packets
                self.track.change_source(now)
            self.ssrc = packet.ssrc
            self.loss = LossDetector(packet.ssrc, self.track.clock_rate)
            self._frame_timestamp = None
        self.last_packet = now
        self.packets += 1
        self.bytes += size
        self.loss.received(packet.seq, packet.timestamp, now)
        self._count_frame(packet)
        return True

    def recover(self, original: RtpPacket, size: int, now: float) -> bool:
        """Whether this packet, which a retransmission brought, was missing."""
        if self.loss is None or not self.loss.recovered(original.seq, now):
            return False
        self.packets += 1
        self.bytes += size
        self._count_frame(original)
        return True

    def _may_take_over(self, ssrc: int, now: float) -> bool:
        if self.rid:  # its packets have named it
            return True
        if self.loss is None:
            return not self.agreed.ssrcs or ssrc in self.agreed.ssrcs
        return now - self.last_packet >= SOURCE_SILENCE_S

    def _count_frame(self, packet: RtpPacket) -> None:
        """A frame is a timestamp (RFC 3550 5.1); padding has one of a frame before."""
        last = self._frame_timestamp
        is_new = last is None or timestamp_diff(packet.timestamp, last) > 0
        if packet.payload and is_new:
            self._frame_timestamp = packet.timestamp
            self.frames += 1

    @property
    def packets_lost(self) -> int:
        return self._lost_before + (self.loss.packets_lost if self.loss else 0)

    @property
    def packets_recovered(self) -> int:
        """Those that came because they were asked for."""
        return self._recovered_before + (
            self.loss.recovered_packets if self.loss else 0
        )

    def may_be_asked(self, now: float) -> bool:
        """Whether a key-frame request reaches it.

        libwebrtc answers one for a layer that it has paused by a key frame of all
        the others.
        """
        return not self.rid or now - self.last_packet < SOURCE_SILENCE_S


class Sources:
    """Finds the source of a packet: by payload type, layers by their names.

    A layer's packets name it in a header extension (RFC 8852) until a report tells
    the sender that they are known, so their SSRCs are remembered.
    """

    __slots__ = ("_all", "_by_payload_type", "_by_rid", "_by_ssrc", "_layered")

    def __init__(self) -> None:
        self._all: list[Source] = []
        self._by_payload_type: dict[int, tuple[Source, bool]] = {}
        self._layered: dict[int, tuple[int | None, bool]] = {}  # the name's id, is RTX
        self._by_rid: dict[bytes, Source] = {}
        self._by_ssrc: dict[int, Source] = {}  # two of each layer at most

    def __iter__(self) -> Iterator[Source]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, source: Source) -> None:
        self._all.append(source)
        agreed = source.agreed
        types = {agreed.codec.payload_type: False}
        if agreed.rtx_payload_type is not None:
            types[agreed.rtx_payload_type] = True
        for payload_type, is_rtx in types.items():
            if source.rid:
                name_id = agreed.repaired_rid_id if is_rtx else agreed.rid_id
                self._layered[payload_type] = (name_id, is_rtx)
                self._by_rid[source.rid.encode()] = source
            else:
                self._by_payload_type[payload_type] = (source, is_rtx)

    def find(self, packet: RtpPacket) -> tuple[Source, bool] | None:
        """The packet's source, and whether it is a retransmission."""
        found = self._by_payload_type.get(packet.payload_type)
        if found is not None:
            return found
        layered = self._layered.get(packet.payload_type)
        if layered is None:
            return None
        name_id, is_rtx = layered
        source = self._by_ssrc.get(packet.ssrc)
        if source is None and name_id is not None:
            source = self._by_rid.get(packet.extensions.get(name_id, b""))
            if source is not None:
                self._remember(source, packet.ssrc, is_rtx=is_rtx)
        return None if source is None else (source, is_rtx)

    def _remember(self, source: Source, ssrc: int, *, is_rtx: bool) -> None:
        """The SSRC is the layer's; the one it had before is nobody's."""
        for known in [s for s, owner in self._by_ssrc.items() if owner is source]:
            if (known == source.rtx_ssrc) is is_rtx:
                del self._by_ssrc[known]
        self._by_ssrc[ssrc] = source
        if is_rtx:
            source.rtx_ssrc = ssrc

    def of_ssrc(self, ssrc: int) -> Source | None:
        """The source that sends under `ssrc` just now."""
        for source in self._all:
            if source.loss is not None and source.ssrc == ssrc:
                return source
        return None

    def known(self) -> list[tuple[Source, LossDetector]]:
        """Those that something came of."""
        return [(s, s.loss) for s in self._all if s.loss is not None]

    def report(self, kind: str) -> KindReport:
        """What came of one kind; of layers together, frames of the fullest one."""
        found = [s for s in self._all if s.agreed.kind == kind]
        if not found:
            return KindReport()
        return KindReport(
            packets=sum(s.packets for s in found),
            bytes=sum(s.bytes for s in found),
            packets_lost=sum(s.packets_lost for s in found),
            packets_recovered=sum(s.packets_recovered for s in found),
            fraction_lost=max(s.loss.fraction_lost if s.loss else 0.0 for s in found),
            jitter_ms=max(int(s.loss.jitter_s * 1000) if s.loss else 0 for s in found),
            nacks=sum(s.nacks for s in found),
            key_frame_requests=sum(s.plis for s in found),
            frames=max(s.frames for s in found),
        )
