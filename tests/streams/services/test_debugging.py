from __future__ import annotations

from streams import services
from streams.models import Broadcast
from streams.services import SocketInfo
from tests.streams.conftest import Play, Publish, TurnableClock, at_most


def test_it_tells_when_sessions_began(
    live: Publish,
    play: Play,
    alice: SocketInfo,
    bob: SocketInfo,
    clock: TurnableClock,
) -> None:
    publisher = live(alice).session
    clock.turn(seconds=5)
    viewer = play(bob).session

    with at_most(1):
        found = services.session_times([publisher, viewer, "gone"])

    assert found.keys() == {publisher, viewer}
    assert found[publisher].started_at is not None
    assert found[viewer].created_at == clock()
    assert found[viewer].started_at is None


def test_it_tells_what_was_measured(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, clock: TurnableClock
) -> None:
    live(alice)
    live(alice, "part")
    Broadcast.objects.filter(stream_id="part").update(main_track_stream_id="cam")
    services.mark_started(play(bob).session, clock)
    Broadcast.objects.filter(stream_id="cam").update(
        width=640, height=360, video_bitrate=9, video_codec="VP8", packets_lost=3
    )

    with at_most(2):
        found = services.stream_measures("LiveApp", "cam")

    assert found is not None
    assert (found.width, found.height, found.video_codec) == (640, 360, "VP8")
    assert (found.video_bitrate, found.packets_lost) == (9, 3)
    assert (found.viewers, found.participants) == (1, 1)


def test_an_unknown_stream_has_no_measures(live: Publish, alice: SocketInfo) -> None:
    live(alice)

    assert services.stream_measures("LiveApp", "unknown") is None
    assert services.stream_measures("WebRTCAppEE", "cam") is None
