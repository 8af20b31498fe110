"""Messages through a relay: publishers, viewers and rooms, with aiortc as clients."""

from __future__ import annotations

import asyncio

import pytest
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcsctptransport import parse_packet

from relay import control
from relay.control import Distribution, Failure
from relay.data_sdp import MAX_MESSAGE_BYTES
from relay.peer import Peer
from tests.relay.clients import CODECS, new_peer, new_session, play, publish
from tests.relay.conftest import RunningRelay
from tests.relay.data_clients import DataClient, join_room, play_data, publish_data
from tests.relay.raw_peer import RawPeer, accept_offer

STREAM = "LiveApp/one"
ROOM = "LiveApp/room"


def server_side(relay: RunningRelay, client: DataClient) -> Peer:
    return relay.router._peers[client.session]


async def test_what_a_publisher_says_reaches_all_viewers_in_order(
    relay: RunningRelay,
) -> None:
    publisher = await publish_data(relay, STREAM)
    viewers = [await play_data(relay, STREAM) for _ in range(3)]
    said: list[str | bytes] = ["text", b"\x00binary", "", b"", bytes(MAX_MESSAGE_BYTES)]
    for message in said:
        publisher.say(message)
    for viewer in viewers:
        await viewer.hears(*said)
    assert publisher.got == []


async def test_the_frames_of_a_file_arrive_unchanged(relay: RunningRelay) -> None:
    """Header and frames as the SDK cuts them: int32 token, at most 16000 bytes."""
    publisher = await publish_data(relay, STREAM)
    viewer = await play_data(relay, STREAM)
    token = (4711).to_bytes(4, "little")
    frames = [token + (200_000).to_bytes(4, "little")]
    frames += [token + bytes([n]) * 16_000 for n in range(12)] + [token + bytes(8_000)]
    for frame in frames:
        publisher.say(frame)
    await viewer.hears(*frames)


@pytest.mark.parametrize(
    ("distribution", "to_publisher", "to_other"),
    [
        (Distribution.ALL, ["hello"], ["hello"]),
        (Distribution.PUBLISHER, ["hello"], []),
        (Distribution.NONE, [], []),
    ],
)
async def test_what_a_viewer_says_goes_where_the_distribution_lets_it(
    relay: RunningRelay,
    distribution: Distribution,
    to_publisher: list[str],
    to_other: list[str],
) -> None:
    publisher = await publish_data(relay, STREAM)
    viewer = await play_data(relay, STREAM, distribution=distribution)
    other = await play_data(relay, STREAM)
    viewer.say("hello")
    await asyncio.sleep(0.2)  # what must not come would be here
    relay.router.handle(control.SendData(STREAM, "end"))
    await publisher.hears(*to_publisher, "end")
    await other.hears(*to_other, "end")
    await viewer.hears("end")


async def test_a_page_with_a_channel_of_its_own_hears_once_and_is_heard_on_both(
    relay: RunningRelay,
) -> None:
    publisher = await publish_data(relay, STREAM)
    viewer = await play_data(relay, STREAM, own_channel=True)
    for channel in viewer.channels:
        channel.send(f"on {channel.id}")
    await publisher.until(lambda: len(publisher.got) == 2)
    assert set(publisher.got) == {"on 0", "on 1"}
    publisher.say("a")
    publisher.say("b")
    await viewer.hears("a", "b")


async def test_media_and_data_share_a_connection(relay: RunningRelay) -> None:
    publisher = await publish_data(relay, STREAM, tracks=[AudioStreamTrack()])
    viewer = await play_data(relay, STREAM)
    publisher.say("beside the sound")
    await viewer.hears("beside the sound")
    assert [r.track.kind for r in viewer.peer.getReceivers()] == ["audio"]


async def test_the_offer_has_the_streams_channel_and_no_track_for_it(
    relay: RunningRelay,
) -> None:
    await publish_data(relay, STREAM)
    session = new_session()
    relay.router.handle(control.CreateOffer(session, "socket", STREAM, 8000))
    offered = await relay.event(control.Offered, session)
    assert offered.sdp.count("m=") == 1
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel" in offered.sdp
    assert offered.id_mapping == {}
    viewer = await play_data(relay, STREAM)
    assert viewer.channels[0].label == "one"


