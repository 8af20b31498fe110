"""The project's call pages, conference and peer, as tests use them."""

from __future__ import annotations

import itertools

from playwright.async_api import Locator, Page, expect

from tests.browser.pages import LIVE_MS, Site

_numbers = itertools.count(1)
# Resolves when the video in (or at) this element was drawn so many more times. In one
# call, for the pages' policy forbids the strings that `wait_for_function` evaluates.
SHOW_PICTURES = """(element, [count, timeout]) => new Promise((resolve) => {
  const video = element.querySelector("video") ?? element;
  setTimeout(() => resolve(`${count} pictures are missing`), timeout);
  const onFrame = () => (--count > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(""));
  video.requestVideoFrameCallback(onFrame);
})"""
# Tiles that lie on one another, or beside the stage.
MISPLACED = """() => {
  const stage = document.getElementById("stage").getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".tile")]
    .map((tile) => [tile.dataset.person, tile.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([one, a], index) => {
    if (a.left < stage.left - 1 || a.right > stage.right + 1) found.push(one);
    for (const [other, b] of boxes.slice(index + 1)) {
      const apart = a.right <= b.left + 1 || b.right <= a.left + 1
        || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      if (!apart) found.push(`${one} on ${other}`);
    }
  });
  return found;
}"""


def new_room(kind: str) -> str:
    return f"{kind}-{next(_numbers)}"


async def enter(site: Site, kind: str, room: str, name: str) -> Page:
    """A page of `kind` ("peer" or "conference") whose call has begun."""
    page = await site.open(f"{kind}?room={room}&name={name}")
    await join(page)
    return page


async def join(page: Page) -> None:
    await page.get_by_role("button", name="Join").click()
    await expect(page.locator("#call")).to_be_visible()


async def expect_live(page: Page) -> None:
    await expect(page.locator("#call")).to_have_attribute(
        "data-state", "live", timeout=LIVE_MS
    )


def tile(page: Page, name: str) -> Locator:
    label = page.locator(".tile-label", has_text=name)
    return page.locator(".tile", has=label)


async def expect_seen(page: Page, name: str, count: int = 2) -> None:
    """This person's tile is there, and its picture moves."""
    await expect(tile(page, name)).to_have_count(1, timeout=LIVE_MS)
    await expect_pictures(tile(page, name), count)


async def expect_pictures(element: Locator, count: int = 5) -> None:
    assert await element.evaluate(SHOW_PICTURES, [count, LIVE_MS]) == ""


async def expect_people(page: Page, names: set[str]) -> None:
    """Exactly these have tiles."""
    await expect(page.locator(".tile")).to_have_count(len(names), timeout=LIVE_MS)
    for name in names:
        await expect(tile(page, name)).to_have_count(1, timeout=LIVE_MS)


async def say(page: Page, text: str) -> None:
    if not await page.locator("#chat").is_visible():
        await page.locator("#chat-toggle").click()  # its name counts the unread
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator("#chat-log .own").last).to_contain_text(text)
