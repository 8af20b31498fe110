"""Peer to peer between two real Chromium pages with the unmodified SDKs."""

from __future__ import annotations

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.server_process import ServerProcess

VERSIONS = ["2.16.2", "2.9.0", "2.4.2"]


async def joining(
    sdk: SdkBrowser, server: ServerProcess, room: str, version: str = "2.16.2"
) -> SdkPage:
    page = await sdk.open(server, version)
    await page.start()
    await page.page.evaluate(
        "room => { window.watchFrames(); window.adaptor.join(room); }", room
    )
    await page.wait_for_call("joined")
    return page


@pytest.mark.parametrize("version", VERSIONS)
async def test_two_pages_see_each_other(
    sdk: SdkBrowser, server: ServerProcess, version: str
) -> None:
    room = f"peers-{version}"
    first = await joining(sdk, server, room, version)
    second = await joining(sdk, server, room, version)

    await first.wait_for_frames(20)
    await second.wait_for_frames(20)

    for page in (first, second):
        assert await page.page.evaluate("window.failures") == []


async def test_who_leaves_may_come_back(sdk: SdkBrowser, server: ServerProcess) -> None:
    room = "peers-return"
    first = await joining(sdk, server, room)
    second = await joining(sdk, server, room)
    await second.wait_for_frames(5)

    await first.page.evaluate("room => window.adaptor.leave(room)", room)
    await first.wait_for_call("leaved")
    await second.page.wait_for_function(
        "room => !window.adaptor.remotePeerConnection[room]", arg=room
    )
    await first.page.evaluate("room => window.adaptor.join(room)", room)

    await first.wait_for_frames(10)
    await second.wait_for_frames(10)


async def test_a_message_reaches_the_other_page(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    room = "peers-message"
    first = await joining(sdk, server, room)
    second = await joining(sdk, server, room)
    await second.wait_for_frames(1)

    await first.page.evaluate(
        "room => window.adaptor.peerMessage(room, 'greeting', {text: 'hello'})", room
    )

    await second.wait_for_call("peerMessageCommand")
    heard = await second.page.evaluate(
        "window.calls.find((call) => call.info === 'peerMessageCommand').obj"
    )
    assert (heard["definition"], heard["data"]) == ("greeting", {"text": "hello"})


async def test_a_closed_page_frees_its_place(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    room = "peers-close"
    first = await joining(sdk, server, room)
    second = await joining(sdk, server, room)
    await second.wait_for_frames(1)
    third = await sdk.open(server)
    await third.start()
    await third.page.evaluate("room => window.adaptor.join(room)", room)
    await third.wait_for_failure("NoSpaceForNewPeer")

    await first.close()
    await second.page.wait_for_function(
        "room => !window.adaptor.remotePeerConnection[room]", arg=room
    )
    await third.page.evaluate(
        "room => { window.watchFrames(); window.adaptor.join(room); }", room
    )

    await third.wait_for_frames(10)
