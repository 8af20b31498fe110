"""RTCP: bytes to packets and back, held against aiortc's own packets."""

from struct import pack
from typing import TypeVar

import pytest
from aiortc import rtp
from hypothesis import example, given
from hypothesis import strategies as st

from relay.rtcp import (
    MAX_NACKED,
    MAX_PACKETS,
    Bye,
    DelaySinceReference,
    ExtendedReport,
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    build_fir,
    build_nack,
    build_pli,
    build_receiver_report,
    build_reference_time,
    build_remb,
    build_sender_report,
    is_lone_receiver_report,
    parse_compound,
)

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
u64 = st.integers(0, 2**64 - 1)
blocks = st.builds(
    ReportBlock, u32, u8, st.integers(-(2**23), 2**23 - 1), u32, u32, u32, u32
)
PLI = build_pli(1, 2)
Packet = TypeVar("Packet")


def parse_all(kind: type[Packet], data: bytes) -> list[Packet]:
    packets = parse_compound(data)
    return [packet for packet in packets if isinstance(packet, kind)]


def parse_one(kind: type[Packet], data: bytes) -> Packet:
    (packet,) = parse_all(kind, data)
    return packet


@given(u32, u64, u32, u32, u32, st.text(max_size=60))
def test_a_sender_report_reads_the_same_here_and_in_aiortc(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, cname: str
) -> None:
    data = build_sender_report(ssrc, ntp, timestamp, packets, octets, cname)
    assert parse_compound(data) == [SenderReport(ssrc, ntp, timestamp, packets, octets)]
    report, description = rtp.RtcpPacket.parse(data)
    assert isinstance(report, rtp.RtcpSrPacket)
    assert isinstance(description, rtp.RtcpSdesPacket)
    assert report.sender_info.ntp_timestamp == ntp
    assert description.chunks[0].items == [(1, cname.encode())]


@given(u32, st.lists(blocks, max_size=31))
def test_a_receiver_report_reads_the_same_here_and_in_aiortc(
    ssrc: int, reports: list[ReportBlock]
) -> None:
    data = build_receiver_report(ssrc, reports)
    assert parse_compound(data) == [ReceiverReport(tuple(reports))]
    (packet,) = rtp.RtcpPacket.parse(data)
    assert bytes(packet) == data


def test_more_than_31_blocks_become_several_reports() -> None:
    block = ReportBlock(1, 2, 3, 4, 5, 6, 7)
    first, second = parse_all(ReceiverReport, build_receiver_report(1, [block] * 32))
    assert (len(first.reports), len(second.reports)) == (31, 1)


@pytest.mark.parametrize(("lost", "held"), [(-(2**30), -(2**23)), (2**30, 2**23 - 1)])
def test_lost_packets_are_held_in_24_bits(lost: int, held: int) -> None:
    report = parse_one(
        ReceiverReport, build_receiver_report(1, [ReportBlock(1, 0, lost, 0, 0, 0, 0)])
    )
    assert report.reports[0].packets_lost == held


def test_a_sender_report_of_aiortc_with_blocks_is_read() -> None:
    block = rtp.RtcpReceiverInfo(
        ssrc=5,
        fraction_lost=6,
        packets_lost=-7,
        highest_sequence=8,
        jitter=9,
        lsr=10,
        dlsr=11,
    )
    data = bytes(
        rtp.RtcpSrPacket(
            ssrc=1, sender_info=rtp.RtcpSenderInfo(2, 3, 4, 5), reports=[block]
        )
    )
    assert parse_compound(data) == [
        SenderReport(1, 2, 3, 4, 5, (ReportBlock(5, 6, -7, 8, 9, 10, 11),))
    ]


def test_it_rejects_a_cname_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="CNAME"):
        build_sender_report(1, 2, 3, 4, 5, "x" * 256)


@given(u32, u32, st.lists(u16, min_size=1, max_size=300))
@example(1, 2, [0xFFFF, 0, 1, 17])
def test_a_nack_of_any_numbers_reads_the_same(
    sender: int, media: int, seqs: list[int]
) -> None:
    nack = parse_one(Nack, build_nack(sender, media, seqs))
    assert nack.media_ssrc == media
    assert set(nack.sequence_numbers) == set(seqs)


@given(u32, u32, st.sets(st.integers(0, 0xFFEF), min_size=1, max_size=200))
def test_an_ascending_nack_has_the_bytes_of_aiortc(
    sender: int, media: int, seqs: set[int]
) -> None:
    ordered = sorted(seqs)
    expected = rtp.RtcpRtpfbPacket(fmt=1, ssrc=sender, media_ssrc=media, lost=ordered)
    assert build_nack(sender, media, ordered) == bytes(expected)
    assert parse_compound(bytes(expected)) == [Nack(media, tuple(ordered))]


