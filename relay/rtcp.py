"""RTCP packets: bytes to frozen dataclasses and back.

Parsing is our own rather than aiortc.rtp's. `RtcpPacket.parse` gives up the whole
compound for one odd packet (a report with a profile-specific extension, allowed
by RFC 3550 6.4.3, or a truncated feedback message), so a hostile or merely newer
peer would lose its NACKs; its NACK list counts on past 65535 instead of wrapping,
its NACK writer raises for numbers on both sides of a wrap, and neither FIR nor any
bound exists there. The tests hold both against each other.

Source: RFC 3550 6 (SR, RR, SDES, BYE), RFC 4585 6 (NACK, PLI), RFC 5104 4.3.1
(FIR), RFC 3611 4.4 and 4.5 (RRTR, DLRR), draft-alvestrand-rmcat-remb-03. All SSRCs
are 32-bit numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, error, unpack_from

MAX_PACKETS = 64  # of a compound; what follows is ignored
MAX_NACKED = 512  # sequence numbers of a compound; what follows is ignored
MAX_BLOCKS = 31  # of one report: the count field has five bits
MAX_SSRCS = 255  # of one REMB: the count field has eight bits
PACKETS_LOST_MIN, PACKETS_LOST_MAX = -(1 << 23), (1 << 23) - 1

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB, _XR = 200, 201, 202, 203, 205, 206, 207
_NACK, _TRANSPORT_WIDE, _PLI, _FIR, _APPLICATION = 1, 15, 1, 4, 15
_RRTR, _DLRR = 4, 5  # blocks of an XR
_CNAME = 1
_VERSION = 0x80
_PADDED = 0x20
_HEADER = Struct("!BBH")
_SENDER = Struct("!LQLLL")
_BLOCK = Struct("!LLLLLL")
_FEEDBACK = Struct("!LL")
_NACK_PAIR = Struct("!HH")
_FIR_ENTRY = Struct("!LB3x")
_REMB_HEAD = Struct("!4sBBH")
_REMB_MANTISSA_BITS = 18
_BLOCK_HEADER = Struct("!BxH")
_DLRR_ITEM = Struct("!LLL")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one source (RFC 3550 6.4.1)."""

    ssrc: int
    fraction_lost: int  # of 256, since the report before
    packets_lost: int  # signed 24 bits, since the start
    highest_sequence: int  # extended: wraps in the upper 16 of 32 bits
    jitter: int  # RTP ticks
    lsr: int  # middle 32 bits of the last SR's NTP time, 0 = none seen
    dlsr: int  # delay since that SR, in 1/65536 s


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int  # 64 bits, 32.32 seconds since 1900
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    reports: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    media_ssrc: int
    sequence_numbers: tuple[int, ...]  # 16 bits each, in the sender's order


@dataclass(frozen=True, slots=True)
class PictureLoss:
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    media_ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remb:
    bitrate_bps: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DelaySinceReference:
    """A sender's answer to our reference time (RFC 3611 4.5)."""

    ssrc: int  # whose reference time it was
    last_reference: int  # middle 32 bits of its NTP time
    delay: int  # from its arrival to this answer, in 1/65536 s


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """The DLRR items of an XR; its other blocks are of no use here."""

    delays: tuple[DelaySinceReference, ...]


Feedback = Nack | PictureLoss | FullIntraRequest | Remb
RtcpPacket = SenderReport | ReceiverReport | ExtendedReport | Bye | Feedback


def parse_compound(data: bytes, *, with_reports: bool = True) -> list[RtcpPacket]:
    """The packets of a compound that we know, in order; broken ones are left out.

    `with_reports`: False leaves receiver reports out, unread. Bounded by `MAX_PACKETS`
    and `MAX_NACKED`.

    Raises:
        ValueError: a packet's version is not 2 or its length leaves the compound.
    """
    packets: list[RtcpPacket] = []
    nacks_left = MAX_NACKED
    for kind, count, body in _split_compound(data):
        parse = _PARSERS.get(kind)
        if parse is None or (kind == _RR and not with_reports):
            continue
        try:
            packet = parse(count, body)
        except (ValueError, error):
            continue
        if isinstance(packet, Nack):
            packet = Nack(packet.media_ssrc, packet.sequence_numbers[:nacks_left])
            nacks_left -= len(packet.sequence_numbers)
        if packet is not None:
            packets.append(packet)
    return packets


def is_lone_receiver_report(data: bytes, trailer_bytes: int = 0) -> bool:
    """Whether the compound is one RR and nothing else: most of what viewers send.

    SRTCP leaves its header readable (RFC 3711 3.4) and adds `trailer_bytes`.
    """
    size = len(data) - trailer_bytes
    return (
        size >= _HEADER.size
        and data[1] == _RR
        and size == _HEADER.size + 4 * int.from_bytes(data[2:4], "big")
    )


