"""The unmodified SDK chooses a rendition and hears what it gets and may get."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.rows import add_application
from tests.server_process import ServerProcess

LOW = 180
# The first call of the page's callback that has come, or comes, with these fields.
FIND_CALL = """([info, fields]) => new Promise((resolve) => {
  const look = () => {
    const found = window.calls.find((call) => call.info === info
      && Object.entries(fields).every(([name, value]) => call.obj[name] === value));
    if (found) resolve(found.obj); else setTimeout(look, 50);
  };
  look();
})"""


async def told(page: SdkPage, info: str, **fields: Any) -> dict[str, Any]:
    found = await page.page.evaluate_handle(FIND_CALL, [info, fields])
    value: dict[str, Any] = await found.json_value()
    return value


async def offered(page: SdkPage, stream: str) -> list[int]:
    """Heights of the renditions, asked for until there is more than one."""
    await page.page.evaluate(
        """(stream) => new Promise((resolve) => {
          const ask = () => {
            const found = window.calls.some((call) =>
              call.info === "streamInformation" && call.obj.streamInfo.length > 1);
            if (found) resolve();
            else {
              window.adaptor.getStreamInfo(stream);
              setTimeout(ask, 500);
            }
          };
          ask();
        })""",
        stream,
    )
    heights: list[int] = await page.page.evaluate(
        """window.calls.filter((call) => call.info === "streamInformation").at(-1)
          .obj.streamInfo.map(({ streamHeight }) => streamHeight)"""
    )
    return heights


@pytest.mark.parametrize("said", [LOW, str(LOW)], ids=["number", "text"])
async def test_the_sdk_chooses_a_rendition(
    sdk: SdkBrowser, server: ServerProcess, said: int | str
) -> None:
    ladder = [{"height": LOW, "videoBitrate": 200_000, "forceEncode": False}]
    application = add_application(server, encoder_settings=ladder).name
    publisher = await sdk.open(server, application=application)
    await publisher.start()
    await publisher.publish("cam")
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server, application=application)
    await viewer.start(play_only=True)
    await viewer.play("cam")
    await viewer.wait_for_call("play_started")

    highest, *_, lowest = await offered(viewer, "cam")
    assert highest > lowest == LOW
    await viewer.page.evaluate(
        "height => window.adaptor.forceStreamQuality('cam', height)", said
    )

    changed = await told(viewer, "resolutionChangeInfo", streamHeight=LOW)
    assert changed["streamId"] == "cam"
    await viewer.page.wait_for_function(
        "height => document.getElementById('remoteVideo').videoHeight === height",
        arg=LOW,
    )
    measured = await told(viewer, "bitrateMeasurement", streamId="cam")
    rates = ("targetBitrate", "videoBitrate", "audioBitrate")
    assert all(isinstance(measured[rate], int) for rate in rates)
    assert await viewer.page.evaluate("window.failures") == []