def test_a_nack_wraps_at_16_bits() -> None:
    data = build_nack(1, 2, [0xFFFE, 0xFFFF, 0, 3])
    assert len(data) == 16  # one pair
    assert parse_compound(data) == [Nack(2, (0xFFFE, 0xFFFF, 0, 3))]


def test_a_nack_of_nothing_is_read_as_such() -> None:
    assert parse_compound(build_nack(1, 2, [])) == [Nack(2, ())]


def test_the_nacks_of_a_compound_are_bounded() -> None:
    body = pack("!LL", 1, 2) + pack("!HH", 5, 0xFFFF) * 60
    packet = pack("!BBH", 0x81, 205, len(body) // 4) + body
    packets = parse_all(Nack, packet * 3)
    assert sum(len(nack.sequence_numbers) for nack in packets) == MAX_NACKED


@given(u32, u32)
def test_a_pli_reads_the_same_here_and_in_aiortc(sender: int, media: int) -> None:
    data = build_pli(sender, media)
    assert parse_compound(data) == [PictureLoss(media)]
    assert bytes(rtp.RtcpPsfbPacket(fmt=1, ssrc=sender, media_ssrc=media)) == data


def test_a_fir_is_read_with_all_its_targets() -> None:
    assert parse_compound(build_fir(1, 2, 256 + 7)) == [FullIntraRequest((2,))]
    fci = pack("!LB3xLB3x", 8, 1, 9, 1)
    packet = rtp.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=fci)
    assert parse_compound(bytes(packet)) == [FullIntraRequest((8, 9))]


def test_a_fir_that_names_one_target_often_asks_once() -> None:
    fci = pack("!LB3x", 8, 1) * 100
    packet = rtp.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=fci)
    assert parse_compound(bytes(packet)) == [FullIntraRequest((8,))]


@given(u32, st.integers(0, 2**40), st.lists(u32, max_size=5))
def test_a_remb_has_the_bytes_of_aiortc(
    sender: int, bitrate: int, ssrcs: list[int]
) -> None:
    data = build_remb(sender, bitrate, ssrcs)
    fci = rtp.pack_remb_fci(bitrate, ssrcs)
    packet = rtp.RtcpPsfbPacket(fmt=15, ssrc=sender, media_ssrc=0, fci=fci)
    assert bytes(packet) == data
    remb = parse_one(Remb, data)
    assert remb.ssrcs == tuple(ssrcs)
    assert bitrate * (1 - 2**-17) <= remb.bitrate_bps <= bitrate


@pytest.mark.parametrize(
    ("bitrate", "count"), [(-1, 1), (1 << 81, 1), (1000, 256)], ids=str
)
def test_it_rejects_a_remb_that_does_not_fit(bitrate: int, count: int) -> None:
    with pytest.raises(ValueError, match="REMB"):
        build_remb(1, bitrate, [1] * count)


def test_the_largest_remb_fits() -> None:
    remb = parse_one(Remb, build_remb(1, 0x3FFFF << 63, [1] * 255))
    assert remb == Remb(0x3FFFF << 63, (1,) * 255)


def test_a_bye_is_read() -> None:
    assert parse_compound(bytes(rtp.RtcpByePacket(sources=[1, 2]))) == [Bye((1, 2))]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80", id="shorter than a header"),
        pytest.param(b"\x00\xc9\x00\x00", id="version 0"),
        pytest.param(b"\x80\xc9\x00\x01", id="longer than the datagram"),
        pytest.param(PLI + b"\x80\xc9", id="broken second header"),
    ],
)
def test_it_rejects_a_broken_chain(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"RTCP|version"):
        parse_compound(data)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"\x81\xc8\x00\x06" + bytes(24), id="SR without its block"),
        pytest.param(b"\x81\xc9\x00\x01" + bytes(4), id="RR without its block"),
        pytest.param(b"\x82\xcb\x00\x01" + bytes(4), id="BYE without its source"),
        pytest.param(b"\x81\xcd\x00\x01" + bytes(4), id="NACK without media SSRC"),
        pytest.param(b"\x81\xce\x00\x01" + bytes(4), id="PLI without media SSRC"),
        pytest.param(b"\x84\xce\x00\x03" + bytes(12), id="FIR with half an entry"),
        pytest.param(
            b"\x8f\xce\x00\x04" + bytes(8) + b"REMB\x01\x00\x00\x00",
            id="REMB without its SSRC",
        ),
        pytest.param(b"\x8f\xce\x00\x02" + bytes(8), id="unknown application"),
        pytest.param(b"\x83\xce\x00\x02" + bytes(8), id="unknown payload feedback"),
        pytest.param(b"\x8f\xcd\x00\x02" + bytes(8), id="transport-cc"),
        pytest.param(b"\x80\xcf\x00\x02" + bytes(8), id="unknown kind"),
        pytest.param(b"\xa1\xcd\x00\x00", id="padding without octets"),
        pytest.param(b"\xa1\xcd\x00\x01" + bytes(4), id="padding of zero"),
        pytest.param(b"\xa1\xcd\x00\x01\0\0\0\x05", id="padding too long"),
        pytest.param(b"\xa1\xcd\x00\x03" + bytes(11) + b"\x01", id="odd NACK"),
    ],
)
def test_it_skips_what_is_broken_or_unknown_and_reads_the_rest(broken: bytes) -> None:
    assert parse_compound(PLI + broken + PLI) == [PictureLoss(2)] * 2


