"""A room's viewer: offers as participants come and go, and what it is sent."""

from __future__ import annotations

import asyncio

import pytest

from relay import control, room_viewer, router
from relay.control import CloseReason, Failure
from relay.publisher import Publisher
from relay.room import OFFERS_AT_ONCE
from relay.rtcp import (
    PictureLoss,
    SenderReport,
    build_nack,
    build_pli,
    build_sender_report,
)
from relay.seqno import seq_diff
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import KEY_FRAME, VIDEO_SSRC, RawPeer, play_raw
from tests.relay.room_clients import (
    ROOM,
    RoomClient,
    ask,
    join,
    participant_offer,
    watch,
)


def set_tracks(client: RoomClient, track: str, **kinds: bool) -> None:
    client.relay.router.handle(control.SetTracks(client.peer.session, track, **kinds))


# -- offers -------------------------------------------------------------------


async def test_an_empty_room_is_offered_with_a_data_section_alone(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    assert [media.kind for media in client.media()] == ["application"]
    assert client.offers[0].id_mapping == {}


async def test_each_participant_has_a_section_a_track_with_its_id(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann")
    await join(still_relay, "bob", video=False)
    client = await watch(still_relay)
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann", "ARDAMSabob"}
    assert "a=msid:ann ARDAMSvann\r\n" in client.offers[0].sdp
    assert "a=msid:bob ARDAMSabob\r\n" in client.offers[0].sdp
    kinds = [media.kind for media in client.media()]
    assert kinds == ["application", "video", "audio", "audio"]


async def test_a_joiner_is_told_of_and_offered_behind_the_others(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann")
    client = await watch(still_relay)
    before = client.media()
    bob = await join(still_relay, "bob")
    await client.take_offer()
    assert [m.mid for m in client.media()[: len(before)]] == [m.mid for m in before]
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann", "ARDAMSvbob", "ARDAMSabob"}
    assert client.changes == [
        control.TracksChanged(client.peer.session, "socket", ("bob",), ())
    ]
    assert client.events_of("TRACK_LIST_UPDATED") == [
        {"command": "event", "eventType": "TRACK_LIST_UPDATED", "streamId": "room"}
    ]
    bob.send_video(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSvbob"))


def origin(offered: control.Offered) -> list[str]:
    return next(line for line in offered.sdp.splitlines() if line[:2] == "o=").split()


async def test_offers_count_their_version_up_and_keep_the_transport(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    await join(still_relay, "ann")
    await client.take_offer()
    first, second = client.offers
    assert origin(first)[1] == origin(second)[1]
    assert int(origin(second)[2]) == int(origin(first)[2]) + 1
    assert {m.ice_ufrag for m in client.media(first) + client.media(second)} == {
        client.media(first)[0].ice_ufrag
    }


async def test_a_leavers_sections_become_inactive_then_free_then_anothers(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    mids = [media.mid for media in client.media()]
    still_relay.router.handle(control.CloseSession(ann.session))
    await client.take_offer()
    left = client.media()
    assert [m.mid for m in left] == mids
    assert [(m.port, m.direction) for m in left[1:]] == [(9, "inactive")] * 2
    assert "msid:" not in client.offers[-1].sdp.partition("m=video")[2]
    assert client.offers[-1].id_mapping == {}
    assert client.changes[-1].removed == ("ann",)
    await join(still_relay, "bob")
    await client.take_offer()
    assert [m.port for m in client.media()] == [9, 0, 0, 9, 9]
    cid = await join(still_relay, "cid")
    await client.take_offer()
    assert [m.port for m in client.media()] == [9] * 5
    assert not {m.mid for m in client.media()[1:3]} & set(mids)
    assert client.labels() >= {"ARDAMSvcid", "ARDAMSacid"}
    cid.send_video(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSvcid"))


async def test_without_data_channels_the_first_offer_waits_for_somebody(
    still_relay: RunningRelay,
) -> None:
    client = await ask(still_relay, data_channels=False)
    assert still_relay.drain() == []
    ann = await join(still_relay, "ann")
    offered = await client.take_offer()
    await client.peer.connect(offered.sdp)
    still_relay.router.handle(control.CloseSession(ann.session))
    await client.take_offer()
    await join(still_relay, "bob")
    await client.take_offer()
    # The first section carries the transport: it is never rejected.
    assert [m.port for m in client.media()] == [9, 0, 9, 9]
    assert client.changes[0].removed == ("ann",)


async def test_changes_during_an_offer_make_one_next_offer(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    await join(still_relay, "ann")
    offered = await client.next_offer()
    bob = await join(still_relay, "bob")
    await join(still_relay, "cid")
    still_relay.router.handle(control.CloseSession(bob.session))
    await asyncio.sleep(0)
    assert not [e for e in still_relay.drain() if isinstance(e, control.Offered)]
    client.answer(offered)
    await client.take_offer()
    assert client.changes[-1].added == ("cid",)
    assert client.changes[-1].removed == ()
    assert "ARDAMSvcid" in client.labels()
    assert "ARDAMSvbob" not in client.labels()


async def test_every_viewer_gets_one_offer_for_one_change(
    still_relay: RunningRelay,
) -> None:
    clients = [await watch(still_relay) for _ in range(2 * OFFERS_AT_ONCE + 3)]
    await join(still_relay, "ann")
    for client in clients:
        await client.take_offer()
    for client in clients:
        assert client.labels() == {"ARDAMSvann", "ARDAMSaann"}
        assert [len(client.offers), len(client.changes)] == [2, 1]
        assert client.has_heard_all


async def test_a_repeated_command_gets_the_last_offer_again(
    still_relay: RunningRelay,
) -> None:
    client = await ask(still_relay)
    first = await client.next_offer()
    client.ask()
    assert await client.next_offer() == first
    assert len(still_relay.router.rooms.get(ROOM).viewers) == 1  # type: ignore[union-attr]


async def test_who_does_not_answer_is_lost(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_viewer, "ANSWER_TIMEOUT_S", 0.05)
    client = await watch(still_relay)
    ann = await join(still_relay, "ann")
    closed = await still_relay.event(control.Closed)
    assert closed.session == client.peer.session
    assert closed.reason is CloseReason.LOST
    assert still_relay.router.peer(client.peer.session) is None
    still_relay.router.handle(control.CloseSession(ann.session))
    assert still_relay.router.rooms.get(ROOM) is None


async def test_a_first_answer_that_is_late_times_out_as_any_start(
    still_relay: RunningRelay,
) -> None:
    client = RoomClient(still_relay, await RawPeer.open(still_relay))
    command = client.command()
    object.__setattr__(command, "start_timeout_ms", 50)
    still_relay.router.handle(command)
    closed = await still_relay.event(control.Closed)
    assert closed.reason is CloseReason.START_TIMEOUT


# -- answers ------------------------------------------------------------------


async def test_a_refused_section_is_not_offered_again(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await ask(still_relay)
    offered = await client.next_offer()
    client.answer(offered, refuse=lambda media: media.kind == "video")
    await client.peer.connect(offered.sdp)
    ann.send_video(2)
    ann.send_audio(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSaann"))
    assert client.packets_of("ARDAMSvann") == []
    await join(still_relay, "bob")
    await client.take_offer()
    assert client.labels() == {"ARDAMSaann", "ARDAMSvbob", "ARDAMSabob"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sdp: "",
        lambda sdp: "nonsense",
        lambda sdp: sdp.partition("m=video")[0],
        lambda sdp: sdp.replace("m=video", "m=audio"),
        lambda sdp: sdp.replace("a=mid:1", "a=mid:77"),
        lambda sdp: sdp.replace("a=setup:active", "a=setup:passive"),
        lambda sdp: sdp + sdp[sdp.index("m=") :],
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_an_answer_that_does_not_fit_ends_the_session(
    still_relay: RunningRelay, spoil: object, is_first: bool
) -> None:
    assert callable(spoil)
    if is_first:
        await join(still_relay, "ann")
        client = await ask(still_relay)
    else:
        client = await watch(still_relay)
        await join(still_relay, "ann")
    offered = await client.next_offer()
    sdp = spoil(client.peer.answer(offered.sdp))
    still_relay.router.handle(control.AcceptAnswer(client.peer.session, sdp))
    failed = await still_relay.event(control.Failed)
    assert failed == control.Failed(
        client.peer.session, "socket", Failure.REMOTE_DESCRIPTION
    )
    assert still_relay.router.peer(client.peer.session) is None


async def test_a_repeated_answer_is_not_taken_for_the_next_one(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await ask(still_relay)
    offered = await client.next_offer()
    sdp = client.peer.answer(offered.sdp)
    repeated = control.AcceptAnswer(client.peer.session, sdp)
    still_relay.router.handle(repeated)
    still_relay.router.handle(control.CloseSession(ann.session))
    await client.next_offer()
    still_relay.router.handle(repeated)
    assert client.viewer.is_answering


async def test_an_answer_nobody_asked_for_is_ignored(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    still_relay.router.handle(control.AcceptAnswer(client.peer.session, "nonsense"))
    assert still_relay.drain() == []


# -- who is seen --------------------------------------------------------------


async def test_own_streams_and_other_roles_do_not_exist(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "me")
    await join(still_relay, "speaker", role="speaker")
    await join(still_relay, "guest", role="attendee")
    client = await watch(
        still_relay, own_streams=("me",), sees_roles=("default", "speaker")
    )
    assert client.labels() == {"ARDAMSvspeaker", "ARDAMSaspeaker"}


async def test_a_blank_role_is_the_default_one(still_relay: RunningRelay) -> None:
    await join(still_relay, "ann", role="")
    client = await watch(still_relay)
    assert "ARDAMSvann" in client.labels()


async def test_a_role_that_is_taken_away_stops_media_at_once(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    ann.send_audio(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSaann"))
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ROOM, "attendee"))
    ann.send_audio(3)
    await ann.check()
    await client.peer.check()
    assert len(client.packets_of("ARDAMSaann")) == 1
    await client.take_offer()
    assert client.labels() == set()
    assert client.changes[-1].removed == ("ann",)
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ROOM, "default"))
    await client.take_offer()
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann"}


async def test_a_live_stream_can_be_put_into_a_room_and_taken_out(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann", room="")
    client = await watch(still_relay)
    assert client.labels() == set()
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ROOM))
    await client.take_offer()
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann"}
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ""))
    await client.take_offer()
    assert client.labels() == set()
    still_relay.router.handle(control.SetRoom("LiveApp/nobody", ROOM))
    assert list(client.room.participants) == []


async def test_a_participant_exists_once_it_sends(still_relay: RunningRelay) -> None:
    client = await watch(still_relay)
    peer = await RawPeer.open(still_relay)
    still_relay.router.handle(participant_offer(peer, "ann", peer.offer()))
    answered = await still_relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    assert not [e for e in still_relay.drain() if isinstance(e, control.Offered)]
    peer.send_video(1, KEY_FRAME)
    await client.take_offer()
    assert "ARDAMSvann" in client.labels()


async def test_a_parked_participant_stays_and_returns_without_an_offer(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    ann.send_video(2, KEY_FRAME)
    await client.peer.until(lambda: client.packets_of("ARDAMSvann"))
    still_relay.router.handle(control.CloseSession(ann.session, park=True))
    again = await join(still_relay, "ann")
    again.send_video(2)
    await client.peer.until(lambda: len(client.packets_of("ARDAMSvann")) >= 3)
    numbers = [packet.seq for packet in client.packets_of("ARDAMSvann")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert client.changes == []
    assert not [e for e in still_relay.drain() if isinstance(e, control.Offered)]


async def test_a_return_with_another_codec_replaces_the_sections(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    mids = set(client.offers[-1].id_mapping)
    still_relay.router.handle(control.CloseSession(ann.session, park=True))
    await join(still_relay, "ann", codec="VP9/90000", key_frame=bytes(40))
    while client.labels() != {"ARDAMSvann", "ARDAMSaann"} or mids & set(
        client.offers[-1].id_mapping
    ):
        await client.take_offer()


async def test_two_formats_under_one_number_cannot_both_be_seen(
    still_relay: RunningRelay, caplog: pytest.LogCaptureFixture
) -> None:
    await join(still_relay, "ann", codec="VP9/90000\na=fmtp:100 profile-id=1")
    room = still_relay.router.rooms.get(ROOM)
    assert room is not None
    (number,) = (n for n, form in room._formats.items() if form.name == "VP9")
    room._formats[number] = room._formats[111]
    await join(still_relay, "bob", codec="VP9/90000\na=fmtp:100 profile-id=1")
    await join(still_relay, "cid", codec="VP9/90000\na=fmtp:100 profile-id=1")
    client = await watch(still_relay)
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann", "ARDAMSabob", "ARDAMSacid"}
    assert caplog.text.count("no payload type left") == 1


# -- what is sent -------------------------------------------------------------


async def test_viewers_of_stream_and_room_share_the_tracks_numbers(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    alone = await play_raw(still_relay, "LiveApp/ann")
    for seq in (2, 3):
        ann.send_video(seq)
    await client.peer.until(lambda: len(client.packets_of("ARDAMSvann")) == 2)
    await alone.until(lambda: len(alone.rtp) == 2)
    assert client.packets_of("ARDAMSvann") == alone.rtp


async def test_a_paused_track_resumes_on_a_key_frame_without_a_gap(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    for seq in (2, 3):
        ann.send_video(seq)
    await client.peer.until(lambda: len(client.packets_of("ARDAMSvann")) == 2)
    set_tracks(client, "ann", video=False)
    for seq in (4, 5):
        ann.send_video(seq)
    await ann.check()
    still_relay.clock.now += 5
    ann.rtcp.clear()
    set_tracks(client, "ann", video=True)
    await ann.until(lambda: ann.rtcp_of(PictureLoss))
    ann.send_video(6)
    ann.send_video(7, KEY_FRAME)
    ann.send_video(8)
    await client.peer.until(lambda: len(client.packets_of("ARDAMSvann")) == 4)
    packets = client.packets_of("ARDAMSvann")
    assert [seq_diff(p.seq, packets[0].seq) for p in packets] == [0, 1, 2, 3]
    assert [p.timestamp - packets[0].timestamp for p in packets] == [
        0,
        3000,
        15000,
        18000,
    ]
    assert packets[2].payload == KEY_FRAME


async def test_audio_and_video_are_paused_apart(still_relay: RunningRelay) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    set_tracks(client, "ann", audio=False)
    ann.send_audio(2)
    ann.send_video(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSvann"))
    set_tracks(client, "ann", audio=True, video=False)
    ann.send_audio(3)
    ann.send_video(3)
    await client.peer.until(lambda: client.packets_of("ARDAMSaann"))
    await client.peer.check()
    assert len(client.packets_of("ARDAMSvann")) == 1


@pytest.mark.parametrize(
    ("fields", "video"),
    [
        ({}, {"ann", "bob", "cid"}),
        ({"enabled": False}, set()),
        ({"tracks": ("!ann",)}, {"bob", "cid"}),
        ({"tracks": ("ann", "cid"), "enabled": False}, {"ann", "cid"}),
        ({"tracks": ("", "!", "!bob")}, {"ann", "cid"}),
    ],
)
async def test_what_is_sent_from_the_start(
    still_relay: RunningRelay, fields: dict[str, object], video: set[str]
) -> None:
    peers = {who: await join(still_relay, who, audio=False) for who in ("ann", "bob")}
    client = await watch(still_relay, **fields)
    peers["cid"] = await join(still_relay, "cid", audio=False)
    await client.take_offer()
    for peer in peers.values():
        peer.send_video(2)
        await peer.check()
    await client.peer.check()
    assert {who for who in peers if client.packets_of(f"ARDAMSv{who}")} == video


@pytest.mark.parametrize("everybody", ["", "room"])
async def test_all_tracks_can_be_set_at_once(
    still_relay: RunningRelay, everybody: str
) -> None:
    client = await watch(still_relay)
    ann = await join(still_relay, "ann")
    await client.take_offer()
    set_tracks(client, "ann", audio=True)
    set_tracks(client, everybody, audio=False)
    bob = await join(still_relay, "bob")
    await client.take_offer()
    for peer in (ann, bob):
        peer.send_audio(2)
        peer.send_video(2)
        await peer.check()
    await client.peer.check()
    assert client.packets_of("ARDAMSaann") == client.packets_of("ARDAMSabob") == []
    assert client.packets_of("ARDAMSvann")
    assert client.packets_of("ARDAMSvbob")


async def test_choices_about_strangers_are_not_kept(still_relay: RunningRelay) -> None:
    client = await watch(still_relay)
    for index in range(1000):
        set_tracks(client, f"nobody{index}", video=False)
    assert len(client.viewer._choices) == 0


async def test_a_lost_packet_is_sent_again_after_a_pause(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    ann.send_video(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSvann"))
    set_tracks(client, "ann", video=False)
    ann.send_video(3)
    await ann.check()
    set_tracks(client, "ann", video=True)
    ann.send_video(4, KEY_FRAME)
    await client.peer.until(lambda: len(client.packets_of("ARDAMSvann")) == 2)
    first, last = client.packets_of("ARDAMSvann")
    seqs = [first.seq, last.seq, (last.seq + 1) & 0xFFFF]
    known = len(client.peer.rtp)
    client.peer.send_rtcp(build_nack(1, client.ssrc_of("ARDAMSvann"), seqs))
    await client.peer.check()
    sent_again = client.peer.rtp[known:]
    assert [p.payload_type for p in sent_again] == [97, 97]
    assert [p.payload[:2] for p in sent_again] == [
        seq.to_bytes(2) for seq in (first.seq, last.seq)
    ]
    assert [p.payload[2:] for p in sent_again] == [first.payload, last.payload]


async def test_a_request_for_a_key_frame_goes_to_the_right_publisher(
    still_relay: RunningRelay,
) -> None:
    ann, bob = await join(still_relay, "ann"), await join(still_relay, "bob")
    client = await watch(still_relay)
    for peer in (ann, bob):
        peer.send_video(2, KEY_FRAME)
        await peer.check()
        peer.rtcp.clear()
    still_relay.clock.now += 5
    client.peer.send_rtcp(build_pli(1, client.ssrc_of("ARDAMSvbob")))
    await bob.until(lambda: bob.rtcp_of(PictureLoss))
    await ann.check()
    assert ann.rtcp_of(PictureLoss) == []


async def test_sender_reports_reach_the_rooms_viewers(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    ann.send_rtcp(build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name"))
    await client.peer.until(lambda: client.peer.rtcp_of(SenderReport))
    (report,) = client.peer.rtcp_of(SenderReport)
    assert report.ssrc == client.ssrc_of("ARDAMSvann")


async def test_who_moves_to_another_address_is_followed(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    viewer = client.viewer
    assert viewer.address is not None
    assert viewer.socket is not None
    other = ("127.0.0.1", viewer.address[1] + 1 if viewer.address[1] < 65535 else 1024)
    viewer.validated(viewer.socket, other, nominated=True)
    ann.send_audio(2)
    await ann.check()
    await client.peer.check()
    assert client.packets_of("ARDAMSaann") == []


async def test_a_closed_viewer_leaves_nothing_behind(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    room = client.room
    still_relay.router.handle(control.CloseSession(client.peer.session))
    assert room.viewers == {}
    stream = still_relay.router.stream("LiveApp/ann")
    assert stream is not None
    assert [len(track.receivers) for track in stream.tracks.values()] == [0, 0]
    ann.send_video(2)
    await ann.check()
    still_relay.router.handle(control.CloseSession(ann.session))
    assert still_relay.router.rooms.get(ROOM) is None


async def test_a_participant_with_nothing_but_data_is_told_without_a_section(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    peer = await RawPeer.open(still_relay)
    section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n"
    still_relay.router.handle(participant_offer(peer, "ann", peer.describe([section])))
    publisher = still_relay.router.peer(peer.session)
    assert isinstance(publisher, Publisher)
    assert len(client.changes) == 0
    publisher.on_data_open()
    changed = await still_relay.event(control.TracksChanged)
    assert changed.added == ("ann",)
    assert client.has_heard_all is False
    assert len(client.media()) == 1


async def test_a_full_relay_takes_no_viewer_of_a_room(
    still_relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "MAX_PEERS", 0)
    client = await ask(still_relay)
    failed = await still_relay.event(control.Failed)
    assert failed == control.Failed(client.peer.session, "socket", Failure.OVERLOADED)
    assert still_relay.router.rooms.get(ROOM) is None


async def test_closing_says_goodbye_to_a_rooms_viewers(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    await still_relay.router.close()
    closed = await still_relay.event(control.Closed)
    assert closed.session == client.peer.session
    assert closed.reason is CloseReason.STREAM_ENDED
    assert len(still_relay.router.rooms) == 0


# -- odd answers --------------------------------------------------------------


async def test_a_refused_data_section_is_not_offered_again(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann")
    client = await ask(still_relay)
    offered = await client.next_offer()
    client.answer(offered, refuse=lambda media: media.kind == "application")
    assert not client.viewer.is_answering
    assert client.has_heard_all
    await join(still_relay, "bob")
    await client.take_offer()
    assert not client.viewer.is_answering
    assert client.labels() == {"ARDAMSvann", "ARDAMSaann", "ARDAMSvbob", "ARDAMSabob"}


async def test_a_section_answered_inactive_gets_nothing_until_it_is_taken(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    await join(still_relay, "bob", video=False)
    offered = await client.next_offer()
    sdp = client.peer.answer(offered.sdp)
    video = sdp.index("m=video")
    sdp = sdp[:video] + sdp[video:].replace("a=recvonly", "a=inactive", 1)
    still_relay.router.handle(control.AcceptAnswer(client.peer.session, sdp))
    ann.send_video(2, KEY_FRAME)
    await ann.check()
    await client.peer.check()
    assert client.packets_of("ARDAMSvann") == []
    await join(still_relay, "cid", video=False)
    await client.take_offer()
    ann.send_video(3, KEY_FRAME)
    await client.peer.until(lambda: client.packets_of("ARDAMSvann"))


# -- who is hidden and seen again ---------------------------------------------


@pytest.mark.parametrize("offers_between", [0, 1, 2])
async def test_who_is_seen_again_has_the_same_section(
    still_relay: RunningRelay, offers_between: int
) -> None:
    await join(still_relay, "ann")
    client = await watch(still_relay)
    before = client.offers[-1].id_mapping
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ROOM, "attendee"))
    await client.take_offer()
    for index in range(offers_between):
        await join(still_relay, f"p{index}", video=False)
        await client.take_offer()
        assert all(media.port for media in client.media())
    still_relay.router.handle(control.SetRoom("LiveApp/ann", ROOM, "default"))
    await client.take_offer()
    mids = [media.mid for media in client.media()]
    assert len(set(mids)) == len(mids)
    assert client.offers[-1].id_mapping.items() >= before.items()


async def test_who_is_seen_again_continues_its_numbers(
    still_relay: RunningRelay,
) -> None:
    ann = await join(still_relay, "ann")
    client = await watch(still_relay)
    ann.send_audio(2)
    await client.peer.until(lambda: client.packets_of("ARDAMSaann"))
    ssrc = client.ssrc_of("ARDAMSaann")
    for room in ("", ROOM):
        still_relay.router.handle(control.SetRoom("LiveApp/ann", room))
        await client.take_offer()
        for seq in range(3, 8):
            ann.send_audio(seq + (5 if room else 0))
        await ann.check()
    assert client.ssrc_of("ARDAMSaann") == ssrc
    await client.peer.until(lambda: len(client.packets_of("ARDAMSaann")) == 6)
    packets = client.packets_of("ARDAMSaann")
    assert [seq_diff(p.seq, packets[0].seq) for p in packets] == list(range(6))


async def test_of_who_has_gone_for_good_nothing_is_kept(
    still_relay: RunningRelay,
) -> None:
    client = await watch(still_relay)
    for _ in range(3):
        ann = await join(still_relay, "ann")
        await client.take_offer()
        ann.send_audio(2)
        await client.peer.until(lambda: client.packets_of("ARDAMSaann"))
        still_relay.router.handle(control.CloseSession(ann.session))
        await client.take_offer()
    assert client.viewer.lanes_by_ssrc == {}
    assert client.viewer._carried == {}
