"""The peer page in a real Chromium: two people, browser to browser."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.calls import (
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

NO_DEVICES = """
navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException("no", "NotAllowedError"));
navigator.permissions.query = () => Promise.resolve({state: "denied"});
"""


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


async def test_two_people_see_hear_and_write_to_each_other(site: Site) -> None:
    room = new_room("pair")
    anna = await enter(site, "peer", room, "Anna")
    await expect(anna.locator("#standing-text")).to_contain_text("Nobody else")
    bert = await enter(site, "peer", room, "Bert")

    await expect_live(anna)
    await expect_live(bert)
    await expect_seen(anna, "Bert")
    await expect_seen(bert, "Anna")
    await say(anna, "Hello <b>Bert</b>")
    await expect(bert.locator("#chat-unread")).to_have_text("1")
    await expect(bert.locator("#chat-log")).to_contain_text("Hello <b>Bert</b>")
    assert await bert.locator("#chat-log b").count() == 0

    await bert.locator("#mute").click()
    await expect(tile(anna, "Bert").locator(".tile-muted")).to_be_visible()
    await bert.locator("#hide").click()
    await expect(tile(anna, "Bert")).to_contain_text("camera off")
    await bert.locator("#hide").click()
    await expect(tile(anna, "Bert")).not_to_contain_text("camera off")
    await expect_seen(anna, "Bert")
    assert site.complaints == []


async def test_who_leaves_is_gone_at_once_and_may_come_back(site: Site) -> None:
    room = new_room("pair")
    anna = await enter(site, "peer", room, "Anna")
    bert = await enter(site, "peer", room, "Bert")
    await expect_seen(anna, "Bert")

    await bert.get_by_role("button", name="Leave").click()
    await expect_people(anna, {"You"})
    await expect(anna.locator("#standing-text")).to_contain_text("Nobody else")
    await expect(bert.locator("#status-text")).to_have_text("You have left the call.")
    await join(bert)
    await expect_seen(anna, "Bert")
    await expect_seen(bert, "Anna")

    await bert.close(run_before_unload=True)
    await expect_people(anna, {"You"})
    assert site.complaints == []


async def test_a_third_person_is_told_why_not(site: Site) -> None:
    room = new_room("pair")
    anna = await enter(site, "peer", room, "Anna")
    await enter(site, "peer", room, "Bert")
    await expect_seen(anna, "Bert")

    third = await site.open(f"peer?room={room}&name=Carl")
    await third.get_by_role("button", name="Join").click()

    await expect(third.locator("#status-text")).to_have_text(
        "Two people are already connected here.", timeout=LIVE_MS
    )
    await expect(third.locator("#lobby")).to_be_visible()
    await expect_people(anna, {"You", "Bert"})


async def test_without_camera_and_microphone_one_is_in_the_call_all_the_same(
    site: Site,
) -> None:
    room = new_room("pair")
    anna = await enter(site, "peer", room, "Anna")
    bert = await site.context.new_page()
    await bert.add_init_script(NO_DEVICES)
    await bert.goto(f"{site.url}/LiveApp/peer?room={room}&name=Bert")
    await expect(bert.locator("#preview-text")).to_contain_text(
        "does not let this page"
    )

    await join(bert)

    await expect_seen(bert, "Anna")
    await expect(tile(anna, "Bert")).to_contain_text("muted, camera off")
    await expect_live(anna)
    assert site.complaints == []


@pytest.mark.parametrize("query", ["room=%22%3E%3Cimg%3E", "room=a%20b"])
async def test_a_name_that_cannot_be_used_is_refused_here(
    site: Site, query: str
) -> None:
    page = await site.open(f"peer?{query}")

    await page.get_by_role("button", name="Join").click()

    await expect(page.locator("#status-text")).to_contain_text("cannot be used")
    await expect(page.locator("#call")).to_be_hidden()
    assert await page.locator("img").count() == 0
    assert not await has_sideways_scroll(page)
