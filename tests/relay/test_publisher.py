"""A publisher by hand: what the relay asks of it, and what it forwards."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay import control
from relay.negotiation import SEND_ABS_SEND_TIME_ID, answer_publisher
from relay.packet import build_extensions, build_packet, parse_packet
from relay.peer import MAX_SSRCS
from relay.publisher import REPORT_INTERVAL_S, Publisher
from relay.rtcp import (
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    SenderReport,
    build_sender_report,
)
from relay.sdp import parse_sdp
from relay.sources import SOURCE_SILENCE_S
from relay.stream import Stream
from tests.relay.clients import CODECS
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    DELTA_FRAME,
    KEY_FRAME,
    RTX_SSRC,
    VIDEO_SSRC,
    RawPeer,
    accept_offer,
    connect_publisher,
    play_raw,
    publish_raw,
)
from tests.relay.test_sdp import OFFER
from tests.relay.test_transport_feedback import Feedback, read

STREAM = "LiveApp/one"


def stream_of(relay: RunningRelay) -> Stream:
    return relay.router._streams[STREAM]


def feedback(relay: RunningRelay, seconds: float = 0.0) -> None:
    """Let time pass, then let the relay say what is due."""
    relay.clock.now += seconds
    relay.router.send_urgent_feedback(stream_of(relay))


# -- start --------------------------------------------------------------------


async def test_it_starts_with_its_first_media(still_relay: RunningRelay) -> None:
    peer = await connect_publisher(still_relay, STREAM)
    assert still_relay.drain() == []
    peer.send_audio(1)
    started = await still_relay.event(control.Started)
    assert started == control.Started(peer.session, "socket")


async def test_unknown_payload_types_and_broken_packets_start_nothing(
    still_relay: RunningRelay,
) -> None:
    peer = await connect_publisher(still_relay, STREAM)
    packet = build_packet(
        payload_type=33,
        marker=False,
        seq=1,
        timestamp=0,
        ssrc=9,
        extensions=b"",
        payload=b"x",
    )
    peer.send_rtp(packet)
    # Number 2, with more padding than packet.
    broken = b"\xa0" + packet[1:2] + b"\x00\x02" + packet[4:12] + b"\x09"
    peer.send_rtp(broken)
    await peer.check()
    assert still_relay.drain() == []
    assert still_relay.router.malformed_packets == 1


async def test_a_publisher_that_sends_nothing_is_closed(
    still_relay: RunningRelay,
) -> None:
    peer = await RawPeer.open(still_relay)
    command = accept_offer(peer, STREAM, peer.offer(), start_timeout_ms=1)
    still_relay.router.handle(command)
    closed = await still_relay.event(control.Closed)
    assert closed.reason is control.CloseReason.START_TIMEOUT
    assert still_relay.router.report(0).peers == 0
    assert still_relay.router._streams == {}


async def test_its_report_tells_what_it_sends(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM)
    for seq in range(1, 50):
        still_relay.clock.now += 0.1
        peer.send_video(seq + 1)
        peer.send_audio(seq)
        await peer.check()
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert (report.stream, report.session) == (STREAM, peer.session)
    assert (report.video_codec, report.audio_codec) == ("VP8", "opus")
    assert (report.width, report.height) == (320, 240)
    assert report.video_bitrate > report.audio_bitrate > 0
    assert report.packets_lost == 0
    assert report.received_bytes > 0
    still_relay.clock.now += 10
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert (report.video_bitrate, report.audio_bitrate) == (0, 0)


# -- feedback -----------------------------------------------------------------


async def test_lost_video_is_asked_for_and_a_retransmission_is_forwarded(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    for seq in (2, 4, 5, 6, 7):
        peer.send_video(seq)
    await peer.check()
    feedback(still_relay, 0.05)
    await peer.until(lambda: peer.rtcp_of(Nack))
    assert peer.rtcp_of(Nack) == [Nack(VIDEO_SSRC, (3,))]
    rtx = build_packet(
        payload_type=101,
        marker=True,
        seq=900,
        timestamp=9000,
        ssrc=RTX_SSRC,
        extensions=b"",
        payload=struct.pack("!H", 3) + b"\x10\x11repaired",
    )
    peer.send_rtp(rtx)
    await viewer.until(lambda: len(viewer.rtp) == 6)
    base = viewer.rtp[0].seq
    assert [(p.seq - base) & 0xFFFF for p in viewer.rtp] == [0, 2, 3, 4, 5, 1]
    assert viewer.rtp[-1].payload == b"\x10\x11repaired"
    peer.send_rtp(rtx[:3] + b"\x85" + rtx[4:])  # once more: it is not missing now
    feedback(still_relay, 0.5)
    await viewer.check()
    assert len(viewer.rtp) == 6
    assert len(peer.rtcp_of(Nack)) == 1


async def test_a_retransmission_before_any_media_is_ignored(
    still_relay: RunningRelay,
) -> None:
    peer = await connect_publisher(still_relay, STREAM)
    rtx = build_packet(
        payload_type=101,
        marker=True,
        seq=900,
        timestamp=9000,
        ssrc=RTX_SSRC,
        extensions=b"",
        payload=b"\0\x03early",
    )
    peer.send_rtp(rtx)
    await peer.check()
    assert still_relay.drain() == []


async def test_lost_audio_is_not_asked_for(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM)
    for seq in (1, 2, 9, 10, 11, 12):
        peer.send_audio(seq)
    await peer.check()
    feedback(still_relay, 0.05)
    await peer.check()
    assert peer.rtcp_of(Nack) == []


async def test_a_loss_beyond_repair_asks_for_a_key_frame(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    feedback(still_relay, 1)
    await peer.check()
    peer.rtcp.clear()
    peer.send_video(2000)
    await peer.check()
    feedback(still_relay, 0.05)
    await peer.until(lambda: peer.rtcp_of(PictureLoss))
    assert peer.rtcp_of(Nack) == []


async def test_a_hundred_viewers_cost_two_key_frame_requests_a_second(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM, audio=False)
    await peer.check()
    still_relay.clock.now += 10
    peer.rtcp.clear()
    for _ in range(100):  # in one second
        await play_raw(still_relay, STREAM)
        still_relay.clock.now += 0.01
    feedback(still_relay)
    await peer.check()
    assert 1 <= len(peer.rtcp_of(PictureLoss)) <= 3  # 0.0, 0.5 and 1.0 s
    sent = len(peer.rtcp_of(PictureLoss))
    for _ in range(100):  # it answers none: they are repeated at that pace
        feedback(still_relay, 0.1)
    await peer.check()
    assert len(peer.rtcp_of(PictureLoss)) - sent in (19, 20, 21)


async def test_requests_end_with_the_key_frame(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM, audio=False)
    await play_raw(still_relay, STREAM)
    feedback(still_relay, 1)
    peer.send_video(2, KEY_FRAME)
    await peer.check()
    peer.rtcp.clear()
    feedback(still_relay, 5)
    await peer.check()
    assert peer.rtcp_of(PictureLoss) == []


async def test_reports_and_the_rate_come_every_period(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    peer.send_audio(1)
    await peer.check()
    publisher = stream_of(still_relay).publisher
    assert publisher is not None
    peer.rtcp.clear()
    publisher.send_periodic_feedback(still_relay.clock.now)
    await peer.until(lambda: peer.rtcp_of(ReceiverReport))
    (report,) = peer.rtcp_of(ReceiverReport)
    assert VIDEO_SSRC in {block.ssrc for block in report.reports}
    assert len(report.reports) == 2


async def test_the_rate_never_passes_the_operators_bound(
    still_relay: RunningRelay,
) -> None:
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(
        control.AcceptOffer(
            peer.session, "socket", STREAM, peer.offer(), CODECS, 8000, 0, 300_000
        )
    )
    answered = await still_relay.event(control.Answered)
    await peer.connect(answered.sdp)
    peer.send_video(1, KEY_FRAME)
    await peer.until(lambda: peer.rtcp_of(Remb))
    for _ in range(5):
        still_relay.clock.now += 1
        still_relay.router._periodic(still_relay.clock.now)
    await peer.check()
    rates = [remb.bitrate_bps for remb in peer.rtcp_of(Remb)]
    assert len(rates) == 6
    assert max(rates) <= 300_000


async def test_a_sender_report_reaches_viewers_with_our_ssrc(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    peer.send_rtcp(build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name"))
    await viewer.until(lambda: viewer.rtcp_of(SenderReport))
    (report,) = viewer.rtcp_of(SenderReport)
    assert report.ssrc == stream_of(still_relay).tracks["video"].outgoing.ssrc
    assert report.ntp == 5 << 32


async def test_a_flood_of_sender_reports_is_not_passed_on(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    for ntp in range(5):
        peer.send_rtcp(build_sender_report(VIDEO_SSRC, ntp << 32, 3000, 1, 1, "name"))
    await peer.check()
    await viewer.check()
    assert len(viewer.rtcp_of(SenderReport)) == 1
    still_relay.clock.now += REPORT_INTERVAL_S
    peer.send_rtcp(build_sender_report(VIDEO_SSRC, 9 << 32, 3000, 1, 1, "name"))
    await viewer.until(lambda: len(viewer.rtcp_of(SenderReport)) == 2)
    assert viewer.rtcp_of(SenderReport)[-1].ntp == 9 << 32


async def test_broken_rtcp_is_counted(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM)
    peer.send_rtcp(bytes.fromhex("80c9000111111111 40c90001"))
    await peer.check()
    assert still_relay.router.malformed_packets == 1


# -- another SSRC -------------------------------------------------------------


async def test_another_ssrc_takes_over_after_a_silence_only(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    peer.send_video(2)
    peer.send_video(700, KEY_FRAME, ssrc=99)
    await peer.check()
    still_relay.clock.now += SOURCE_SILENCE_S
    peer.send_video(800, DELTA_FRAME, ssrc=99)
    peer.send_video(801, KEY_FRAME, ssrc=99)
    await viewer.until(lambda: len(viewer.rtp) >= 2)
    await viewer.check()
    first, second = viewer.rtp
    assert second.payload == KEY_FRAME
    assert (second.seq - first.seq) & 0xFFFF == 1


async def test_the_ssrcs_of_a_peer_are_bounded(still_relay: RunningRelay) -> None:
    """libsrtp keeps a record of each and looks through all of them."""
    peer = await publish_raw(still_relay, STREAM, audio=False)
    publisher = stream_of(still_relay).publisher
    assert publisher is not None
    for ssrc in range(1000, 1000 + 2 * MAX_SSRCS):
        peer.send_video(1, ssrc=ssrc)
    await peer.check()
    received = publisher.received_bytes
    peer.send_video(2, ssrc=5000)
    await peer.check()
    assert publisher.received_bytes == received
    peer.send_video(2)
    await peer.check()
    assert publisher.received_bytes > received


# -- hostile ------------------------------------------------------------------


@pytest.fixture
async def publisher(still_relay: RunningRelay) -> Publisher:
    """One whose packets are put in after SRTP."""
    agreement = answer_publisher(
        parse_sdp(OFFER),
        still_relay.router.transport(Publisher(still_relay.router, "x", "", 9, 0)),
        CODECS,
    )
    made = Publisher(still_relay.router, "s", "socket", 8000, 0)
    made.attach(Stream("A/b", agreement.tracks), agreement)
    return made


PACKETS = st.lists(
    st.tuples(
        st.sampled_from([96, 97, 111, 102, 127]),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 3),
        st.binary(min_size=3, max_size=3),
        st.binary(max_size=30),
        st.floats(0, 4),
    ),
    max_size=60,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=60,
    deadline=None,
)
@given(packets=PACKETS, garbage=st.lists(st.binary(max_size=40), max_size=10))
async def test_no_packet_raises(
    still_relay: RunningRelay,
    publisher: Publisher,
    packets: list[tuple],
    garbage: list[bytes],
) -> None:
    offered = parse_sdp(OFFER).media[1].ssrcs
    for payload_type, seq, timestamp, source, sent, payload, pause in packets:
        still_relay.clock.now += pause
        data = build_packet(
            payload_type=payload_type,
            marker=False,
            seq=seq,
            timestamp=timestamp,
            ssrc=(*offered, 7, 8)[source],
            extensions=build_extensions([(2, sent)]),
            payload=payload,
        )
        assert parse_packet(data).seq == seq
        publisher.on_rtp(data)
        publisher.send_urgent_feedback(still_relay.clock.now)
        publisher.send_periodic_feedback(still_relay.clock.now)
    for data in garbage:
        publisher.on_rtp(data)
        publisher.on_rtcp(data)
    stream = publisher.stream
    assert stream is not None
    stream.flush(still_relay.clock.now)
    stream.report(still_relay.clock.now)


# -- the path's rate and round trip -------------------------------------------

TRANSPORT_SEQ_ID = 3
TRANSPORT_SEQ_LINE = (
    f"a=extmap:{TRANSPORT_SEQ_ID} "
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n"
)


async def connect_numbered(relay: RunningRelay, *, most_bps: int = 0) -> RawPeer:
    """A publisher whose transport numbers its packets."""
    peer = await RawPeer.open(relay)
    offer = peer.offer().replace("a=extmap:2 ", f"{TRANSPORT_SEQ_LINE}a=extmap:2 ")
    command = accept_offer(peer, STREAM, offer)
    relay.router.handle(replace(command, max_bitrate_bps=most_bps))
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    return peer


def send_numbered(peer: RawPeer, seq: int, number: int) -> None:
    peer.send_rtp(
        build_packet(
            payload_type=100,
            marker=True,
            seq=seq,
            timestamp=seq * 3000,
            ssrc=VIDEO_SSRC,
            extensions=build_extensions([(TRANSPORT_SEQ_ID, number.to_bytes(2))]),
            payload=KEY_FRAME,
        )
    )


def feedback_of(peer: RawPeer) -> list[Feedback]:
    """The transport-wide feedback that came, undone by another SRTP session."""
    return [read(packet) for packet in peer.plain_rtcp if packet[1] == 205]


async def test_a_transports_numbers_are_told_with_their_times(
    still_relay: RunningRelay,
) -> None:
    peer = await connect_numbered(still_relay)
    viewer: RawPeer | None = None
    for seq, number in ((1, 65534), (2, 65535), (3, 1)):
        send_numbered(peer, seq, number)
        await peer.check()
        if viewer is None:
            viewer = await play_raw(still_relay, STREAM)
        still_relay.clock.now += 0.03
    feedback(still_relay, 0.1)
    await peer.until(lambda: sum(len(f.arrivals) for f in feedback_of(peer)) == 4)
    reports = feedback_of(peer)
    assert {report.media_ssrc for report in reports} == {VIDEO_SSRC}
    arrivals = [ticks for report in reports for ticks in report.arrivals]
    assert reports[0].base == 65534
    assert [ticks is None for ticks in arrivals] == [False, False, True, False]
    assert peer.rtcp_of(Remb) == []  # the sender estimates for itself
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert report.allowed_bitrate == 0
    assert viewer is not None
    assert viewer.rtp
    for packet in viewer.rtp:  # under that id viewers get our send times
        assert len(packet.extensions[SEND_ABS_SEND_TIME_ID]) == 3
        assert b"\xff\xff" not in packet.extensions.values()


async def test_the_operators_bound_is_told_beside_it(
    still_relay: RunningRelay,
) -> None:
    peer = await connect_numbered(still_relay, most_bps=700_000)
    send_numbered(peer, 1, 1)
    await peer.until(lambda: peer.rtcp_of(Remb) and feedback_of(peer))
    assert [remb.bitrate_bps for remb in peer.rtcp_of(Remb)] == [700_000]
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert report.allowed_bitrate == 700_000


async def test_what_it_was_told_is_reported(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM)
    await peer.until(lambda: peer.rtcp_of(Remb))
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    (remb,) = peer.rtcp_of(Remb)
    assert report.allowed_bitrate == pytest.approx(remb.bitrate_bps, rel=1e-4)


async def test_the_round_trip_follows_from_its_answers(
    still_relay: RunningRelay,
) -> None:
    peer = await publish_raw(still_relay, STREAM)
    await peer.until(lambda: peer.rtcp_of(ReceiverReport))
    compound = next(p for p in peer.plain_rtcp if p[1] == 201)
    question = compound[4 + 4 * int.from_bytes(compound[2:4]) :]
    assert question[1] == 207
    asked = question[14:18]  # the middle of its NTP time
    still_relay.clock.now += 0.25
    item = question[4:8] + asked + int(0.2 * 65536).to_bytes(4)
    block = b"\x05\0\0\x03" + item
    report = build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name")
    peer.send_rtcp(report + b"\x80\xcf\0\x05" + VIDEO_SSRC.to_bytes(4) + block)
    await peer.check()
    (told,) = still_relay.router.report(still_relay.clock.now).streams
    assert told.rtt_ms == 50


async def test_each_kind_is_reported(still_relay: RunningRelay) -> None:
    peer = await publish_raw(still_relay, STREAM)
    for seq in (2, 4, 5, 6, 7):
        peer.send_video(seq)
        peer.send_audio(seq)
    await peer.check()
    stream = stream_of(still_relay)
    stream.tracks["video"].request_key_frame(still_relay.clock.now)
    feedback(still_relay, 0.05)
    publisher = stream.publisher
    assert publisher is not None
    publisher.send_periodic_feedback(still_relay.clock.now)
    (told,) = still_relay.router.report(still_relay.clock.now).streams
    video, audio = told.video, told.audio
    assert (video.packets, video.frames, video.packets_lost) == (6, 6, 1)
    assert (video.nacks, video.key_frame_requests) == (1, 1)
    assert video.fraction_lost > 0
    assert video.bytes > audio.bytes > 0
    assert (audio.packets, audio.frames, audio.nacks) == (5, 5, 0)
