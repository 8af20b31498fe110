"""The project's own pages in a real Chromium: publishing, watching, refusals."""

from __future__ import annotations

import itertools
import os
import signal

import pytest
from playwright.async_api import BrowserContext, WebSocketRoute, expect

from tests.browser.pages import (
    NEXT_TICK,
    WATCH_FOR_RECONNECTING,
    Site,
    answering,
    expect_frames,
    expect_state,
    go_live,
)
from tests.server_process import ServerProcess

_numbers = itertools.count(1)


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


@pytest.fixture
def stream() -> str:
    return f"page-{next(_numbers)}"


# Publishing and watching.


async def test_one_page_publishes_and_another_plays(site: Site, stream: str) -> None:
    publisher = await site.publish(stream)
    viewer = await site.play(stream)

    await expect_frames(viewer)
    await expect(publisher.locator("#status-text")).to_have_text("You are live.")
    for page in (publisher, viewer):
        await expect(page.locator("[data-stat=codecs]")).to_contain_text("Opus")
        await expect(page.locator("[data-stat=bitrate]")).to_contain_text("bit/s")
        await expect(page.locator("[data-stat=resolution]")).to_contain_text("×")  # noqa: RUF001
        await expect(page.locator("#elapsed")).not_to_have_text("0:00")
    assert site.complaints == []


async def test_the_player_starts_muted_and_offers_the_sound(
    site: Site, stream: str
) -> None:
    await site.publish(stream)
    viewer = await site.play(stream)
    assert await viewer.evaluate("document.getElementById('video').muted")

    await viewer.get_by_role("button", name="Turn the sound on").click()

    assert not await viewer.evaluate("document.getElementById('video').muted")
    await expect(viewer.locator("#unmute")).to_be_hidden()
    await viewer.keyboard.press("m")
    assert await viewer.evaluate("document.getElementById('video').muted")
    await expect(viewer.locator("#unmute")).to_be_hidden()


async def test_the_player_waits_for_its_stream_and_starts_by_itself(
    site: Site, stream: str
) -> None:
    viewer = await site.open(f"play?id={stream}")
    await expect_state(viewer, "waiting")

    await site.publish(stream)

    await expect_state(viewer, "live")
    await expect_frames(viewer)


async def test_the_player_shows_the_end_and_plays_again_when_it_comes_back(
    site: Site, stream: str
) -> None:
    publisher = await site.publish(stream)
    viewer = await site.play(stream)

    await publisher.get_by_role("button", name="Stop").click()
    await expect_state(viewer, "ended")
    await expect(publisher.locator("#status-text")).to_have_text("You are off air.")
    await go_live(publisher)

    await expect_state(viewer, "live")
    await expect_frames(viewer)


async def test_viewers_stay_when_the_publish_page_is_loaded_again(
    site: Site, stream: str
) -> None:
    publisher = await site.publish(stream)
    viewer = await site.play(stream)
    await viewer.evaluate("window.kept = document.getElementById('video').srcObject")

    await publisher.reload()
    await go_live(publisher)

    await expect_frames(viewer)
    assert await viewer.evaluate(
        "document.getElementById('video').srcObject === window.kept"
    )


async def test_both_pages_come_back_when_the_relay_dies(
    context: BrowserContext, own_server: ServerProcess
) -> None:
    site = Site(context, own_server.url)
    publisher, viewer = await site.publish("robust"), await site.play("robust")
    relay = own_server.relay_pid()
    assert relay is not None

    for page in (publisher, viewer):
        await page.evaluate(WATCH_FOR_RECONNECTING)
    os.kill(relay, signal.SIGKILL)

    for page in (publisher, viewer):
        assert await page.evaluate("window.reconnecting")
        await expect_state(page, "live")
    await expect_frames(viewer)


async def test_sound_alone_is_published_and_played(site: Site, stream: str) -> None:
    publisher = await site.open(f"publish?id={stream}")
    await publisher.get_by_label("Camera", exact=True).select_option("none")
    await expect(publisher.locator("#veil-text")).to_have_text("Sound only")
    await go_live(publisher)
    viewer = await site.play(stream)

    await expect(viewer.locator("#veil-text")).to_have_text("Live, sound only")
    await expect(viewer.locator("[data-stat=codecs]")).to_have_text("Opus")
    await expect(publisher.get_by_label("Camera", exact=True)).to_be_disabled()


async def test_the_publisher_mutes_hides_and_changes_the_size_while_live(
    site: Site, stream: str
) -> None:
    publisher = await site.publish(stream)
    viewer = await site.play(stream)
    enabled = (
        "document.getElementById('video').srcObject.getTracks().map((t) => t.enabled)"
    )

    for name in ("Mute", "Hide camera"):
        await publisher.get_by_role("button", name=name).click()
    assert await publisher.evaluate(enabled) == [False, False]
    for name in ("Unmute", "Show camera"):
        await publisher.get_by_role("button", name=name).click()
    assert await publisher.evaluate(enabled) == [True, True]

    await publisher.get_by_label("Picture size").select_option("360")
    await expect_frames(viewer)
    await expect_state(publisher, "live")


# Refusals.


@pytest.mark.parametrize("path", ["publish", "play"])
async def test_a_refused_credential_is_explained_and_not_tried_again(
    site: Site, path: str, stream: str
) -> None:
    received: list[str] = []
    await site.context.route_web_socket(
        "**/websocket", answering("unauthorized_access", received)
    )
    page = await site.open(f"{path}?id={stream}&token=old")
    if path == "publish":
        await page.get_by_role("button", name="Go live").click()

    await expect_state(page, "refused")
    await expect(page.get_by_role("status").first).to_contain_text(
        "You are not allowed here."
    )
    # By the second ping anything that is tried again would have been.
    while received.count("ping") < 2:
        await page.evaluate(NEXT_TICK)
    assert received.count(path) == 1


async def test_a_full_server_is_explained_and_tried_again(
    site: Site, stream: str
) -> None:
    received: list[str] = []
    await site.context.route_web_socket(
        "**/websocket", answering("highResourceUsage", received)
    )
    page = await site.open(f"play?id={stream}")

    await expect(page.get_by_role("status").first).to_have_text(
        "The server is full at the moment. Trying again…"
    )
    while received.count("play") < 3:
        await page.evaluate(NEXT_TICK)


async def test_a_taken_name_is_refused_in_words(site: Site, stream: str) -> None:
    await site.publish(stream)
    second = await site.open(f"publish?id={stream}")

    await second.get_by_role("button", name="Go live").click()

    await expect(second.locator("#status-text")).to_contain_text(
        "Someone else is live under this name."
    )
    await expect(second.get_by_role("button", name="Go live")).to_be_enabled()


async def test_a_lost_socket_is_opened_again(site: Site, stream: str) -> None:
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await site.publish(stream)
    await site.context.route_web_socket("**/websocket", pass_on)
    viewer = await site.play(stream)

    await viewer.evaluate(WATCH_FOR_RECONNECTING)
    await sockets[0].close()

    assert await viewer.evaluate("window.reconnecting")
    await expect_state(viewer, "live")
    await expect_frames(viewer)
    assert len(sockets) == 2


async def test_a_forbidden_camera_is_explained(site: Site) -> None:
    await site.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => {"
        "  throw new DOMException('no', 'NotAllowedError'); };"
    )
    page = await site.open("publish")

    await expect(page.locator("#veil-text")).to_contain_text("Allow it in the address")
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_role("button", name="Go live")).to_be_disabled()
