"""A room's viewer with fixed slots: what they show, and how they switch."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from relay import control, fast_start, room
from relay.packet import build_extensions, build_packet
from relay.rtcp import (
    PictureLoss,
    SenderReport,
    build_nack,
    build_pli,
    build_sender_report,
)
from relay.seqno import seq_diff
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import AUDIO_SSRC, KEY_FRAME, VIDEO_SSRC, RawPeer
from tests.relay.room_clients import RoomClient, ask, join, watch

LEVEL_ID = 7  # in RawPeer's offer
SPOKEN = count(2)  # sequence numbers of what is said
VIDEO_0, VIDEO_1 = "ARDAMSvvideoTrack0", "ARDAMSvvideoTrack1"
AUDIO_0 = "ARDAMSaaudioTrack0"


@pytest.fixture(autouse=True)
def no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are taken by the tests alone."""
    monkeypatch.setattr(room, "STEP_S", 3600)


@pytest.fixture(autouse=True)
def no_recent_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots wait for key frames here; relay.fast_start has tests of its own."""
    monkeypatch.setattr(fast_start, "MAX_BYTES", -1)


async def watch_slots(
    relay: RunningRelay, video: int = 1, audio: int = 1, **fields: object
) -> RoomClient:
    return await watch(relay, max_video_tracks=video, max_audio_tracks=audio, **fields)


async def speak(
    client: RoomClient, peer: RawPeer, level: int = 20, steps: int = 6
) -> None:
    """Loud audio from `peer` for some steps of the room."""
    for _ in range(steps):
        seq = next(SPOKEN)
        peer.send_rtp(
            build_packet(
                payload_type=109,
                marker=False,
                seq=seq,
                timestamp=seq * 960,
                ssrc=AUDIO_SSRC,
                extensions=build_extensions([(LEVEL_ID, bytes((level,)))]),
                payload=b"loud",
            )
        )
        await peer.check()
        client.room.step()


def shown(client: RoomClient, kind: str = "video") -> tuple[str, ...]:
    return client.viewer.stage.slots[kind].content


async def until_shown(client: RoomClient, label: str, count: int) -> None:
    await client.peer.until(lambda: len(client.packets_of(label)) >= count)


async def test_slots_are_offered_once_whoever_comes_and_goes(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay, 2, 1)
    assert client.labels() == {VIDEO_0, VIDEO_1, AUDIO_0}
    assert [m.kind for m in client.media()] == [
        "application",
        "video",
        "video",
        "audio",
    ]
    ann = await join(still_relay, "ann")
    still_relay.router.handle(control.CloseSession(ann.session))
    await client.peer.check()
    events = still_relay.drain()
    assert not [e for e in events if isinstance(e, control.Offered)]
    assert [
        (e.added, e.removed) for e in events if isinstance(e, control.TracksChanged)
    ] == [(("ann",), ()), ((), ("ann",))]


async def test_each_slot_offers_every_codec_of_the_application(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay, 1, 1, video_codecs=("VP8", "H264"))
    video = next(m for m in client.media() if m.kind == "video")
    assert {c.name for c in video.codecs} == {"VP8", "H264", "rtx"}


async def test_a_slot_starts_on_a_key_frame_under_its_own_ssrc(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann = await join(still_relay, "ann")
    await ann.until(lambda: ann.rtcp_of(PictureLoss))
    assert shown(client) == ("ann",)
    ann.send_video(2)
    ann.send_video(3, KEY_FRAME)
    ann.send_video(4)
    await until_shown(client, VIDEO_0, 2)
    packets = client.packets_of(VIDEO_0)
    assert packets[0].payload == KEY_FRAME
    assert seq_diff(packets[1].seq, packets[0].seq) == 1
    stream = still_relay.router.stream("LiveApp/ann")
    assert stream is not None
    assert packets[0].ssrc != stream.tracks["video"].outgoing.ssrc


async def test_a_switch_goes_on_with_the_slots_numbers(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    ann.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)
    still_relay.clock.now += 2
    await speak(client, bob)
    assert shown(client) == ("bob",)
    ann.send_video(3, KEY_FRAME)
    bob.send_video(2, KEY_FRAME)
    bob.send_video(3)
    await until_shown(client, VIDEO_0, 3)
    first, second, third = client.packets_of(VIDEO_0)
    assert [seq_diff(p.seq, first.seq) for p in (second, third)] == [1, 2]
    assert second.timestamp - first.timestamp == 2 * 90000
    assert third.timestamp - second.timestamp == 3000
    assert client.events_of("VIDEO_TRACK_ASSIGNMENT_LIST")[-1]["payload"] == [
        {"videoLabel": "videoTrack0", "trackId": "bob", "reserved": False}
    ]


async def test_a_packet_from_before_the_switch_is_still_sent_again(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    ann.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)
    await speak(client, bob)
    bob.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 2)
    sent = client.packets_of(VIDEO_0)
    known = len(client.peer.rtp)
    seqs = [packet.seq for packet in sent]
    client.peer.send_rtcp(build_nack(1, client.ssrc_of(VIDEO_0), seqs))
    await client.peer.until(lambda: len(client.peer.rtp) == known + 2)
    again = client.peer.rtp[known:]
    assert [p.payload for p in again] == [p.seq.to_bytes(2) + p.payload for p in sent]
    assert [p.timestamp for p in again] == [p.timestamp for p in sent]
    video = next(m for m in client.media() if m.kind == "video")
    assert {p.ssrc for p in again} == {video.ssrcs[1]}


async def test_a_slots_key_frame_request_goes_to_who_is_shown(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    for peer in (ann, bob):
        peer.send_video(2, KEY_FRAME)
        await peer.check()
        peer.rtcp.clear()
    still_relay.clock.now += 5
    client.peer.send_rtcp(build_pli(1, client.ssrc_of(VIDEO_0)))
    await ann.until(lambda: ann.rtcp_of(PictureLoss))
    await bob.check()
    assert bob.rtcp_of(PictureLoss) == []


async def test_a_slots_sender_report_has_its_ssrc(still_relay: RunningRelay) -> None:
    client = await watch_slots(still_relay)
    ann = await join(still_relay, "ann")
    ann.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)
    ann.send_rtcp(build_sender_report(VIDEO_SSRC, 5 << 32, 6000, 9, 99, "name"))
    await client.peer.until(lambda: client.peer.rtcp_of(SenderReport))
    (report,) = client.peer.rtcp_of(SenderReport)
    (packet,) = client.packets_of(VIDEO_0)
    assert report.ssrc == client.ssrc_of(VIDEO_0)
    assert report.rtp_timestamp == packet.timestamp
    assert report.packet_count == 1


async def test_the_loudest_are_heard_and_told(still_relay: RunningRelay) -> None:
    client = await watch_slots(still_relay)
    await join(still_relay, "ann")
    bob = await join(still_relay, "bob")
    assert shown(client, "audio") == ("ann",)
    await speak(client, bob)
    assert shown(client, "audio") == ("bob",)
    bob.send_audio(30000, b"words")
    await client.peer.until(
        lambda: [p for p in client.packets_of(AUDIO_0) if p.payload == b"words"]
    )
    (told,) = client.events_of("AUDIO_TRACK_ASSIGNMENT")[-1]["payload"]
    assert (told["audioLabel"], told["trackId"]) == ("audioTrack0", "bob")
    assert told["audioLevel"] < 60


async def test_a_pinned_participant_stays(still_relay: RunningRelay) -> None:
    client = await watch_slots(still_relay, 2, 0)
    peers = {who: await join(still_relay, who) for who in ("ann", "bob", "cid")}
    session = client.peer.session
    pin = control.AssignVideoTrack(session, "videoTrack1", "cid", True)
    still_relay.router.handle(pin)
    assert shown(client) == ("ann", "cid")
    assert client.events_of("VIDEO_TRACK_ASSIGNMENT_LIST")[-1]["payload"] == [
        {"videoLabel": "videoTrack0", "trackId": "ann", "reserved": False},
        {"videoLabel": "videoTrack1", "trackId": "cid", "reserved": True},
    ]
    await speak(client, peers["bob"])
    assert shown(client) == ("bob", "cid")
    still_relay.router.handle(control.CloseSession(peers["cid"].session))
    await client.peer.check()
    assert shown(client) == ("bob", "ann")
    await join(still_relay, "cid")
    await client.peer.check()
    assert shown(client) == ("bob", "cid")
    still_relay.router.handle(
        control.AssignVideoTrack(session, "videoTrack1", "cid", False)
    )
    await speak(client, peers["ann"])
    assert "ann" in shown(client)


async def test_pages_and_limits(still_relay: RunningRelay) -> None:
    client = await watch_slots(still_relay, 2, 0)
    for who in ("ann", "bob", "cid"):
        await join(still_relay, who)
    session, handle = client.peer.session, still_relay.router.handle
    handle(control.PageVideoTracks(session, 2, 2))
    assert shown(client) == ("cid", "")
    handle(control.PageVideoTracks(session, 0, 0))
    assert shown(client) == ("cid", "ann")
    handle(control.LimitVideoTracks(session, 1))
    assert shown(client) == ("cid", "")
    handle(control.LimitVideoTracks(session, -1))
    assert set(shown(client)) == {"cid", "ann"}
    before = len(client.events)
    handle(control.TellAssignments(session))
    assert [event["eventType"] for event in client.events[before:]] == [
        "VIDEO_TRACK_ASSIGNMENT_LIST",
        "AUDIO_TRACK_ASSIGNMENT",
    ]


@pytest.mark.parametrize(
    "command",
    [
        control.AssignVideoTrack("", "videoTrack7", "ann", True),
        control.AssignVideoTrack("", "videoTrack-1", "ann", True),
        control.AssignVideoTrack("", "audioTrack0", "ann", True),
        control.AssignVideoTrack("", "videoTrack0", "nobody", True),
        control.AssignVideoTrack("", "videoTrack0", "bob", False),
        control.PageVideoTracks("", -5, -5),
        control.LimitVideoTracks("", 1 << 40),
        control.SetTracks("", "nobody", video=False),
    ],
)
async def test_wishes_that_mean_nothing_change_nothing(
    still_relay: RunningRelay, command: control.Command
) -> None:
    client = await watch_slots(still_relay, 1, 0)
    await join(still_relay, "ann")
    await join(still_relay, "bob")
    object.__setattr__(command, "session", client.peer.session)
    still_relay.router.handle(command)
    assert shown(client) == ("ann",)
    object.__setattr__(command, "session", "unknown")
    still_relay.router.handle(command)


async def test_who_is_muted_for_this_viewer_gets_no_slot(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay, 1, 1)
    await join(still_relay, "ann")
    await join(still_relay, "bob")
    session = client.peer.session
    still_relay.router.handle(control.SetTracks(session, "ann", video=False))
    assert (shown(client), shown(client, "audio")) == (("bob",), ("ann",))
    still_relay.router.handle(control.SetTracks(session, "", video=False))
    assert shown(client) == ("",)


async def test_a_codec_the_viewer_did_not_take_gets_no_slot(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann", codec="VP9/90000", key_frame=bytes(40))
    await join(still_relay, "bob")
    client = await watch_slots(still_relay, 2, 0, video_codecs=("VP8",))
    assert shown(client) == ("bob", "")


async def test_slots_that_the_answer_refuses_carry_nothing(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await ask(still_relay, max_video_tracks=1, max_audio_tracks=1)
    offered = await client.next_offer()
    client.answer(offered, refuse=lambda media: media.kind == "video")
    await client.peer.connect(offered.sdp)
    await still_relay.event(control.Started, client.peer.session)
    assert (shown(client), shown(client, "audio")) == (("",), ("ann",))
    ann.send_video(2, KEY_FRAME)
    ann.send_audio(2)
    await client.peer.until(lambda: client.packets_of(AUDIO_0))
    assert client.packets_of(VIDEO_0) == []


async def test_one_kind_can_have_slots_and_the_other_a_section_each(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann")
    client = await watch(still_relay, max_audio_tracks=1)
    assert client.labels() == {"ARDAMSvann", AUDIO_0}
    await join(still_relay, "bob")
    await client.take_offer()
    assert client.labels() == {"ARDAMSvann", "ARDAMSvbob", AUDIO_0}


async def test_a_leaver_in_a_slot_is_replaced_and_sends_nothing_more(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay, 1, 0)
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ""))
    ann.send_video(2, KEY_FRAME)
    await ann.check()
    assert client.packets_of(VIDEO_0) == []
    assert shown(client) == ("bob",)
    bob.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)


# -- levels -------------------------------------------------------------------


async def test_levels_are_told_while_there_is_something_to_hear(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay, audio_levels=True)
    ann = await join(still_relay, "ann")
    await client.take_offer()
    client.room.step()
    assert client.events_of("UPDATE_AUDIO_LEVEL") == []
    await speak(client, ann, level=33, steps=30)
    loud = client.events_of("UPDATE_AUDIO_LEVEL")[-1]
    assert (loud["streamId"], loud["audioLevel"]) == ("ann", 33)
    for _ in range(20):
        client.room.step()
    told = client.events_of("UPDATE_AUDIO_LEVEL")
    assert told[-1]["audioLevel"] == 127
    client.room.step()
    assert client.events_of("UPDATE_AUDIO_LEVEL") == told


async def test_levels_are_not_told_unless_asked_for(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann = await join(still_relay, "ann")
    await speak(client, ann)
    assert client.events_of("UPDATE_AUDIO_LEVEL") == []


async def test_the_steps_go_on_while_somebody_wants_them(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP_S", 0.01)
    client = await watch_slots(still_relay)
    steps, enough = count(), asyncio.Event()
    monkeypatch.setattr(
        client.room, "step", lambda: enough.set() if next(steps) > 3 else None
    )
    await asyncio.wait_for(enough.wait(), 10)
    found = client.room
    still_relay.router.handle(control.CloseSession(client.peer.session))
    assert found._stepping is None or found._stepping.cancelled()


# -- one slot paused, or refused ----------------------------------------------


async def test_a_muted_slot_gets_nothing_whoever_it_shows(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    session = client.peer.session
    still_relay.router.handle(control.SetTracks(session, "videoTrack0", video=False))
    still_relay.router.handle(control.SetTracks(session, "videoTrack0", audio=False))
    ann.send_video(2, KEY_FRAME)
    await ann.check()
    await speak(client, bob)
    assert shown(client) == ("bob",)
    bob.send_video(2, KEY_FRAME)
    await bob.check()
    await client.peer.check()
    assert client.packets_of(VIDEO_0) == []
    assert client.packets_of(AUDIO_0)
    still_relay.router.handle(control.SetTracks(session, "videoTrack0", video=True))
    bob.send_video(3, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)


async def test_all_tracks_on_again_unmutes_the_slots(
    still_relay: RunningRelay,
) -> None:
    client = await watch_slots(still_relay)
    ann = await join(still_relay, "ann")
    for track, video in (("videoTrack0", False), ("", True)):
        still_relay.router.handle(
            control.SetTracks(client.peer.session, track, video=video)
        )
    ann.send_video(2, KEY_FRAME)
    await until_shown(client, VIDEO_0, 1)


async def test_refused_slots_are_not_offered_again(still_relay: RunningRelay) -> None:
    client = await ask(still_relay, max_video_tracks=2, max_audio_tracks=1)
    offered = await client.next_offer()
    client.answer(offered, refuse=lambda media: media.kind == "video")
    assert not client.viewer.is_answering
    assert client.has_heard_all
