"""The player's picture sizes and its hint, between the page and the real server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, WebSocketRoute, expect

from streams.models import Broadcast
from tests.browser.pages import (
    Site,
    expect_frames,
    expect_state,
    go_live,
    has_sideways_scroll,
)
from tests.rows import add
from tests.server_process import ServerProcess

REFRESH_MS = 15_000  # the page asks again about every 10 s
SLOW = {"targetBitrate": 200_000, "videoBitrate": 500_000, "audioBitrate": 48_000}
FINE = SLOW | {"targetBitrate": 900_000}
_numbers = itertools.count(1)


class Wire:
    """The socket of one page: what it says is kept, what it hears is a test's."""

    def __init__(self, heights: list[int]) -> None:
        self.heights = heights
        self.said: list[dict[str, Any]] = []
        self._page: WebSocketRoute | None = None

    def connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        self._page = socket

        def on_reply(text: str | bytes) -> None:
            message = json.loads(text)
            if message["command"] == "streamInformation":
                heights = [{"streamHeight": height} for height in self.heights]
                message["streamInfo"] = heights
            if message.get("definition") not in (
                "resolutionChangeInfo",
                "bitrateMeasurement",
            ):
                socket.send(json.dumps(message))

        def on_command(text: str | bytes) -> None:
            self.said.append(json.loads(text))
            server.send(text)

        server.on_message(on_reply)
        socket.on_message(on_command)

    def forced(self) -> list[int]:
        """The heights that were asked for."""
        name = "forceStreamQuality"
        return [said["streamHeight"] for said in self.said if said["command"] == name]

    def say(self, message: dict[str, object]) -> None:
        assert self._page is not None
        self._page.send(json.dumps(message))

    def notify(self, stream: str, definition: str, **fields: object) -> None:
        about = {"streamId": stream, "definition": definition, **fields}
        self.say({"command": "notification", **about})


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


@pytest.fixture
def stream() -> str:
    return f"quality-{next(_numbers)}"


async def watch(site: Site, stream: str, heights: list[int]) -> tuple[Page, Wire]:
    """Somebody publishes, and somebody plays over the wire."""
    await site.publish(stream)
    wire = Wire(heights)
    await site.context.route_web_socket("**/websocket", wire.connect)
    return await site.play(stream), wire


async def until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        await page.wait_for_timeout(50)
    raise AssertionError("it never happened")


async def names(page: Page) -> list[str]:
    return await page.locator("#quality option").all_text_contents()


async def test_a_single_size_is_no_choice(site: Site, stream: str) -> None:
    page, _ = await watch(site, stream, [480])

    await expect(page.locator("#quality option")).to_have_count(2)
    await expect(page.get_by_label("Picture size")).to_be_hidden()


# A menu of its own on the page, for 4 minutes of its timer in one go.
WITHOUT_CHOICE = """async () => {
  const script = document.querySelector('script[src*="js/play"]').src;
  const { QualityMenu } = await import(new URL("quality.js", script).href);
  const waits = window.setInterval;
  let turn;
  window.setInterval = (work) => { turn = work; return 0; };
  let asked = 0;
  const menu = new QualityMenu({ ask: () => { asked += 1; }, choose() {} });
  menu.start();
  window.setInterval = waits;
  for (let i = 0; i < 24; i += 1) turn();
  return asked;
}"""


async def test_who_has_no_choice_asks_less_often_after_a_minute(site: Site) -> None:
    """Each question is a query: all viewers of a stream without a ladder ask."""
    page = await site.open("play")

    # At the start, six times in the first minute, then every two minutes.
    assert await page.evaluate(WITHOUT_CHOICE) == 1 + 6 + 2


async def test_a_person_chooses_a_size(site: Site, stream: str) -> None:
    page, wire = await watch(site, stream, [720, 480, 240, 480])
    menu = page.get_by_label("Picture size")
    await expect(menu).to_be_visible()
    assert await names(page) == ["Auto", "720p", "480p", "240p"]

    await menu.select_option("240")
    await menu.select_option("0")

    await expect(menu).to_have_value("0")
    assert wire.forced() == [240, 0]


async def test_auto_says_what_is_being_sent(site: Site, stream: str) -> None:
    page, wire = await watch(site, stream, [720, 240])
    menu = page.get_by_label("Picture size")
    await expect(menu).to_be_visible()
    automatic = page.locator("#quality option").first

    wire.notify(stream, "resolutionChangeInfo", streamHeight=240)
    await expect(automatic).to_have_text("Auto (240p)")
    wire.notify("another", "resolutionChangeInfo", streamHeight=720)
    await menu.select_option("240")
    await expect(automatic).to_have_text("Auto")
    await menu.select_option("0")
    await expect(automatic).to_have_text("Auto (240p)")


async def test_sizes_that_come_later_are_shown(site: Site, stream: str) -> None:
    page, wire = await watch(site, stream, [720])
    await expect(page.locator("#quality option")).to_have_count(2)

    wire.heights = [720, 240]

    menu = page.get_by_label("Picture size")
    await expect(menu).to_be_visible(timeout=REFRESH_MS)

    wire.heights = [720, 480, 240]
    wire.notify(stream, "resolutionChangeInfo", streamHeight=480)
    await expect(page.locator("#quality option")).to_have_count(4)


