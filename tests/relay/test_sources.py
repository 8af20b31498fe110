"""Which packet is whose, and what is counted of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.control import KindReport
from relay.negotiation import IncomingTrack
from relay.packet import RtpPacket
from relay.sdp import Codec
from relay.sources import SOURCE_SILENCE_S, Source, Sources
from relay.track import Track

PLAIN = IncomingTrack(
    kind="video",
    mid="1",
    codec=Codec("VP8", 96, 90000),
    rtx_payload_type=97,
    abs_send_time_id=None,
    orientation_id=None,
    audio_level_id=None,
    ssrcs=(100, 101),
)
LAYERED = replace(PLAIN, ssrcs=(), rids=("h", "l"), rid_id=10, repaired_rid_id=11)
AUDIO = replace(PLAIN, kind="audio", codec=Codec("opus", 111, 48000, 2), ssrcs=())


def packet(
    seq: int = 1,
    *,
    ssrc: int = 100,
    payload_type: int = 96,
    timestamp: int = 0,
    extensions: dict[int, bytes] | None = None,
    payload: bytes = b"x",
) -> RtpPacket:
    return RtpPacket(
        payload_type, False, seq, timestamp, ssrc, extensions or {}, payload
    )


def named(ssrc: int, rid: bytes = b"h", seq: int = 1) -> RtpPacket:
    return packet(seq, ssrc=ssrc, extensions={10: rid})


def repair(ssrc: int, rid: bytes | None = b"h") -> RtpPacket:
    return packet(
        ssrc=ssrc, payload_type=97, extensions={} if rid is None else {11: rid}
    )


def sources_of(agreed: IncomingTrack) -> Sources:
    sources = Sources()
    for rid in agreed.rids or ("",):
        sources.add(Source(agreed, Track(agreed, "name"), rid))
    return sources


def take(sources: Sources, found: RtpPacket, now: float = 0.0) -> bool:
    source = sources.find(found)
    return source is not None and source[0].take(found, 50, now)


def layers_of(sources: Sources) -> dict[str, int]:
    return {source.rid: source.ssrc for source in sources}


def test_a_single_stream_is_known_by_its_payload_types() -> None:
    sources = sources_of(PLAIN)
    (source,) = sources
    assert sources.find(packet()) == (source, False)
    assert sources.find(packet(payload_type=97, ssrc=101)) == (source, True)
    assert sources.find(packet(payload_type=98)) is None


def test_it_begins_with_an_ssrc_of_the_description() -> None:
    sources = sources_of(PLAIN)
    assert not take(sources, packet(ssrc=555))
    assert take(sources, packet(ssrc=100))


def test_another_ssrc_takes_over_after_silence() -> None:
    sources = sources_of(PLAIN)
    (source,) = sources
    assert take(sources, packet(ssrc=100), 1.0)
    assert not take(sources, packet(ssrc=7), 1.0 + SOURCE_SILENCE_S / 2)
    assert take(sources, packet(ssrc=7), 1.0 + SOURCE_SILENCE_S)
    assert source.ssrc == 7


def test_layers_are_known_by_their_names_and_then_by_their_ssrcs() -> None:
    sources = sources_of(LAYERED)
    assert not take(sources, packet(ssrc=1))  # it names none
    assert take(sources, named(1, b"h"))
    assert take(sources, named(2, b"l"))
    assert layers_of(sources) == {"h": 1, "l": 2}
    assert take(sources, packet(2, ssrc=1))
    found = sources.find(packet(3, ssrc=2))
    assert found is not None
    assert found[0].rid == "l"


@pytest.mark.parametrize("rid", [b"x", b"", b"hh", b"\xff"])
def test_an_unknown_name_is_nobodys(rid: bytes) -> None:
    assert sources_of(LAYERED).find(named(1, rid)) is None


def test_retransmissions_and_probes_name_whom_they_repair() -> None:
    sources = sources_of(LAYERED)
    high, _ = sources
    take(sources, named(1))
    assert sources.find(repair(9, None)) is None
    assert sources.find(repair(9)) == (high, True)
    assert sources.find(repair(9, None)) == (high, True)
    assert sources.find(repair(10)) == (high, True)  # another one now
    assert sources.find(repair(9, None)) is None
    assert take(sources, packet(2, ssrc=1))  # its media is where it was


def test_a_layer_whose_packets_name_it_may_change_its_ssrc_at_once() -> None:
    sources = sources_of(LAYERED)
    high, _ = sources
    take(sources, named(1), 1.0)
    assert take(sources, named(5), 1.0)
    assert high.ssrc == 5
    assert sources.find(packet(ssrc=1)) is None


def test_no_number_of_ssrcs_is_remembered_beyond_two_a_layer() -> None:
    sources = sources_of(LAYERED)
    for ssrc in range(1, 1000):
        sources.find(named(ssrc, b"h" if ssrc % 2 else b"l"))
        sources.find(repair(5000 + ssrc))
    known = [s for s in range(7000) if sources.find(packet(ssrc=s)) is not None]
    assert len(known) <= 4


def test_reports_find_the_source_that_sends() -> None:
    sources = sources_of(LAYERED)
    _, low = sources
    assert sources.of_ssrc(0) is None
    take(sources, named(2, b"l"))
    assert sources.of_ssrc(2) is low
    assert sources.known() == [(low, low.loss)]


def test_only_a_layer_that_comes_is_asked_for_key_frames() -> None:
    sources = sources_of(LAYERED)
    high, _ = sources
    take(sources, named(1), 5.0)
    assert high.may_be_asked(5.0 + SOURCE_SILENCE_S / 2)
    assert not high.may_be_asked(5.0 + SOURCE_SILENCE_S)
    (plain,) = sources_of(PLAIN)
    assert plain.may_be_asked(100.0)


# -- counters -----------------------------------------------------------------


def test_packets_bytes_and_frames_are_counted() -> None:
    sources = sources_of(PLAIN)
    for seq, timestamp in ((1, 0), (2, 0), (3, 3000), (5, 6000), (4, 3000)):
        take(sources, packet(seq, timestamp=timestamp))
    take(sources, packet(6, timestamp=6000, payload=b""))  # padding
    report = sources.report("video")
    assert (report.packets, report.bytes, report.frames) == (6, 300, 3)
    assert report.packets_lost == 0
    assert sources.report("audio") == KindReport()


def test_frames_are_counted_across_the_wrap_of_their_timestamps() -> None:
    sources = sources_of(PLAIN)
    for seq in range(4):
        take(sources, packet(seq, timestamp=(0xFFFFF000 + seq * 3000) % 2**32))
    assert sources.report("video").frames == 4


def test_lost_and_recovered_packets_are_told_apart() -> None:
    sources = sources_of(PLAIN)
    (source,) = sources
    for seq in (1, 4):
        take(sources, packet(seq))
    assert source.recover(packet(2), 40, 0.1)
    assert not source.recover(packet(2), 40, 0.1)
    report = sources.report("video")
    assert (report.packets, report.bytes) == (3, 140)
    assert (report.packets_lost, report.packets_recovered) == (1, 1)


def test_what_another_ssrc_lost_stays_counted() -> None:
    sources = sources_of(PLAIN)
    for seq in (1, 4):
        take(sources, packet(seq), 1.0)
    for seq in (10, 12):
        take(sources, packet(seq, ssrc=7), 9.0)
    assert sources.report("video").packets_lost == 3


def test_layers_are_counted_together_and_frames_of_the_fullest() -> None:
    sources = sources_of(LAYERED)
    for seq in range(3):
        take(sources, replace_time(named(1, b"h", seq), seq))
    take(sources, named(2, b"l"))
    report = sources.report("video")
    assert (report.packets, report.bytes, report.frames) == (4, 200, 3)


def replace_time(found: RtpPacket, frame: int) -> RtpPacket:
    found.timestamp = frame * 3000
    return found


def test_a_kind_of_its_own() -> None:
    sources = sources_of(AUDIO)
    take(sources, packet(payload_type=111))
    assert sources.report("audio").packets == 1
    assert sources.report("video") == KindReport()
