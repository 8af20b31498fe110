"""A viewer by hand: retransmissions, key frames, and what it cannot ask for."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtpPacket as AiortcPacket
from aiortc.rtp import unwrap_rtx

from relay import control, retransmission
from relay.rtcp import (
    PictureLoss,
    build_fir,
    build_nack,
    build_pli,
    build_remb,
)
from relay.stream import Stream
from relay.viewer import Viewer
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import KEY_FRAME, RawPeer, play_raw, publish_raw

STREAM = "LiveApp/one"


def stream_of(relay: RunningRelay) -> Stream:
    return relay.router._streams[STREAM]


def viewer_of(relay: RunningRelay, peer: RawPeer) -> Viewer:
    return stream_of(relay).viewers[peer.session]


def video_ssrc(relay: RunningRelay) -> int:
    return stream_of(relay).tracks["video"].outgoing.ssrc


async def watch(
    relay: RunningRelay, *, rtx: bool = True, packets: int = 5
) -> tuple[RawPeer, RawPeer]:
    """A publisher and a viewer that got `packets` packets."""
    publisher = await publish_raw(relay, STREAM)
    viewer = await play_raw(relay, STREAM, rtx=rtx)
    for seq in range(2, packets + 2):
        publisher.send_video(seq)
    await viewer.until(lambda: len(viewer.rtp) == packets)
    await publisher.check()
    return publisher, viewer


async def test_a_nack_is_answered_by_rtx(still_relay: RunningRelay) -> None:
    _, viewer = await watch(still_relay)
    lost = viewer.plain[2]
    seq = AiortcPacket.parse(lost).sequence_number
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), [seq]))
    await viewer.until(lambda: len(viewer.rtp) == 6)
    rtx = AiortcPacket.parse(viewer.plain[-1])
    assert rtx.payload_type == 97
    assert rtx.ssrc == stream_of(still_relay).tracks["video"].outgoing.rtx_ssrc
    found = unwrap_rtx(rtx, 96, video_ssrc(still_relay))
    assert found.serialize() == AiortcPacket.parse(lost).serialize()
    assert viewer_of(still_relay, viewer).retransmitted_packets == 1


async def test_every_rtx_packet_has_a_number_of_its_own(
    still_relay: RunningRelay,
) -> None:
    _, viewer = await watch(still_relay)
    seqs = [packet.seq for packet in viewer.rtp]
    nack = build_nack(1, video_ssrc(still_relay), seqs)
    viewer.send_rtcp(nack)
    await viewer.until(lambda: len(viewer.rtp) == 10)
    still_relay.clock.now += 1
    viewer.send_rtcp(nack)
    await viewer.until(lambda: len(viewer.rtp) == 15)
    numbers = [packet.seq for packet in viewer.rtp[5:]]
    assert numbers == list(range(10))


async def test_without_rtx_a_nack_is_answered_by_the_very_same_bytes(
    still_relay: RunningRelay,
) -> None:
    _, viewer = await watch(still_relay, rtx=False)
    seqs = [packet.seq for packet in viewer.rtp]
    before = list(viewer.wire)
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), [seqs[3], seqs[1]]))
    await viewer.until(lambda: len(viewer.wire) == len(before) + 2)
    media = [data for data in before if data[1] & 0x7F == 96]
    assert viewer.wire[len(before) :] == [media[3], media[1]]


async def test_no_two_wire_packets_share_a_number_and_differ(
    still_relay: RunningRelay,
) -> None:
    publisher, viewer = await watch(still_relay, rtx=False)
    seqs = [packet.seq for packet in viewer.rtp]
    for size in (30, 29, 30):  # filled to one size in one burst
        seq = 7 + size
        publisher.send_video(seq, bytes(size))
        publisher.send_video(seq, bytes(size + 1))
    publisher.send_video(3, b"\x10\x11other bytes")
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), seqs))
    await publisher.check()
    await viewer.check()
    by_header: dict[bytes, bytes] = {}
    for data in viewer.wire:
        if data[1] & 0x7F == 96:
            assert by_header.setdefault(data[2:4], data) == data


@pytest.mark.parametrize("ssrc_of", ["unknown", "audio"])
async def test_a_nack_for_what_it_does_not_get_is_ignored(
    still_relay: RunningRelay, ssrc_of: str
) -> None:
    _, viewer = await watch(still_relay)
    audio = stream_of(still_relay).tracks["audio"].outgoing.ssrc
    ssrc = audio if ssrc_of == "audio" else 77
    viewer.send_rtcp(build_nack(1, ssrc, [packet.seq for packet in viewer.rtp]))
    await viewer.check()
    assert len(viewer.rtp) == 5


async def test_a_packet_too_old_is_not_sent_again(still_relay: RunningRelay) -> None:
    _, viewer = await watch(still_relay)
    still_relay.clock.now += 60
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), [viewer.rtp[0].seq]))
    await viewer.check()
    assert len(viewer.rtp) == 5


async def test_retransmissions_are_bounded_and_a_key_frame_helps_instead(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, viewer = await watch(still_relay)
    publisher.send_video(50, KEY_FRAME)
    await publisher.check()
    still_relay.clock.now += 0.6
    publisher.rtcp.clear()
    for seq in range(100, 160):
        publisher.send_video(seq)
    await viewer.until(lambda: len(viewer.rtp) == 5 + 1 + 60)
    seqs = [packet.seq for packet in viewer.rtp][-60:]
    monkeypatch.setattr(retransmission, "MAX_RETRANSMITS_PER_S", 50)
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), seqs))
    await viewer.check()
    assert viewer_of(still_relay, viewer).retransmitted_packets == 50
    await publisher.until(lambda: publisher.rtcp_of(PictureLoss))
    still_relay.clock.now += 5.5 / 50
    viewer.send_rtcp(build_nack(1, video_ssrc(still_relay), seqs[-20:]))
    await viewer.check()
    assert viewer_of(still_relay, viewer).retransmitted_packets == 55


@pytest.mark.parametrize("kind", ["pli", "fir"])
async def test_its_request_for_a_key_frame_goes_upstream(
    still_relay: RunningRelay, kind: str
) -> None:
    publisher, viewer = await watch(still_relay)
    publisher.send_video(50, KEY_FRAME)
    await publisher.check()
    still_relay.clock.now += 5
    publisher.rtcp.clear()
    ssrc = video_ssrc(still_relay)
    viewer.send_rtcp(build_pli(1, ssrc) if kind == "pli" else build_fir(1, ssrc, 1))
    await publisher.until(lambda: publisher.rtcp_of(PictureLoss))
    viewer.send_rtcp(build_pli(1, 77))  # nobody's
    viewer.send_rtcp(build_pli(1, stream_of(still_relay).tracks["audio"].outgoing.ssrc))
    await viewer.check()
    await publisher.check()
    assert len(publisher.rtcp_of(PictureLoss)) == 1


async def test_its_rate_estimate_is_kept(still_relay: RunningRelay) -> None:
    _, viewer = await watch(still_relay)
    viewer.send_rtcp(build_remb(1, 512_000, [video_ssrc(still_relay)]))
    await viewer.check()
    assert viewer_of(still_relay, viewer).path.estimate.remb_bps == 512_000


async def test_broken_rtcp_is_counted_and_media_goes_on(
    still_relay: RunningRelay,
) -> None:
    publisher, viewer = await watch(still_relay)
    viewer.send_rtcp(bytes.fromhex("80c9000111111111 80c90009"))
    await viewer.check()
    assert still_relay.router.malformed_packets == 1
    publisher.send_video(50)
    await viewer.until(lambda: len(viewer.rtp) == 6)


async def test_media_from_a_viewer_goes_nowhere(still_relay: RunningRelay) -> None:
    _, viewer = await watch(still_relay)
    other = await play_raw(still_relay, STREAM)
    viewer.send_video(1, KEY_FRAME)
    await viewer.check()
    await other.check()
    assert other.rtp == []


async def test_it_gets_what_it_accepted_only(still_relay: RunningRelay) -> None:
    publisher, viewer = await watch(still_relay)
    viewer_of(still_relay, viewer).set_tracks(video=False, audio=None)
    publisher.send_video(50)
    publisher.send_audio(1)
    await viewer.until(lambda: len(viewer.rtp) == 6)
    assert viewer.rtp[-1].payload_type == 111


async def test_a_paused_viewer_gets_nothing_and_resumes_without_a_gap(
    still_relay: RunningRelay,
) -> None:
    publisher, viewer = await watch(still_relay)
    set_tracks(still_relay, viewer, video=False)
    publisher.send_video(50)
    await publisher.check()
    await viewer.check()
    assert len(viewer.rtp) == 5
    still_relay.clock.now += 3
    publisher.rtcp.clear()
    set_tracks(still_relay, viewer, video=True)
    await publisher.until(lambda: publisher.rtcp_of(PictureLoss))
    publisher.send_video(51)
    publisher.send_video(52, KEY_FRAME)
    publisher.send_video(53)
    await viewer.until(lambda: len(viewer.rtp) == 7)
    seqs = [packet.seq for packet in viewer.rtp]
    assert seqs == list(range(seqs[0], seqs[0] + 7))
    assert {packet.ssrc for packet in viewer.rtp} == {video_ssrc(still_relay)}
    assert viewer.rtp[5].timestamp - viewer.rtp[4].timestamp == 46 * 3000


async def test_another_viewer_is_not_paused_with_it(still_relay: RunningRelay) -> None:
    publisher, viewer = await watch(still_relay)
    other = await play_raw(still_relay, STREAM)
    set_tracks(still_relay, viewer, video=False)
    set_tracks(still_relay, viewer, video=True)
    publisher.send_video(50, KEY_FRAME)
    await other.until(lambda: len(other.rtp) == 1)
    await viewer.until(lambda: len(viewer.rtp) == 6)
    assert other.rtp[0].payload == viewer.rtp[5].payload
    assert other.rtp[0].seq != viewer.rtp[5].seq


async def test_it_may_begin_without_a_kind(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await RawPeer.open(still_relay)
    still_relay.router.handle(
        control.CreateOffer(viewer.session, "socket", STREAM, 8000, send_video=False)
    )
    offered = await still_relay.event(control.Offered, viewer.session)
    still_relay.router.handle(
        control.AcceptAnswer(viewer.session, viewer.answer(offered.sdp))
    )
    await viewer.connect(offered.sdp)
    publisher.send_video(2, KEY_FRAME)
    publisher.send_audio(2)
    await viewer.until(lambda: viewer.rtp)
    await viewer.check()
    assert [packet.payload_type for packet in viewer.rtp] == [111]
    set_tracks(still_relay, viewer, track="", video=True)
    publisher.send_video(3)
    await viewer.until(lambda: len(viewer.rtp) == 2)


@pytest.mark.parametrize("track", ["two", "LiveApp/one", "one "])
async def test_a_track_that_is_not_viewed_is_ignored(
    still_relay: RunningRelay, track: str
) -> None:
    publisher, viewer = await watch(still_relay)
    set_tracks(still_relay, viewer, track=track, video=False)
    still_relay.router.handle(control.SetTracks("unknown", "", video=False))
    publisher.send_video(50)
    await viewer.until(lambda: len(viewer.rtp) == 6)


def set_tracks(
    relay: RunningRelay, peer: RawPeer, track: str = "one", **kinds: bool
) -> None:
    relay.router.handle(control.SetTracks(peer.session, track, **kinds))