async def test_a_choice_lasts_when_the_size_goes_and_through_a_new_connection(
    site: Site, stream: str
) -> None:
    page, wire = await watch(site, stream, [720, 240])
    menu = page.get_by_label("Picture size")
    await menu.select_option("240")

    wire.heights = [720]
    wire.notify(stream, "resolutionChangeInfo", streamHeight=720)
    await expect(page.locator("#quality option")).to_have_count(3)
    await expect(menu).to_have_value("240")

    wire.notify(stream, "server_will_stop")
    await expect_state(page, "live")
    await expect(menu).to_have_value("240")
    await until(page, lambda: wire.forced() == [240, 240])


async def test_another_stream_begins_with_the_server_s_choice(
    site: Site, stream: str
) -> None:
    page, _ = await watch(site, stream, [720, 240])
    menu = page.get_by_label("Picture size")
    await menu.select_option("240")

    await page.get_by_label("Stream name").fill("nobody-here")
    await page.get_by_role("button", name="Watch", exact=True).click()

    await expect_state(page, "waiting")
    await expect(menu).to_have_value("0")
    await expect(menu).to_be_hidden()


@pytest.mark.parametrize(("chosen", "words"), [("0", "may stop"), ("720", "Auto")])
async def test_a_slow_connection_is_told(
    site: Site, stream: str, chosen: str, words: str
) -> None:
    page, wire = await watch(site, stream, [720, 240])
    await page.get_by_label("Picture size").select_option(chosen)
    hint = page.locator("#slow")
    await expect(hint).to_be_hidden()

    wire.notify(stream, "bitrateMeasurement", **SLOW)
    await expect(hint).to_contain_text(words)
    assert await hint.get_attribute("role") == "status"

    wire.notify(stream, "bitrateMeasurement", **FINE)
    await expect(hint).to_be_hidden()


async def test_what_is_not_known_is_no_slow_connection(site: Site, stream: str) -> None:
    page, wire = await watch(site, stream, [720, 240])

    wire.notify("another", "bitrateMeasurement", **SLOW)
    wire.notify(stream, "bitrateMeasurement", **(SLOW | {"targetBitrate": 0}))
    wire.notify(stream, "resolutionChangeInfo", streamHeight=240)

    await expect(page.locator("#quality option").first).to_have_text("Auto (240p)")
    await expect(page.locator("#slow")).to_be_hidden()


async def test_a_publisher_is_told_of_its_ladder_and_stays_live(
    site: Site, stream: str
) -> None:
    wire = Wire([720])
    await site.context.route_web_socket("**/websocket", wire.connect)
    page = await site.publish(stream)

    wire.say({"command": "error", "definition": "encoderBlocked", "streamId": stream})

    await expect(page.locator("#notice")).to_contain_text("cannot keep up")
    await expect_state(page, "live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_menu_and_the_hint_fit_a_small_screen(
    site: Site, stream: str, scheme: Any
) -> None:
    page, wire = await watch(site, stream, [1080, 720, 240])
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": 320, "height": 640})
    wire.notify(stream, "resolutionChangeInfo", streamHeight=1080)
    wire.notify(stream, "bitrateMeasurement", **SLOW)

    await expect(page.locator("#slow")).to_be_visible()
    assert not await has_sideways_scroll(page)
    for control in ("quality", "fullscreen", "stop", "mute", "slow"):
        box = await page.locator(f"#{control}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320


async def test_a_ladder_of_the_server_is_offered_and_played(
    site: Site, server: ServerProcess, stream: str
) -> None:
    (application,) = server.rows(
        "SELECT id FROM streams_application WHERE name = 'LiveApp'"
    )
    ladder = [{"height": 180, "videoBitrate": 200_000, "audioBitrate": 0}]
    row = Broadcast(
        application_id=application["id"], stream_id=stream, encoder_settings=ladder
    )
    add(server, row)
    publisher = await site.open(f"publish?id={stream}")
    await publisher.get_by_label("Picture size").select_option("360")
    await go_live(publisher)
    viewer = await site.play(stream)
    menu = viewer.get_by_label("Picture size")
    await expect(menu).to_be_visible(timeout=2 * REFRESH_MS)

    await menu.select_option("180")

    video = viewer.locator("#video")
    await expect(video).to_have_js_property("videoHeight", 180, timeout=REFRESH_MS)
    await menu.select_option("0")
    await expect(viewer.locator("#quality option").first).to_contain_text("Auto")
    await expect_frames(viewer)


async def test_a_publisher_sends_several_qualities(site: Site, stream: str) -> None:
    publisher = await site.open(f"publish?id={stream}")
    await publisher.get_by_label("Send several qualities").check()
    await go_live(publisher)
    await expect(publisher.get_by_label("Send several qualities")).to_be_disabled()
    viewer = await site.play(stream)
    menu = viewer.get_by_label("Picture size")
    await expect(menu).to_be_visible(timeout=2 * REFRESH_MS)
    lowest = int((await names(viewer))[-1].removesuffix("p"))

    await menu.select_option(str(lowest))

    video = viewer.locator("#video")
    await expect(video).to_have_js_property("videoHeight", lowest, timeout=REFRESH_MS)