def test_it_takes_padding_off() -> None:
    padded = b"\xa1\xce\x00\x03" + pack("!LL", 1, 2) + b"\0\0\0\x04"
    assert parse_compound(padded) == [PictureLoss(2)]


def test_it_reads_a_report_with_a_profile_specific_extension() -> None:
    data = b"\x80\xc9\x00\x02" + bytes(8)
    assert parse_compound(data) == [ReceiverReport(())]


def test_it_reads_no_more_packets_than_the_bound() -> None:
    assert len(parse_compound(PLI * (MAX_PACKETS + 1))) == MAX_PACKETS
    assert parse_compound(b"") == []


chains = st.lists(
    st.tuples(
        st.integers(0, 63),
        st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]),
        st.lists(u32, max_size=12),
    ).map(
        lambda part: (
            pack("!BBH", 0x80 | part[0], part[1], len(part[2]))
            + b"".join(word.to_bytes(4, "big") for word in part[2])
        )
    ),
    max_size=6,
).map(b"".join)


@given(chains)
def test_no_well_formed_chain_raises(data: bytes) -> None:
    parse_compound(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_value_error(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except ValueError:
        return
    assert len(packets) <= MAX_PACKETS


@pytest.mark.parametrize("trailer", [0, 14, 20])
def test_a_lone_receiver_report_is_told_by_its_clear_header(trailer: int) -> None:
    report = build_receiver_report(1, [])
    end = bytes(trailer)
    assert is_lone_receiver_report(report + end, trailer)
    assert not is_lone_receiver_report(report + build_pli(1, 2) + end, trailer)
    assert not is_lone_receiver_report(build_pli(1, 2) + end, trailer)
    assert not is_lone_receiver_report(report[:3], trailer)


def test_receiver_reports_can_be_left_unread() -> None:
    remb = build_remb(1, 512_000, [2])
    data = build_receiver_report(1, [ReportBlock(2, 0, 0, 0, 0, 0, 0)]) + remb
    assert parse_compound(data, with_reports=False) == parse_compound(remb)
    with pytest.raises(ValueError, match="truncated"):
        parse_compound(data[:-1], with_reports=False)


@given(u32, u64)
def test_a_reference_time_is_an_xr_with_one_block(sender: int, ntp: int) -> None:
    data = build_reference_time(sender, ntp)
    assert data == pack("!BBHLBBHQ", 0x80, 207, 4, sender, 4, 0, 2, ntp)


@given(st.lists(st.builds(DelaySinceReference, u32, u32, u32), min_size=1, max_size=9))
def test_the_answers_to_it_are_read(delays: list[DelaySinceReference]) -> None:
    items = b"".join(
        pack("!LLL", item.ssrc, item.last_reference, item.delay) for item in delays
    )
    rrtr = pack("!BBHQ", 4, 0, 2, 5)
    body = pack("!L", 1) + rrtr + pack("!BBH", 5, 0, len(items) // 4) + items
    data = pack("!BBH", 0x80, 207, len(body) // 4) + body
    assert parse_compound(data) == [ExtendedReport(tuple(delays))]


@given(st.binary(max_size=60))
def test_no_extended_report_ends_the_reading(body: bytes) -> None:
    body = body[: len(body) // 4 * 4]
    packets = parse_compound(pack("!BBH", 0x80, 207, len(body) // 4) + body + PLI)
    assert packets[-1] == PictureLoss(2)
