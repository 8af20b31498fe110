"""Firefox publishes and plays with the unmodified SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.firefox.sdk import Opens, SdkPages
from tests.server_process import ROOT, ServerProcess

# Firefox brings no H264 for WebRTC of its own: it downloads that.
CODECS = ["VP9", "AV1"]
CREATE = """
from streams.models import Application
for codec in {codecs}:
    flags = {{f"{{name}}_enabled": name == codec.lower()
             for name in ("vp8", "h264", "vp9", "av1")}}
    Application.objects.create(name=f"Only{{codec}}", **flags)
"""
# The codec of the only video that comes in, as "video/VP8".
READ_CODEC = """async (id) => {
  const rows = await window.adaptor.remotePeerConnection[id].getStats();
  const video = [...rows.values()].find(
    (row) => row.type === "inbound-rtp" && row.kind === "video");
  return rows.get(video.codecId).mimeType;
}"""
# Whether the page shows what comes in at the size that the other page sends.
HAS_SIZE = """(width, height) => {
  const video = document.getElementById("remoteVideo");
  return video.videoWidth === width && video.videoHeight === height;
}"""
READ_SIZE = """() => {
  const {width, height} = window.adaptor.mediaManager.localStream
    .getVideoTracks()[0].getSettings();
  return [width, height];
}"""


@pytest.fixture(scope="module")
def one_codec_each(server: ServerProcess) -> None:
    """An application a codec, as an operator makes them while the server runs."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", CREATE.format(codecs=CODECS)],
        cwd=ROOT,
        env=server.environment,
        check=True,
        capture_output=True,
    )


def test_it_publishes_and_plays(
    publishing: Opens,
    playing: Opens,
    sdk: SdkPages,
    server: ServerProcess,
    stream_id: str,
) -> None:
    publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id, frames=40, packets=40)

    assert viewer.inbound(stream_id, "video")["packetsLost"] == 0
    assert viewer.inbound(stream_id, "audio")["packetsLost"] == 0
    (row,) = server.rows(
        "SELECT status FROM streams_broadcast WHERE stream_id = ?", stream_id
    )
    assert row["status"] == "broadcasting"
    assert sdk.failures() == []
    assert sdk.firefox.complaints() == []


def test_both_kinds_play_in_one_stream(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id)
    kinds = viewer.page.evaluate(
        """() => document.getElementById("remoteVideo").srcObject
                 .getTracks().map((track) => track.kind).sort()"""
    )
    assert kinds == ["audio", "video"]
    viewer.page.wait_for(HAS_SIZE, *publisher.page.evaluate(READ_SIZE))


def test_a_page_without_a_player_learns_which_track_is_whose(
    publishing: Opens, sdk: SdkPages, stream_id: str
) -> None:
    publishing(stream_id)
    viewer = sdk.open()
    viewer.start(play_only=True, remoteVideoId=None)
    viewer.call("play", stream_id)
    viewer.wait_for_media(stream_id)
    # Firefox gives tracks ids of its own: only the offer's idMapping can tell.
    tracks = viewer.page.evaluate(
        """() => window.calls.filter((call) => call.info === "newTrackAvailable")
                 .map((call) => call.obj.trackId).sort()"""
    )
    assert tracks == [f"ARDAMSa{stream_id}", f"ARDAMSv{stream_id}"]


@pytest.mark.usefixtures("one_codec_each")
@pytest.mark.parametrize("codec", CODECS)
def test_it_publishes_and_plays_in(
    publishing: Opens, playing: Opens, stream_id: str, codec: str
) -> None:
    publishing(stream_id, f"Only{codec}")
    viewer = playing(stream_id, f"Only{codec}")
    viewer.wait_for_media(stream_id)
    assert viewer.page.evaluate(READ_CODEC, stream_id) == f"video/{codec}"
    assert viewer.inbound(stream_id, "video")["packetsLost"] == 0


def test_a_muted_microphone_and_a_closed_camera_come_back(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id)
    publisher.call("muteLocalMic")
    publisher.call("turnOffLocalCamera", stream_id)
    viewer.wait_for_media(stream_id, frames=0)  # silence is sound too
    publisher.call("unmuteLocalMic")
    publisher.call("turnOnLocalCamera", stream_id)
    viewer.wait_for_media(stream_id, frames=30)
    assert viewer.inbound(stream_id, "video")["packetsLost"] == 0


def test_connected_viewers_see_a_publisher_that_comes_back(
    publishing: Opens, playing: Opens, sdk: SdkPages, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id)
    publisher.close()
    again = sdk.open()
    again.start()
    again.call("publish", stream_id)
    again.wait_for_call("session_restored")
    viewer.wait_for_media(stream_id)
    # The same peer connection, without an offer and without an event.
    calls = viewer.calls()
    assert calls.count("play_started") == 1
    assert not {"play_finished", "reconnection_attempt_for_player"} & set(calls)


def test_a_stop_reaches_the_viewers(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publisher = publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id, packets=0, frames=1)
    publisher.call("stop", stream_id)
    publisher.wait_for_call("publish_finished")
    viewer.wait_for_call("play_finished")


def test_a_viewer_leaves_and_comes_back(
    publishing: Opens, playing: Opens, stream_id: str
) -> None:
    publishing(stream_id)
    viewer = playing(stream_id)
    viewer.wait_for_media(stream_id)
    viewer.call("stop", stream_id)
    viewer.wait_for_call("play_finished")
    viewer.call("play", stream_id)
    viewer.wait_for_media(stream_id)
    assert viewer.failures() == []
