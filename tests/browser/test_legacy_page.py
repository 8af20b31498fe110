"""`/WebRTCApp4/peer.html` and the sample of 2017, on the socket of that year."""

from __future__ import annotations

from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.calls import expect_pictures, new_room
from tests.browser.pages import LIVE_MS, other_site
from tests.server_process import ServerProcess

# As the page of 2017 says it, but for the port, which is the server's under test.
SAMPLE = """<!doctype html><html><head>
<script src="https://webrtc.github.io/adapter/adapter-latest.js"></script>
<script src="js/webrtc_adaptor.js" ></script>
</head><body>
<video id="localVideo" autoplay muted width="480"></video>
<video id="remoteVideo" autoplay controls width="480"></video>
<script>
  var heard = [];
  var pc_config = null;
  var sdpConstraints = { OfferToReceiveAudio : true, OfferToReceiveVideo : true };
  var mediaConstraints = { video: true, audio: true };
  var webRTCAdaptor = new WebRTCAdaptor({
    websocket_url:"ws://" + location.hostname + ":8081/WebRTCApp4",
    mediaConstraints: mediaConstraints,
    peerconnection_config: pc_config,
    sdp_constraints: sdpConstraints,
    localVideoId: "localVideo",
    remoteVideoId: "remoteVideo",
    callback: function(info) {
      heard.push(info);
      if (info == "initialized") { webRTCAdaptor.join("ROOM"); }
    },
    callbackError: function(error) { heard.push("error " + error); }
  });
</script></body></html>"""


async def open_page(context: BrowserContext, server: ServerProcess, room: str) -> Page:
    page = await context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    await page.goto(f"{server.url}/WebRTCApp4/peer.html?room={room}")
    await expect(page.locator("#join_button")).to_be_enabled(timeout=LIVE_MS)
    assert {url.partition("?")[0] for url in sockets} == {
        f"ws://127.0.0.1:{server.legacy_port}/WebRTCApp4"
    }
    return page


async def test_two_pages_of_2017_meet_leave_and_meet_again(
    context: BrowserContext, server: ServerProcess
) -> None:
    room = new_room("legacy")
    first = await open_page(context, server, room)
    second = await open_page(context, server, room)
    for page in (first, second):
        await page.get_by_role("button", name="Join").click()
        await expect(page.locator("#status-text")).to_contain_text("In the room.")

    for page in (first, second):
        await expect_pictures(page.locator("#remoteVideo"))
    await second.get_by_role("button", name="Turn off camera").click()
    await second.locator("#mute_mic_button").click()
    await second.get_by_role("button", name="Turn on camera").click()
    await second.locator("#unmute_mic_button").click()
    await expect_pictures(first.locator("#remoteVideo"))

    await second.get_by_role("button", name="Leave").click()
    await expect(second.locator("#status-text")).to_have_text("You have left the room.")
    await second.get_by_role("button", name="Join").click()
    for page in (first, second):
        await expect_pictures(page.locator("#remoteVideo"))


async def test_the_sample_of_2017_works_as_it_was_written(
    context: BrowserContext, server: ServerProcess
) -> None:
    html = SAMPLE.replace("ROOM", new_room("sample"))
    html = html.replace(":8081", f":{server.legacy_port}")
    # It lies on another site's server, and takes its `js/` from ours.
    html = html.replace("<head>", f'<head><base href="{server.url}/WebRTCApp4/">')

    async def nothing(route: Route) -> None:
        await route.fulfill(body="", content_type="text/javascript")

    await context.route("https://webrtc.github.io/**", nothing)
    pages = [await context.new_page(), await context.new_page()]
    with other_site(html) as address:
        for page in pages:
            await page.goto(address)

    for page in pages:
        await expect_pictures(page.locator("#remoteVideo"))
        heard = await page.evaluate("heard")
        assert heard.index("initialized") < heard.index("joined")
        assert not [info for info in heard if info.startswith("error")]
    await pages[0].evaluate("webRTCAdaptor.leave()")
    # This page has no policy of ours.
    await pages[0].wait_for_function("heard.includes('leaved')", timeout=LIVE_MS)


async def test_the_third_page_is_told_why_not(
    context: BrowserContext, server: ServerProcess
) -> None:
    room = new_room("legacy")
    for _ in range(2):
        page = await open_page(context, server, room)
        await page.get_by_role("button", name="Join").click()
        await expect(page.locator("#status-text")).to_contain_text("In the room.")
    third = await open_page(context, server, room)

    await third.get_by_role("button", name="Join").click()

    await expect(third.locator("#status-text")).to_have_text(
        "Two people are already connected here."
    )
