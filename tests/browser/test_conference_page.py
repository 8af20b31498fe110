"""The conference page in a real Chromium, and its layout with people that are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    WebSocketRoute,
    expect,
)

from tests.browser.calls import (
    MISPLACED,
    enter,
    expect_live,
    expect_people,
    expect_seen,
    join,
    new_room,
    say,
    tile,
)
from tests.browser.pages import LIVE_MS, Site, has_sideways_scroll
from tests.server_process import ServerProcess

FAKE_SDK = (Path(__file__).parent / "fake_room_sdk.js").read_text()
SIZES = [(1280, 800), (390, 844), (320, 568)]
# Asks for a screen always get one here.
GIVE_SCREEN = """
navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"),
    {width: 800, height: 500});
  const context = canvas.getContext("2d");
  setInterval(() => {
    context.fillStyle = `hsl(${performance.now() / 10 % 360} 50% 50%)`;
    context.fillRect(0, 0, 800, 500);
  }, 50);
  return canvas.captureStream();
};
"""
# The first try to play a sound is refused, as without a gesture.
NO_SOUND_YET = """
const play = HTMLMediaElement.prototype.play;
let tries = 0;
window.playing = 0;
HTMLAudioElement.prototype.play = function () {
  if (tries++ === 0) return Promise.reject(new DOMException("", "NotAllowedError"));
  window.playing += 1;
  return play.call(this);
};
"""
# The browser's question for camera and microphone, answered by `answer()`.
ASK_LATE = """
const devices = navigator.mediaDevices ?? {};  // none before the page is there
const open = devices.getUserMedia?.bind(devices);
const answered = new Promise((resolve) => { window.answer = resolve; });
devices.getUserMedia = async (constraints) => {
  if (location.search.includes("name=Late")) await answered;
  return open(constraints);
};
"""
# What is said while something is wrong may be over before a question for it arrives.
WATCH_STANDING = """() => {
  const standing = document.getElementById("standing");
  window.stood = new Promise((resolve) => new MutationObserver(() => {
    if (!standing.hidden) resolve(standing.textContent);
  }).observe(standing, {attributes: true, childList: true, subtree: true}));
}"""


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


# With the server.


async def test_three_people_meet_write_and_leave(site: Site) -> None:
    room = new_room("meeting")
    anna = await enter(site, "conference", room, "Anna")
    await expect_live(anna)
    bert = await enter(site, "conference", room, "Bert")
    carl = await enter(site, "conference", room, "Carl")
    for page, others in (
        (anna, ("Bert", "Carl")),
        (bert, ("Carl",)),
        (carl, ("Anna", "Bert")),
    ):
        for name in others:
            await expect_seen(page, name)

    await say(carl, "Hello <i>both</i>")
    for page in (anna, bert):
        await expect(page.locator("#chat-log")).to_contain_text("Hello <i>both</i>")
        assert await page.locator("#chat-log i").count() == 0
    await bert.locator("#mute").click()
    await bert.locator("#hide").click()
    for page in (anna, carl):
        await expect(tile(page, "Bert")).to_contain_text(
            "muted, camera off", timeout=LIVE_MS
        )
    await expect(anna.locator(".tile.speaking").first).to_be_visible(timeout=LIVE_MS)

    await bert.get_by_role("button", name="Leave").click()
    for page, other in ((anna, "Carl"), (carl, "Anna")):
        await expect_people(page, {"You", other})
    await join(bert)
    await expect_people(anna, {"You", "Bert", "Carl"})
    # What he had switched off stayed so.
    await expect(tile(anna, "Bert")).to_contain_text("muted", timeout=LIVE_MS)
    assert site.complaints == []


async def test_who_joins_before_answering_the_browser_is_seen_afterwards(
    site: Site,
) -> None:
    room = new_room("meeting")
    await site.context.add_init_script(ASK_LATE)
    late = await enter(site, "conference", room, "Late")
    await expect_live(late)
    anna = await enter(site, "conference", room, "Anna")
    await expect_seen(late, "Anna")
    await expect(tile(anna, "Late")).to_contain_text(
        "muted, camera off", timeout=LIVE_MS
    )

    await late.evaluate("window.answer()")

    await expect(tile(anna, "Late")).not_to_contain_text("off", timeout=LIVE_MS)
    await expect_seen(anna, "Late")
    assert site.complaints == []


async def test_a_lost_socket_is_shown_and_mended(site: Site) -> None:
    room = new_room("meeting")
    anna = await enter(site, "conference", room, "Anna")
    await expect_live(anna)
    sockets: list[WebSocketRoute] = []

    def keep(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await site.context.route_web_socket("**/websocket*", keep)
    bert = await enter(site, "conference", room, "Bert")
    await expect_seen(bert, "Anna")
    await bert.evaluate(WATCH_STANDING)

    await sockets[-1].close(code=1011)

    assert "connection was lost" in await bert.evaluate("window.stood")
    await expect_live(bert)
    await expect_seen(bert, "Anna")
    await expect_seen(anna, "Bert")
    await expect_people(anna, {"You", "Bert"})


async def test_a_shared_screen_is_shown_large(site: Site) -> None:
    room = new_room("meeting")
    await site.context.add_init_script(GIVE_SCREEN)
    anna = await enter(site, "conference", room, "Anna")
    bert = await enter(site, "conference", room, "Bert")
    await expect_seen(anna, "Bert")

    await bert.get_by_role("button", name="Share screen").click()

    await expect(tile(anna, "Bert")).to_contain_text("shares the screen")
    await expect_seen(anna, "Bert")
    small, large = tile(anna, "You"), tile(anna, "Bert")
    assert await _width(large) > 2 * await _width(small)
    await bert.get_by_role("button", name="Stop sharing").click()
    await expect(tile(anna, "Bert")).not_to_contain_text("shares the screen")
    await expect_seen(anna, "Bert")


async def _width(element: Locator) -> float:
    box = await element.bounding_box()
    assert box is not None
    return box["width"]


# With people that are drawn.


async def drawn(context: BrowserContext, server: ServerProcess) -> Page:
    """In a room of the stand-in; nobody else is there yet."""
    await context.route(
        "**/webrtc_adaptor.js",
        lambda route: route.fulfill(body=FAKE_SDK, content_type="text/javascript"),
    )
    page = await context.new_page()
    await page.goto(f"{server.url}/LiveApp/conference?room=drawn&name=Ada")
    await join(page)
    await expect_live(page)
    return page


async def arrive(page: Page, count: int) -> None:
    await page.evaluate(
        """count => { for (let n = 0; n < count; n++)
          fake.arrive(`p${n}`, `Person ${n} ${"Longname".repeat(n % 3)}`,
            {isMicMuted: n % 2 === 1, isCameraOff: n % 3 === 2}, n * 40); }""",
        count,
    )
    await expect(page.locator(".tile")).to_have_count(count + 1)


@pytest.mark.parametrize("size", SIZES, ids=[f"{width}" for width, _ in SIZES])
async def test_tiles_never_overlap_and_nothing_else_moves(
    browser: Browser, server: ServerProcess, size: tuple[int, int], tmp_path: Path
) -> None:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        permissions=["camera", "microphone"],
        color_scheme="dark" if size[0] == 390 else "light",
        reduced_motion="reduce",
    )
    site = Site(context, server.url)
    page = await drawn(context, server)
    before = await page.locator(".controls").bounding_box()
    for count in (1, 4, 14):
        await arrive(page, count)
        await page.screenshot(path=tmp_path / f"{size[0]}-{count}.png")
        assert await page.evaluate(MISPLACED) == []
        assert not await has_sideways_scroll(page)
    assert await page.locator(".controls").bounding_box() == before

    await page.locator("[data-person=p0] button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-person=p0] button")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert await page.evaluate(MISPLACED) == []
    large = await _width(page.locator("[data-person=p0]"))
    assert large > 1.5 * await _width(page.locator("[data-person=p1]"))
    await page.screenshot(path=tmp_path / f"{size[0]}-pinned.png")
    assert site.complaints == []
    await context.close()


async def test_what_pages_say_of_others_is_text_and_has_a_bound(
    context: BrowserContext, server: ServerProcess
) -> None:
    site = Site(context, server.url)
    page = await drawn(context, server)
    await page.evaluate("fake.arrive('p0', '<img src=x onerror=alert(1)>'.repeat(9))")
    await page.evaluate(
        """() => { for (let n = 0; n < 230; n++) fake.say({eventType: "CHAT_MESSAGE",
          streamId: "p0", message: `<b>${n}</b>`}); }"""
    )
    for event in ('"no json"', '{"eventType": 7}', "null", "[]"):
        await page.evaluate(
            "data => fake.call('data_received', {streamId: 'drawn', data})", event
        )
    await page.evaluate(
        "fake.say({eventType: 'CHAT_MESSAGE', streamId: 'p0', message: {a: 1}})"
    )

    await expect(page.locator("#chat-log li")).to_have_count(200)
    assert await page.locator("#chat-log b, .tile img").count() == 0
    await expect(page.locator("#chat-unread")).to_have_text("99+")
    # Nobody speaks for this browser's own person.
    own = await page.evaluate("fake.id")
    await page.evaluate("own => fake.say({eventType: 'MIC_MUTED', streamId: own})", own)
    await expect(page.locator(".tile.own .tile-muted")).to_be_hidden()
    assert site.complaints == []


async def test_sound_that_the_browser_holds_back_is_one_click_away(
    context: BrowserContext, server: ServerProcess
) -> None:
    await context.add_init_script(NO_SOUND_YET)
    page = await drawn(context, server)
    unblock = page.get_by_role("button", name="Turn the sound on")
    await expect(unblock).to_be_hidden()

    await page.evaluate(
        """() => fake.call("newTrackAvailable", {streamId: "drawn",
          track: new AudioContext().createMediaStreamDestination().stream
            .getAudioTracks()[0], trackId: "ARDAMSap0"})"""
    )
    await expect(unblock).to_be_visible()
    await unblock.click()

    await expect(unblock).to_be_hidden()
    assert await page.evaluate("window.playing") == 1


async def test_slots_show_whom_the_server_says(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = await drawn(context, server)
    await page.evaluate(
        """() => {
          fake.draw("videoTrack0", 200);
          for (const id of ["p0", "p1"]) fake.describe(id, `Person ${id}`);
          fake.assign = (id) => fake.say({eventType: "VIDEO_TRACK_ASSIGNMENT_LIST",
            payload: [{videoLabel: "videoTrack0", trackId: id, reserved: false}]});
          fake.assign("p0");
        }"""
    )
    await expect(page.locator(".tile")).to_have_count(3)
    await expect(page.locator(".tile.has-picture:not(.own)")).to_contain_text("p0")

    await page.evaluate("fake.assign('p1')")

    await expect(page.locator(".tile.has-picture:not(.own)")).to_contain_text("p1")


async def test_a_long_list_is_asked_for_page_by_page_and_has_an_end(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = await drawn(context, server)
    # Those who have left are listed as well: a page may hold nobody at all.
    asked = await page.evaluate(
        """() => new Promise((resolve) => {
          const asked = [];
          fake.getSubtracks = (room, role, offset) => {
            asked.push(offset);
            const subtrackList = Array.from({length: offset < 100 ? 50 : 7},
              (_, index) => JSON.stringify({streamId: `gone${offset + index}`,
                status: "finished", mainTrackStreamId: room, metaData: null}));
            setTimeout(() => {
              fake.call("subtrackList", {streamId: room, subtrackList});
              if (offset >= 100 || asked.length > 9) resolve(asked);
            });
            return true;
          };
          fake.say({eventType: "TRACK_LIST_UPDATED", streamId: "drawn"});
        })"""
    )

    assert asked == [0, 50, 100]
    await expect(page.locator(".tile")).to_have_count(1)


async def test_every_control_of_the_call_has_a_name_and_a_key(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = await drawn(context, server)
    await arrive(page, 1)
    reached = set()
    for _ in range(14):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.id"))
    controls = {"mute", "hide", "share-screen", "chat-toggle", "devices-open", "leave"}
    assert controls | {"copy-link"} <= reached

    await page.locator("#leave").focus()
    for key, control, active in (("m", "#mute", "true"), ("m", "#mute", "false")):
        await page.keyboard.press(key)
        await expect(page.locator(control)).to_have_attribute("data-active", active)
    await page.keyboard.press("c")
    await expect(page.locator("#chat-text")).to_be_focused()
    await page.keyboard.type("mvc")  # letters, in a field
    await expect(page.locator("#mute")).to_have_attribute("data-active", "false")
    await page.keyboard.press("Escape")
    await expect(page.locator("#chat")).to_be_hidden()
    await expect(page.locator("#chat-toggle")).to_be_focused()
    nameless = await page.evaluate(
        """[...document.querySelectorAll("button, input, select")]
          .filter((element) => element.checkVisibility())
          .filter((element) => !element.getAttribute("aria-label")
            && !element.labels?.length && !element.textContent.trim()).length"""
    )
    assert nameless == 0


async def test_another_device_is_taken_during_the_call(
    context: BrowserContext, server: ServerProcess
) -> None:
    page = await drawn(context, server)
    await page.get_by_role("button", name="Devices").click()
    microphone = page.get_by_label("Microphone", exact=True)
    await expect(microphone.locator("option")).to_have_count(3)

    await microphone.select_option(index=1)

    sent = "document.getElementById('preview').srcObject.getAudioTracks()[0].label"
    chosen = await microphone.locator("option").nth(1).text_content()
    for _ in range(100):
        if await page.evaluate(sent) == chosen:
            break
        await page.wait_for_timeout(50)
    assert await page.evaluate(sent) == chosen
