"""A stream: what fits it, what its viewers get at first, and its report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relay import control
from relay.negotiation import IncomingTrack
from relay.rtcp import SenderReport, build_sender_report, parse_compound
from relay.sdp import Codec
from relay.stream import Stream
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import VIDEO_SSRC, play_raw, publish_raw
from tests.relay.room_clients import join, watch
from tests.relay.test_track import AUDIO, VIDEO


def changed(track: IncomingTrack, **changes: Any) -> IncomingTrack:
    return replace(track, codec=replace(track.codec, **changes))


def test_a_publisher_with_the_same_formats_fits() -> None:
    stream = Stream("A/x", (AUDIO, VIDEO))
    assert stream.fits((VIDEO, AUDIO))
    returned = changed(VIDEO, name="vp8", payload_type=45, feedback=("nack",))
    assert stream.fits((returned, AUDIO))


@pytest.mark.parametrize(
    "incoming",
    [
        (VIDEO,),
        (AUDIO,),
        (AUDIO, changed(VIDEO, name="VP9")),
        (AUDIO, changed(VIDEO, fmtp="profile-id=2")),
        (AUDIO, changed(VIDEO, clock_rate=48000)),
    ],
)
def test_a_publisher_with_other_formats_does_not_fit(
    incoming: tuple[IncomingTrack, ...],
) -> None:
    assert not Stream("A/x", (AUDIO, VIDEO)).fits(incoming)


def test_the_id_is_what_follows_the_application() -> None:
    assert Stream("LiveApp/one/two", (AUDIO,)).stream_id == "one/two"


def test_the_longest_id_still_makes_a_report() -> None:
    stream = Stream("A/" + "\U0001f3a5" * 300, (AUDIO,))
    name = stream.tracks["audio"].outgoing.cname
    assert parse_compound(build_sender_report(1, 2, 3, 4, 5, name))


def test_a_stream_without_publisher_reports_what_it_was() -> None:
    report = Stream("A/x", (replace(VIDEO, codec=Codec("AV1", 45, 90000)),)).report(9)
    assert (report.video_codec, report.audio_codec) == ("AV1", "")
    assert (report.video_bitrate, report.received_bytes, report.viewers) == (0, 0, 0)


async def test_a_new_viewer_gets_the_last_sender_report_at_once(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, "A/x")
    publisher.send_rtcp(build_sender_report(VIDEO_SSRC, 5 << 32, 3000, 1, 1, "name"))
    await publisher.check()
    still_relay.clock.now += 1
    viewer = await play_raw(still_relay, "A/x")
    await viewer.until(lambda: viewer.rtcp_of(SenderReport))
    (report,) = viewer.rtcp_of(SenderReport)
    assert report.ntp == 6 << 32


async def test_viewers_are_counted_in_the_report(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, "A/x")
    for _ in range(3):
        await play_raw(still_relay, "A/x")
    (report,) = still_relay.router.report(still_relay.clock.now).streams
    assert report.viewers == 3
    assert still_relay.router.report(0).peers == 4


async def test_a_rooms_viewers_count_while_they_are_sent_something(
    still_relay: RunningRelay,
) -> None:
    await join(still_relay, "ann")
    await play_raw(still_relay, "LiveApp/ann")
    client = await watch(still_relay)

    def viewers() -> int:
        (report,) = still_relay.router.report(still_relay.clock.now).streams
        return report.viewers

    assert viewers() == 2
    still_relay.router.handle(
        control.SetTracks(client.peer.session, "ann", video=False, audio=False)
    )
    assert viewers() == 1
