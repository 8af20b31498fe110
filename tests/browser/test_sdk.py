"""The unmodified Ant Media SDKs in a real Chromium."""

from __future__ import annotations

import os
import signal

import pytest

from tests.browser.sdk import SdkBrowser, playing, publishing
from tests.server_process import ServerProcess

VERSIONS = ["2.16.2", "2.9.0", "2.4.2"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_browser_publishes_and_another_plays(
    sdk: SdkBrowser, server: ServerProcess, version: str
) -> None:
    stream = f"browser-{version}"
    publisher = await sdk.open(server, version)
    await publisher.start()
    await publisher.publish(stream)
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server, version)
    await viewer.start(play_only=True)
    await viewer.play(stream)
    await viewer.wait_for_call("play_started")
    await viewer.wait_for_frames(30)
    assert await viewer.page.evaluate("window.failures") == []
    assert await publisher.page.evaluate("window.failures") == []


async def test_a_viewer_loses_nothing_and_never_freezes(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    await publishing(sdk, server, "steady")
    viewer = await playing(sdk, server, "steady")
    await viewer.wait_for_frames(100)
    video = await viewer.inbound_video("steady")
    assert video["packetsLost"] == 0
    assert video["freezeCount"] == 0
    assert video["trackIdentifier"] == "ARDAMSvsteady"


async def test_audio_and_video_play_in_one_stream(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    await publishing(sdk, server, "both")
    viewer = await playing(sdk, server, "both")
    await viewer.wait_for_frames(5)
    kinds = await viewer.page.evaluate(
        """() => document.getElementById("remoteVideo").srcObject
                 .getTracks().map((track) => track.kind).sort()"""
    )
    assert kinds == ["audio", "video"]


async def test_connected_viewers_see_a_publisher_that_comes_back(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "return")
    viewer = await playing(sdk, server, "return")
    await viewer.wait_for_frames(10)
    await publisher.close()
    again = await sdk.open(server)
    await again.start()
    await again.publish("return")
    await again.wait_for_call("session_restored")
    await viewer.wait_for_frames(20)
    # The same peer connection, without an offer and without an event.
    calls = await viewer.page.evaluate("window.calls.map((call) => call.info)")
    assert calls.count("play_started") == 1
    assert not {"play_finished", "reconnection_attempt_for_player"} & set(calls)


async def test_a_stop_reaches_the_viewers(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "stopped")
    viewer = await playing(sdk, server, "stopped")
    await publisher.page.evaluate("window.adaptor.stop('stopped')")
    await publisher.wait_for_call("publish_finished")
    await viewer.wait_for_call("play_finished")


async def test_a_viewer_who_came_too_early_plays_by_its_own_retry(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    viewer = await sdk.open(server)
    await viewer.start(play_only=True)
    await viewer.play("late")
    await viewer.wait_for_failure("no_stream_exist")
    await publishing(sdk, server, "late")
    await viewer.wait_for_frames(5)


async def test_all_play_again_after_the_relay_was_killed(
    sdk: SdkBrowser, own_server: ServerProcess
) -> None:
    publisher = await publishing(sdk, own_server, "killed")
    viewer = await playing(sdk, own_server, "killed")
    await viewer.wait_for_frames(10)
    await publisher.page.evaluate("window.calls = []")
    relay = own_server.relay_pid()
    assert relay is not None
    os.kill(relay, signal.SIGKILL)
    await publisher.wait_for_call("publish_started")
    await viewer.wait_for_frames(30)


async def test_a_page_publishes_and_plays_several_streams_on_one_socket(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    await publishing(sdk, server, "first")
    await publishing(sdk, server, "second")
    viewer = await sdk.open(server)
    await viewer.start(play_only=True)
    await viewer.play("first")
    await viewer.wait_for_call("play_started")
    await viewer.play("second")
    await viewer.page.wait_for_function(
        """() => ["first", "second"].every((id) =>
             window.adaptor.remotePeerConnection[id]?.iceConnectionState
               === "connected")"""
    )
    assert (await viewer.inbound_video("second"))["kind"] == "video"
