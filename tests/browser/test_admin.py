"""The admin in a real Chromium: what an operator sees and presses."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from streams.credentials import stored_key, totp_code
from streams.models import Application, Broadcast
from tests.browser.pages import LIVE_MS, Site, has_sideways_scroll
from tests.rows import add, add_application, add_subscriber, add_token
from tests.server_process import ServerProcess

STREAM = "desk"
PAGES = (
    "application/{application}/change/",
    "broadcast/",
    "broadcast/add/",
    "broadcast/{broadcast}/change/",
    "token/",
    "subscriber/",
    "subscriber/{subscriber}/change/",
    "apikey/add/",
    "connectionevent/",
    "livesession/",
)


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser, server: ServerProcess) -> AsyncIterator[Site]:
    """Whoever opens pages here is logged in."""
    context = await browser.new_context(
        permissions=["camera", "microphone", "clipboard-read", "clipboard-write"]
    )
    page = await context.new_page()
    await page.goto(f"{server.url}/admin/login/")
    await page.get_by_label("Username").fill("admin")
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(f"{server.url}/admin/")
    yield Site(context, server.url)
    await context.close()


@pytest.fixture
def application(server: ServerProcess) -> Application:
    return add_application(server, play_totp_enabled=True)


@pytest.fixture
def broadcast(server: ServerProcess, application: Application) -> int:
    """The key of `desk`, registered."""
    return add(server, Broadcast(application=application, stream_id=STREAM))


async def open_page(site: Site, path: str) -> Page:
    page = await site.context.new_page()
    await page.goto(f"{site.url}/admin/streams/{path}")
    return page


async def test_a_token_is_made_by_a_button_and_its_link_is_copied(
    site: Site, application: Application, broadcast: int
) -> None:
    page = await open_page(site, f"broadcast/{broadcast}/change/")
    tokens = page.get_by_role("region", name="Tokens")
    await tokens.get_by_label("Good for:").select_option("1 hour")

    await tokens.get_by_role("button", name="Make a token").click()

    message = page.locator(".messagelist")
    await expect(message).to_contain_text("A token to play:")
    token = await message.locator("code").text_content()
    await expect(tokens.locator("code")).to_have_text(token or "")
    await message.get_by_role("button", name="Copy link").click()
    await expect(message.get_by_role("button", name="Copied")).to_be_visible()
    link = await page.evaluate("navigator.clipboard.readText()")
    assert link == f"{site.url}/{application.name}/play?id={STREAM}&token={token}"
    assert site.complaints == []


async def test_a_subscriber_enrols_is_checked_and_is_blocked(
    site: Site, server: ServerProcess, application: Application
) -> None:
    anna = add_subscriber(
        server, application, STREAM, "anna", totp_period_s=100_000_000
    )
    page = await open_page(site, f"subscriber/{anna.pk}/change/")
    await expect(page.get_by_text("There is no secret")).to_be_visible()
    await page.get_by_role("button", name="New secret").click()

    await page.get_by_text("Show the code for an authenticator app").click()
    picture = await page.locator(".qr svg").bounding_box()
    assert picture is not None
    assert picture["width"] == picture["height"] > 150

    (row,) = server.rows("SELECT * FROM streams_subscriber WHERE id = ?", anna.pk)
    code = totp_code(stored_key(row["b32_secret"]), 100_000_000, int(time.time()))
    message = page.locator(".messagelist")
    await page.get_by_label("Code:", exact=True).fill(code)
    await page.get_by_role("button", name="Check the code").click()
    await expect(message).to_have_text("This code would be accepted to play.")
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(message).to_contain_text("Blocked anna: publishing and playing, until")
    await page.get_by_label("Code:", exact=True).fill(code)
    await page.keyboard.press("Enter")
    await expect(message).to_contain_text("the subscriber is blocked")
    await page.get_by_role("button", name="Unblock").click()
    await expect(message).to_have_text("No longer blocked: anna.")
    assert site.complaints == []


async def test_a_live_stream_is_not_deleted_but_stopped(site: Site) -> None:
    publisher = await site.publish(STREAM)
    page = await open_page(site, f"broadcast/?q={STREAM}&live=live")
    await page.get_by_role("link", name=STREAM).click()
    await page.get_by_role("link", name="Delete", exact=True).last.click()
    await expect(page.get_by_text("Stop the stream first.")).to_be_visible()
    await page.get_by_role("link", name=f"Back to {STREAM}").click()

    await page.get_by_role("button", name="Stop the stream").click()

    await expect(page.locator(".messagelist")).to_contain_text("is being stopped")
    await expect(publisher.locator("#screen")).not_to_have_attribute(
        "data-state", "live", timeout=LIVE_MS
    )
    assert site.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
async def test_no_page_scrolls_sideways(
    site: Site,
    server: ServerProcess,
    application: Application,
    broadcast: int,
    width: int,
) -> None:
    add_token(server, application, STREAM, "play", room="a-room")
    subscriber = add_subscriber(server, application, STREAM, "s" * 60)
    page = await site.context.new_page()
    await page.set_viewport_size({"width": width, "height": 800})

    for path in PAGES:
        filled = path.format(
            application=application.pk, broadcast=broadcast, subscriber=subscriber.pk
        )
        await page.goto(f"{site.url}/admin/streams/{filled}")
        assert not await has_sideways_scroll(page), path
    assert site.complaints == []
