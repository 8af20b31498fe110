"""Data channels between real Chromium pages with the unmodified SDK 2.16.2."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.rows import add_api_key, add_application
from tests.server_process import ServerProcess

FILE_BYTES = 200_000


async def opened(page: SdkPage) -> None:
    await page.wait_for_call("data_channel_opened")


async def publishing(
    sdk: SdkBrowser,
    server: ServerProcess,
    stream: str,
    application: str = "LiveApp",
    **options: Any,
) -> SdkPage:
    page = await sdk.open(server, application=application)
    await page.start(**options)
    await page.publish(stream)
    await page.wait_for_call("publish_started")
    await opened(page)
    return page


async def playing(
    sdk: SdkBrowser,
    server: ServerProcess,
    stream: str,
    application: str = "LiveApp",
    *,
    as_object: bool = False,
) -> SdkPage:
    """Plays with a channel open: the server's, or its own that comes first."""
    page = await sdk.open(server, application=application)
    await page.start(play_only=True)
    await page.play({"streamId": stream} if as_object else stream)  # type: ignore[arg-type]
    await page.wait_for_call("play_started")
    await opened(page)
    return page


async def say(page: SdkPage, stream: str, text: str) -> None:
    await page.page.evaluate(
        "([stream, text]) => window.adaptor.sendData(stream, text)", [stream, text]
    )


async def received(page: SdkPage) -> list[Any]:
    found: list[Any] = await page.page.evaluate(
        """window.calls.filter((call) => call.info === "data_received")
                 .map((call) => call.obj.data)"""
    )
    return found


async def hears(page: SdkPage, *texts: str) -> None:
    """`texts`, and nothing else, have come."""
    await page.page.wait_for_function(
        """count => window.calls.filter(
                      (call) => call.info === "data_received").length >= count""",
        arg=len(texts),
    )
    assert await received(page) == list(texts)


def send_by_rest(
    server: ServerProcess, application: str, stream: str, text: str
) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310  http
        f"{server.url}/{application}/rest/v2/broadcasts/{stream}/data",
        data=text.encode(),
        method="POST",
        headers={"Authorization": add_api_key(server), "Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  http
        result: dict[str, Any] = json.load(answer)
    return result


async def test_a_publisher_and_its_viewers_talk(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "talk")
    viewer = await playing(sdk, server, "talk")
    other = await playing(sdk, server, "talk")
    await say(publisher, "talk", "from the publisher")
    await hears(viewer, "from the publisher")
    await hears(other, "from the publisher")
    await say(viewer, "talk", "from a viewer")
    await hears(publisher, "from a viewer")
    await hears(other, "from the publisher", "from a viewer")
    assert await received(viewer) == ["from the publisher"]
    await viewer.wait_for_frames(10)
    assert (await viewer.inbound_video("talk"))["packetsLost"] == 0
    assert await viewer.page.evaluate("window.failures") == []


async def test_a_file_arrives_as_it_was_sent(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "file")
    viewer = await playing(sdk, server, "file")
    await viewer.page.evaluate(
        """() => {
          const before = window.adaptor.notifyEventListeners.bind(window.adaptor);
          window.adaptor.notifyEventListeners = (info, obj) => {
            if (info === "data_received") {
              const bytes = new Uint8Array(obj.data);
              window.file = {length: bytes.length,
                             good: bytes.every((byte, i) => byte === i % 251)};
            }
            before(info, obj);
          };
        }"""
    )
    await publisher.page.evaluate(
        """size => window.adaptor.sendData(
                     "file", Uint8Array.from({length: size}, (_, i) => i % 251))""",
        FILE_BYTES,
    )
    await viewer.page.wait_for_function("window.file !== undefined")
    file = await viewer.page.evaluate("window.file")
    assert file == {"length": FILE_BYTES, "good": True}


async def test_a_page_that_plays_by_object_has_two_channels_and_hears_once(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "object")
    viewer = await playing(sdk, server, "object", as_object=True)
    await viewer.page.wait_for_function(
        """() => window.calls.filter(
                   (call) => call.info === "data_channel_opened").length === 2"""
    )
    await say(publisher, "object", "first")
    await say(publisher, "object", "second")
    await hears(viewer, "first", "second")
    await say(viewer, "object", "back")
    await hears(publisher, "back")


async def test_data_alone_is_published_and_played(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(
        sdk,
        server,
        "alone",
        onlyDataChannel=True,
        mediaConstraints={"video": False, "audio": False},
    )
    viewer = await playing(sdk, server, "alone")
    await say(publisher, "alone", "no picture")
    await hears(viewer, "no picture")
    await say(viewer, "alone", "no sound")
    await hears(publisher, "no sound")
    for page in (publisher, viewer):
        calls = await page.page.evaluate("window.calls.map((call) => call.info)")
        assert not [call for call in calls if call.startswith("reconnection")]
        assert await page.page.evaluate("window.failures") == []


async def test_the_server_says_something_by_rest(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "told")
    viewer = await playing(sdk, server, "told")
    assert send_by_rest(server, "LiveApp", "told", "ünï")["success"] is True
    await hears(publisher, "ünï")
    await hears(viewer, "ünï")


@pytest.mark.parametrize(
    ("distribution", "to_publisher", "to_other"),
    [("publisher", ["said"], []), ("none", [], [])],
)
async def test_the_application_says_who_hears_a_viewer(
    sdk: SdkBrowser,
    server: ServerProcess,
    distribution: str,
    to_publisher: list[str],
    to_other: list[str],
) -> None:
    app = add_application(server, data_channel_distribution=distribution).name
    publisher = await publishing(sdk, server, "kept", app)
    viewer = await playing(sdk, server, "kept", app)
    other = await playing(sdk, server, "kept", app)
    await say(viewer, "kept", "said")
    # Behind it on the same way: what a viewer says is passed on in its order.
    await say(publisher, "kept", "from the publisher")
    await hears(viewer, "from the publisher")
    assert send_by_rest(server, app, "kept", "end")["success"] is True
    await hears(publisher, *to_publisher, "end")
    await hears(other, *to_other, "from the publisher", "end")


async def test_without_data_channels_media_plays_and_none_opens(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    app = add_application(server, data_channel_enabled=False).name
    publisher = await sdk.open(server, application=app)
    await publisher.start()
    await publisher.publish("mute")
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server, application=app)
    await viewer.start(play_only=True)
    await viewer.play("mute")
    await viewer.wait_for_frames(10)
    for page in (publisher, viewer):
        calls = await page.page.evaluate("window.calls.map((call) => call.info)")
        assert "data_channel_opened" not in calls
    assert "turned off" in send_by_rest(server, app, "mute", "x")["message"]
