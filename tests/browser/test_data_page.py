"""The data page in a real Chromium: text and files, to all and back."""

from __future__ import annotations

import itertools

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.pages import LIVE_MS, Site
from tests.server_process import ServerProcess

_numbers = itertools.count(1)
FILE = bytes(range(256)) * 300


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


@pytest.fixture
def channel() -> str:
    return f"data-{next(_numbers)}"


async def connect(site: Site, channel: str, button: str) -> Page:
    page = await site.open(f"data?id={channel}")
    await page.get_by_role("button", name=button).click()
    await expect(page.locator("#text")).to_be_enabled(timeout=LIVE_MS)
    return page


async def send(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator("#log .own").last).to_contain_text(text)


async def test_text_and_files_go_from_the_publisher_to_all_and_back(
    site: Site, channel: str
) -> None:
    publisher = await connect(site, channel, "Open it")
    first = await connect(site, channel, "Join it")
    second = await connect(site, channel, "Join it")

    await send(publisher, "To <i>all</i>")
    for page in (first, second):
        await expect(page.locator("#log")).to_contain_text("To <i>all</i>")
        assert await page.locator("#log i").count() == 0
    await send(first, "Thank you")
    await expect(publisher.locator("#log")).to_contain_text("Thank you")

    await publisher.locator("#file").set_input_files(
        {"name": "bytes.dat", "mimeType": "text/html", "buffer": FILE}
    )
    for page in (first, second):
        async with page.expect_download(timeout=LIVE_MS) as saving:
            await page.get_by_role("link", name="bytes.dat").click(timeout=LIVE_MS)
        download = await saving.value
        assert download.suggested_filename == "bytes.dat"
        assert (await download.path()).read_bytes() == FILE
    assert site.complaints == []


async def test_who_joins_first_waits_for_the_channel(site: Site, channel: str) -> None:
    viewer = await site.open(f"data?id={channel}")
    await viewer.get_by_role("button", name="Join it").click()
    await expect(viewer.locator("#status-text")).to_contain_text("Nobody has opened")

    publisher = await connect(site, channel, "Open it")

    await expect(viewer.locator("#text")).to_be_enabled(timeout=LIVE_MS)
    await send(viewer, "Here I am")
    await expect(publisher.locator("#log")).to_contain_text("Here I am")
    await publisher.get_by_role("button", name="Leave").click()
    await expect(viewer.locator("#text")).to_be_disabled(timeout=LIVE_MS)
    await expect(viewer.locator("#status-text")).to_contain_text("it goes on here")


async def test_a_file_that_is_too_large_is_not_sent(site: Site, channel: str) -> None:
    publisher = await connect(site, channel, "Open it")

    await publisher.locator("#file").set_input_files(
        {"name": "big.bin", "mimeType": "", "buffer": bytes(5 * 1024 * 1024)}
    )

    await expect(publisher.locator("#problem")).to_contain_text("too large")
    await expect(publisher.locator("#log li")).to_have_count(0)