async def test_without_data_channels_a_publisher_has_its_section_refused(
    relay: RunningRelay,
) -> None:
    peer, session = new_peer(), new_session()
    relay.on_close(peer.close)
    peer.createDataChannel("x")
    peer.addTrack(AudioStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    relay.router.handle(
        control.AcceptOffer(
            session,
            "socket",
            STREAM,
            peer.localDescription.sdp,
            CODECS,
            8000,
            5000,
            data_channels=False,
        )
    )
    answered = await relay.event(control.Answered, session)
    assert "m=application 0 " in answered.sdp
    assert "m=audio 9 " in answered.sdp


async def test_and_a_viewer_of_data_alone_finds_no_stream(relay: RunningRelay) -> None:
    await publish_data(relay, STREAM)
    session = new_session()
    relay.router.handle(
        control.CreateOffer(session, "socket", STREAM, 8000, data_channels=False)
    )
    failed = await relay.event(control.Failed, session)
    assert failed.failure is Failure.NO_STREAM


async def test_a_publisher_without_media_that_opens_no_channel_times_out(
    relay: RunningRelay,
) -> None:
    peer = await RawPeer.open(relay)
    section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n"
    command = accept_offer(peer, STREAM, peer.describe([section]), start_timeout_ms=300)
    relay.router.handle(command)
    answered = await relay.event(control.Answered, peer.session)
    await peer.connect(answered.sdp)
    closed = await relay.event(control.Closed, peer.session)
    assert closed.reason is control.CloseReason.START_TIMEOUT


async def test_clients_without_channels_play_as_before(relay: RunningRelay) -> None:
    _, publisher = await publish(relay, STREAM, [AudioStreamTrack()])
    relay.on_close(publisher.close)
    _, viewer = await play(relay, STREAM)
    relay.on_close(viewer.close)
    talkative = await play_data(relay, STREAM)
    talkative.say("to nobody but the viewer")


async def test_a_viewer_hears_the_next_publisher_too(relay: RunningRelay) -> None:
    publisher = await publish_data(relay, STREAM)
    viewer = await play_data(relay, STREAM)
    relay.router.handle(control.CloseSession(publisher.session, park=True))
    again = await publish_data(relay, STREAM)
    again.say("back")
    await viewer.hears("back")
    viewer.say("welcome")
    await again.hears("welcome")


async def test_one_that_reads_nothing_keeps_nobody_waiting(
    relay: RunningRelay,
) -> None:
    publisher = await publish_data(relay, STREAM)
    slow = await play_data(relay, STREAM)
    quick = await play_data(relay, STREAM)
    peer = server_side(relay, slow)
    peer.socket = None  # nothing reaches it any more
    said = [b"%d" % number + bytes(100_000) for number in range(30)]
    for message in said:
        publisher.say(message)
    await quick.hears(*said)
    assert peer.data is not None
    assert peer.data.lost_messages == relay.router.data.lost_messages > 15
    assert slow.got == []


async def test_garbage_in_a_channel_ends_neither_media_nor_messages(
    relay: RunningRelay,
) -> None:
    publisher = await publish_data(relay, STREAM)
    viewer = await play_data(relay, STREAM)
    dtls = publisher.peer.sctp.transport  # type: ignore[union-attr]
    for garbage in (b"x", bytes(100), b"\xff" * 1000):
        await dtls._send_data(garbage)
    publisher.say("still here")
    await viewer.hears("still here")
    assert relay.router.malformed_packets == 3


async def test_an_aborted_association_leaves_the_session(relay: RunningRelay) -> None:
    publisher = await publish_data(relay, STREAM, tracks=[AudioStreamTrack()])
    viewer = await play_data(relay, STREAM)
    assert viewer.peer.sctp is not None
    await viewer.peer.sctp.stop()
    peer = server_side(relay, viewer)
    later = await play_data(relay, STREAM)
    publisher.say("to the other")
    await later.hears("to the other")
    assert not peer.has_data
    assert not peer.closed
    assert relay.router._peers[viewer.session] is peer


async def test_the_end_of_a_session_is_an_abort_and_no_more(
    relay: RunningRelay,
) -> None:
    publisher = await publish_data(relay, STREAM)
    peer = server_side(relay, publisher)
    sent: list[bytes] = []
    assert peer.data is not None
    peer.data._association._send_now = sent.append
    relay.router.handle(control.CloseSession(publisher.session))
    assert [chunk.type for packet in sent for chunk in parse_packet(packet)[3]] == [6]


async def test_data_for_an_unknown_target_is_ignored(relay: RunningRelay) -> None:
    relay.router.handle(control.SendData("LiveApp/nobody", "x"))


async def test_a_browser_of_2017_has_channels_too(relay: RunningRelay) -> None:
    """Its form of description; what follows is the same."""

    def before_2019(sdp: str) -> str:
        sdp = sdp.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
        return sdp.replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024")

    publisher = await publish_data(relay, STREAM, rewrite=before_2019)
    viewer = await play_data(relay, STREAM)
    publisher.say("from long ago")
    await viewer.hears("from long ago")
    viewer.say("hello")
    await publisher.hears("hello")


# -- rooms --------------------------------------------------------------------


async def test_a_room_hears_its_members_once_and_nobody_itself(
    relay: RunningRelay,
) -> None:
    """a publishes and views, b publishes only, c views only."""
    publisher_a = await publish_data(relay, "LiveApp/a", room=ROOM)
    viewer_a = await join_room(relay, ROOM, own_streams=("a",))
    publisher_b = await publish_data(relay, "LiveApp/b", room=ROOM)
    viewer_c = await join_room(relay, ROOM)
    heard = {
        "a": [m for m in viewer_a.got if "event" not in str(m)],
        "c": [m for m in viewer_c.got if "event" not in str(m)],
    }
    assert heard == {"a": [], "c": []}
    publisher_a.say("from a")
    await chat(viewer_c, "from a")
    publisher_b.say("from b")
    await chat(viewer_a, "from b")
    viewer_c.say("from c")
    await chat(viewer_a, "from b", "from c")
    await chat(publisher_b, "from c")
    viewer_a.say("a again")
    await chat(viewer_c, "from a", "from b", "a again")
    await chat(publisher_b, "from c", "a again")
    relay.router.handle(control.SendData(ROOM, "to all"))
    await chat(viewer_a, "from b", "from c", "to all")
    await chat(viewer_c, "from a", "from b", "a again", "to all")
    await chat(publisher_b, "from c", "a again", "to all")
    assert publisher_a.got == []


async def chat(client: DataClient, *messages: str) -> None:
    """What members said, without the server's own events."""

    def said() -> list[object]:
        return [m for m in client.got if '"command":"event"' not in str(m)]

    await client.until(lambda: len(said()) >= len(messages))
    assert said() == list(messages)


async def test_in_a_room_too_a_viewer_may_be_kept_silent(relay: RunningRelay) -> None:
    publisher = await publish_data(relay, "LiveApp/a", room=ROOM)
    silent = await join_room(relay, ROOM, distribution=Distribution.NONE)
    shy = await join_room(relay, ROOM, distribution=Distribution.PUBLISHER)
    silent.say("to nobody")
    shy.say("to the publisher")
    await chat(publisher, "to the publisher")
    assert silent.got == shy.got == []


async def test_nobody_hears_a_participant_of_a_role_it_does_not_see(
    relay: RunningRelay,
) -> None:
    """By whichever of its two channels the participant speaks."""
    publisher = await publish_data(relay, "LiveApp/a", room=ROOM, role="staff")
    page = await join_room(relay, ROOM, own_streams=("a",))
    guest = await join_room(relay, ROOM)
    staff = await join_room(relay, ROOM, sees_roles=("default", "staff"))
    publisher.say("as publisher")
    await chat(staff, "as publisher")
    page.say("as viewer")
    await chat(staff, "as publisher", "as viewer")
    staff.say("to all")
    await chat(page, "to all")
    await chat(guest, "to all")
