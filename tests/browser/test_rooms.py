"""Rooms by name between real Chromium pages with the unmodified SDKs.

As Ant Media's own page does it: join, publish under the id that was joined with,
play each stream that the room has, ask again, leave.
"""

from __future__ import annotations

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.server_process import ServerProcess

VERSIONS = ["2.16.2", "2.9.0", "2.4.2"]


async def joining(
    sdk: SdkBrowser, server: ServerProcess, room: str, stream: str, version: str
) -> SdkPage:
    """In the room, and live there."""
    page = await sdk.open(server, version)
    await page.start()
    await page.page.evaluate(
        "([room, stream]) => window.adaptor.joinRoom(room, stream, 'legacy')",
        [room, stream],
    )
    await page.wait_for_call("joinedTheRoom")
    await page.publish(stream)
    await page.wait_for_call("publish_started")
    return page


@pytest.mark.parametrize("version", VERSIONS)
async def test_participants_find_play_and_leave_each_other(
    sdk: SdkBrowser, server: ServerProcess, version: str
) -> None:
    room = f"room-{version}"
    anna, bert = f"anna-{version}", f"bert-{version}"
    first = await joining(sdk, server, room, anna, version)
    second = await joining(sdk, server, room, bert, version)

    joined = await second.page.evaluate(
        "window.calls.find((call) => call.info === 'joinedTheRoom').obj"
    )
    assert joined["streams"] == [anna]
    await first.wait_for_call("streamJoined")
    await second.page.evaluate(
        """([room, stream]) => {
          window.watchFrames();
          window.adaptor.play(stream, "", room);
        }""",
        [room, anna],
    )
    await second.wait_for_frames(10)

    await second.page.evaluate(
        "([room, stream]) => window.adaptor.getRoomInfo(room, stream)", [room, bert]
    )
    await second.wait_for_call("roomInformation")
    await first.page.evaluate("room => window.adaptor.leaveFromRoom(room)", room)
    await first.wait_for_call("leavedFromRoom")
    await second.wait_for_call("streamLeaved")
    for page in (first, second):
        assert await page.page.evaluate("window.failures") == []
