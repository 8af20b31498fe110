"""The project's own pages in a real Chromium: what people see and do there."""

from __future__ import annotations

import itertools

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.pages import (
    LIVE_MS,
    Site,
    expect_state,
    has_sideways_scroll,
    other_site,
)
from tests.server_process import ServerProcess

PHONE = {"width": 375, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
_numbers = itertools.count(1)


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


@pytest.fixture
def stream() -> str:
    return f"look-{next(_numbers)}"


async def _nameless(page: Page) -> list[str]:
    """Visible controls without a label, text or aria-label."""
    found: list[str] = await page.evaluate(
        """[...document.querySelectorAll("button, input, select, textarea, a")]
          .filter((element) => element.checkVisibility())
          .filter((element) => !element.getAttribute("aria-label")
            && !element.labels?.length && !element.textContent.trim())
          .map((element) => element.outerHTML)"""
    )
    return found


@pytest.mark.parametrize("path", ["publish", "play"])
async def test_an_id_with_markup_is_text_and_is_refused(site: Site, path: str) -> None:
    markup = "%22%3E%3Cimg src=x onerror=%22document.title='broken'%22%3E"
    page = await site.open(f"{path}?id={markup}")
    if path == "publish":
        await page.get_by_role("button", name="Go live").click()

    await expect(page.get_by_role("status").first).to_contain_text("cannot be used")
    assert await page.title() != "broken"
    assert await page.locator("img").count() == 0
    await expect(page.locator("#share")).to_be_hidden()


async def test_the_link_is_copied(site: Site, stream: str) -> None:
    await site.context.grant_permissions(
        ["camera", "microphone", "clipboard-read", "clipboard-write"]
    )
    page = await site.open(f"publish?id={stream}")

    await page.get_by_role("button", name="Copy").first.click()

    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = await page.evaluate("navigator.clipboard.readText()")
    assert link == f"{site.url}/LiveApp/play?id={stream}"
    embed = await page.get_by_label("Code to show it on another site").input_value()
    assert f'<iframe src="{link}"' in embed


async def test_the_embed_code_plays_on_another_site(site: Site, stream: str) -> None:
    publisher = await site.publish(stream)
    embed = publisher.get_by_label("Code to show it on another site")
    code = await embed.input_value()

    with other_site(f"<!doctype html><h1>Elsewhere</h1>{code}") as address:
        page = await site.context.new_page()
        await page.goto(address.replace("127.0.0.1", "localhost"))
        player = page.frame_locator("iframe")

        await expect(player.locator("#screen")).to_have_attribute(
            "data-state", "live", timeout=LIVE_MS
        )
        await expect(
            player.get_by_role("button", name="Watch", exact=True)
        ).to_be_hidden()
        box = await player.locator("#screen").bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (640, 360)


async def test_another_site_cannot_frame_the_publish_page(site: Site) -> None:
    html = f'<!doctype html><iframe src="{site.url}/LiveApp/publish"></iframe>'

    with other_site(html) as address:
        page = await site.context.new_page()
        await page.goto(address.replace("127.0.0.1", "localhost"))

        await expect(page.frame_locator("iframe").locator("#page")).to_have_count(0)
    assert any("frame-ancestors" in complaint for complaint in site.complaints)


async def test_the_theme_follows_the_system_until_it_is_chosen(
    browser: Browser, server: ServerProcess
) -> None:
    context = await browser.new_context(color_scheme="dark")
    page = await context.new_page()
    await page.goto(f"{server.url}/LiveApp/")
    root = page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")

    await page.get_by_role("button", name="Dark theme").click()

    await expect(root).to_have_attribute("data-theme", "light")
    await page.reload()
    await expect(root).to_have_attribute("data-theme", "light")
    await context.close()


async def test_the_admins_automatic_theme_is_no_choice_for_the_pages(
    site: Site, stream: str
) -> None:
    page = await site.open("../admin/login/")
    assert await page.evaluate("localStorage.getItem('theme')") == "auto"

    page = await site.open(f"play?id={stream}")
    await page.emulate_media(color_scheme="dark")

    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_no_page_scrolls_sideways(
    browser: Browser, server: ServerProcess, size: dict[str, int], theme: str
) -> None:
    context = await browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if theme == "dark" else "light",
        permissions=["camera", "microphone"],
    )
    site = Site(context, server.url)
    stream = f"wide-{next(_numbers)}-{'x' * 60}"
    publisher, viewer = await site.publish(stream), await site.play(stream)

    for page in (await site.open(""), publisher, viewer):
        assert not await has_sideways_scroll(page)
    await publisher.get_by_role("button", name="Mute").click()
    await publisher.get_by_role("button", name="Hide camera").click()
    assert not await has_sideways_scroll(publisher)
    assert site.complaints == []
    await context.close()


async def test_every_control_has_a_name_and_the_keyboard_reaches_it(
    site: Site, stream: str
) -> None:
    publisher = await site.publish(stream)
    viewer = await site.play(stream)

    for page, wanted in (
        (publisher, {"mute", "hide", "stream-id", "go", "camera", "microphone"}),
        (viewer, {"stream-id", "go", "unmute", "mute", "volume", "fullscreen"}),
    ):
        reached = set()
        for _ in range(25):
            await page.keyboard.press("Tab")
            reached.add(await page.evaluate("document.activeElement.id"))
        assert wanted <= reached
        assert await _nameless(page) == []


async def test_the_index_leads_to_a_stream_by_its_name(site: Site, stream: str) -> None:
    page = await site.open("")
    await page.get_by_label("Watch a stream by its name").fill(stream)

    await page.keyboard.press("Enter")

    await expect(page).to_have_url(f"{site.url}/LiveApp/play?id={stream}")
    await expect_state(page, "waiting")