def _split_compound(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Packet type, count and body (without header and padding) of each packet."""
    offset = 0
    for _ in range(MAX_PACKETS):
        if offset >= len(data):
            return
        if len(data) - offset < _HEADER.size:
            raise ValueError("an RTCP header is truncated")
        first, kind, words = _HEADER.unpack_from(data, offset)
        if first >> 6 != 2:
            raise ValueError("the RTCP version is not 2")
        end = offset + _HEADER.size + 4 * words
        if end > len(data):
            raise ValueError("an RTCP packet is truncated")
        body = data[offset + _HEADER.size : end]
        offset = end
        if first & _PADDED:  # padding: its last octet tells its length
            padding = body[-1] if body else 0
            if not 0 < padding <= len(body):
                continue
            body = body[:-padding]
        yield kind, first & 0x1F, body


def _parse_blocks(count: int, body: bytes, offset: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, lost, *rest = _BLOCK.unpack_from(body, offset + index * _BLOCK.size)
        packets_lost = lost & 0xFFFFFF
        if packets_lost > PACKETS_LOST_MAX:
            packets_lost -= 1 << 24
        blocks.append(ReportBlock(ssrc, lost >> 24, packets_lost, *rest))
    return tuple(blocks)


def _parse_sender_report(count: int, body: bytes) -> SenderReport:
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    blocks = _parse_blocks(count, body, _SENDER.size)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, blocks)


def _parse_receiver_report(count: int, body: bytes) -> ReceiverReport:
    return ReceiverReport(_parse_blocks(count, body, 4))


def _parse_bye(count: int, body: bytes) -> Bye:
    return Bye(unpack_from(f"!{count}L", body))


def _parse_transport_feedback(fmt: int, body: bytes) -> Nack | None:
    if fmt != _NACK:
        return None
    _, media_ssrc = _FEEDBACK.unpack_from(body)
    if len(body) % 4:
        raise ValueError("a NACK is truncated")
    seqs: list[int] = []
    for pid, lost_after in _NACK_PAIR.iter_unpack(body[_FEEDBACK.size :]):
        seqs.append(pid)
        seqs += [(pid + 1 + bit) & 0xFFFF for bit in range(16) if lost_after >> bit & 1]
        if len(seqs) >= MAX_NACKED:
            break
    return Nack(media_ssrc, tuple(seqs))


def _parse_payload_feedback(fmt: int, body: bytes) -> Feedback | None:
    _, media_ssrc = _FEEDBACK.unpack_from(body)
    detail = body[_FEEDBACK.size :]
    if fmt == _PLI:
        return PictureLoss(media_ssrc)
    if fmt == _FIR:
        # Each once: who asks for one a hundred times would cost a hundred answers.
        named = dict.fromkeys(ssrc for ssrc, _ in _FIR_ENTRY.iter_unpack(detail))
        return FullIntraRequest(tuple(named))
    if fmt == _APPLICATION and detail.startswith(b"REMB"):
        _, count, high, low = _REMB_HEAD.unpack_from(detail)
        bitrate_bps = ((high & 3) << 16 | low) << (high >> 2)
        return Remb(bitrate_bps, unpack_from(f"!{count}L", detail, _REMB_HEAD.size))
    return None


def _parse_extended_report(_: int, body: bytes) -> ExtendedReport | None:
    """The DLRR items of its whole blocks; None where there are none."""
    delays: list[DelaySinceReference] = []
    at = 4  # behind the SSRC
    while at + _BLOCK_HEADER.size <= len(body):
        kind, words = _BLOCK_HEADER.unpack_from(body, at)
        at += _BLOCK_HEADER.size
        end = at + 4 * words
        if kind == _DLRR and end <= len(body):
            size = (end - at) // _DLRR_ITEM.size * _DLRR_ITEM.size
            items = _DLRR_ITEM.iter_unpack(body[at : at + size])
            delays += [DelaySinceReference(*item) for item in items]
        at = end
    return ExtendedReport(tuple(delays)) if delays else None


_PARSERS: dict[int, Callable[[int, bytes], RtcpPacket | None]] = {
    _SR: _parse_sender_report,
    _RR: _parse_receiver_report,
    _BYE: _parse_bye,
    _RTPFB: _parse_transport_feedback,
    _PSFB: _parse_payload_feedback,
    _XR: _parse_extended_report,
}


def build_sender_report(
    ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int, cname: str
) -> bytes:
    """A whole compound: SR and SDES. The two counters wrap at 32 bits.

    Raises:
        ValueError: `cname` is longer than 255 bytes.
    """
    name = cname.encode()
    if len(name) > 255:
        raise ValueError("the CNAME is too long")
    sender = _SENDER.pack(
        ssrc, ntp, rtp_timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    item = ssrc.to_bytes(4, "big") + bytes((_CNAME, len(name))) + name
    # One to four zero octets end the chunk on a word (RFC 3550 6.5).
    chunk = item + bytes(4 - len(item) % 4)
    return _pack(_SR, 0, sender) + _pack(_SDES, 1, chunk)


def build_receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    """One RR, or several when there are more than 31 blocks.

    Lost packets and highest sequence number are fitted into their fields.
    """
    packets = []
    for start in range(0, max(len(blocks), 1), MAX_BLOCKS):
        part = blocks[start : start + MAX_BLOCKS]
        body = ssrc.to_bytes(4, "big") + b"".join(map(_pack_block, part))
        packets.append(_pack(_RR, len(part), body))
    return b"".join(packets)


def _pack_block(block: ReportBlock) -> bytes:
    lost = max(PACKETS_LOST_MIN, min(block.packets_lost, PACKETS_LOST_MAX))
    return _BLOCK.pack(
        block.ssrc,
        (block.fraction_lost & 0xFF) << 24 | lost & 0xFFFFFF,
        block.highest_sequence & 0xFFFFFFFF,
        block.jitter,
        block.lsr,
        block.dlsr,
    )


def build_nack(sender_ssrc: int, media_ssrc: int, seqs: Sequence[int]) -> bytes:
    """A generic NACK for `seqs`; shortest when they ascend (wrapping).

    Like all feedback here it is a single packet: without `a=rtcp-rsize` it must
    follow a report in its datagram (RFC 5506).
    """
    pairs = []
    pid, lost_after = -1, 0
    for seq in seqs:
        ahead = (seq - pid - 1) & 0xFFFF
        if pid >= 0 and ahead < 16:
            lost_after |= 1 << ahead
            continue
        if pid >= 0:
            pairs.append(_NACK_PAIR.pack(pid, lost_after))
        pid, lost_after = seq, 0
    if pid >= 0:
        pairs.append(_NACK_PAIR.pack(pid, lost_after))
    body = _FEEDBACK.pack(sender_ssrc, media_ssrc) + b"".join(pairs)
    return _pack(_RTPFB, _NACK, body)


def build_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """A picture loss indication: asks for a key frame."""
    return _pack(_PSFB, _PLI, _FEEDBACK.pack(sender_ssrc, media_ssrc))


def build_fir(sender_ssrc: int, media_ssrc: int, command_seq: int) -> bytes:
    """A full intra request; a new request needs the next `command_seq` (mod 256)."""
    entry = _FIR_ENTRY.pack(media_ssrc, command_seq & 0xFF)
    return _pack(_PSFB, _FIR, _FEEDBACK.pack(sender_ssrc, 0) + entry)


def build_remb(sender_ssrc: int, bitrate_bps: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB; `bitrate_bps` is rounded down to 18 significant bits.

    Raises:
        ValueError: more than 255 SSRCs, or a bitrate beyond the format.
    """
    exponent = max(bitrate_bps.bit_length() - _REMB_MANTISSA_BITS, 0)
    if bitrate_bps < 0 or exponent > 63 or len(ssrcs) > MAX_SSRCS:
        raise ValueError("this does not fit a REMB")
    mantissa = bitrate_bps >> exponent
    head = _REMB_HEAD.pack(
        b"REMB", len(ssrcs), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF
    )
    targets = b"".join(ssrc.to_bytes(4, "big") for ssrc in ssrcs)
    body = _FEEDBACK.pack(sender_ssrc, 0) + head + targets
    return _pack(_PSFB, _APPLICATION, body)


def build_reference_time(sender_ssrc: int, ntp: int) -> bytes:
    """An XR with our time `ntp` (64 bits), which a sender answers by a DLRR."""
    block = _BLOCK_HEADER.pack(_RRTR, 2) + ntp.to_bytes(8)
    return _pack(_XR, 0, sender_ssrc.to_bytes(4) + block)


def build_transport_feedback(sender_ssrc: int, media_ssrc: int, body: bytes) -> bytes:
    """Transport-wide feedback; `body` is of relay.transport_feedback."""
    packet = _FEEDBACK.pack(sender_ssrc, media_ssrc) + body
    fill = -len(packet) % 4
    if not fill:
        return _pack(_RTPFB, _TRANSPORT_WIDE, packet)
    padding = bytes(fill - 1) + bytes((fill,))
    return _pack(_RTPFB, _PADDED | _TRANSPORT_WIDE, packet + padding)


def _pack(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION | count, kind, len(body) // 4) + body
