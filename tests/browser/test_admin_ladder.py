"""The table of renditions in the admin, in a real Chromium with and without scripts."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from streams.models import Application, Broadcast
from tests.browser.pages import has_sideways_scroll
from tests.rows import add, add_application
from tests.server_process import ServerProcess

LOW = {
    "height": 240,
    "videoBitrate": 400_500,
    "audioBitrate": 0,
    "forceEncode": False,
    "forceSameResolutionEncode": True,
}


@pytest.fixture
def application(server: ServerProcess) -> Application:
    return add_application(server, encoder_settings=[LOW])


async def log_in(server: ServerProcess, context: BrowserContext, path: str) -> Page:
    page = await context.new_page()
    await page.goto(f"{server.url}/admin/login/?next=/admin/streams/{path}")
    await page.get_by_label("Username").fill("admin")
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Log in").click()
    return page


async def open_ladder(
    server: ServerProcess, context: BrowserContext, application: Application
) -> tuple[Page, Locator]:
    path = f"application/{application.pk}/change/"
    page = await log_in(server, context, path)
    await page.locator("summary", has_text="Adaptive quality").click()
    return page, page.locator(".ladder")


async def save(page: Page) -> None:
    button = page.get_by_role("button", name="Save and continue editing")
    await button.click()
    await expect(page.locator(".messagelist .success")).to_be_visible()


def stored(server: ServerProcess, table: str, key: int) -> Any:
    database = sqlite3.connect(server.data_dir / "db.sqlite3")
    query = f"SELECT encoder_settings FROM streams_{table} WHERE id = ?"  # noqa: S608
    (text,) = database.execute(query, (key,)).fetchone()
    database.close()
    return json.loads(text)


async def test_renditions_are_added_and_removed(
    server: ServerProcess, context: BrowserContext, application: Application
) -> None:
    page, ladder = await open_ladder(server, context, application)
    rows = ladder.locator("tbody tr")
    await expect(rows).to_have_count(1)

    await ladder.get_by_role("button", name="Add a rendition").click()

    await expect(rows).to_have_count(2)
    height = rows.nth(1).get_by_label("Height in pixels")
    await expect(height).to_be_focused()
    await expect(height).to_have_value("480")
    await rows.nth(1).get_by_label("Video bitrate").fill("900")
    await save(page)
    assert stored(server, "application", application.pk) == [
        {
            "height": 480,
            "videoBitrate": 900_000,
            "audioBitrate": 0,
            "forceEncode": True,
            "forceSameResolutionEncode": False,
        },
        LOW,
    ]

    await page.locator("summary", has_text="Adaptive quality").click()
    await ladder.get_by_role("button", name="Remove rendition 1").click()
    await ladder.get_by_role("button", name="Remove rendition 1").click()
    await expect(ladder.get_by_role("button", name="Add a rendition")).to_be_focused()
    await save(page)
    assert stored(server, "application", application.pk) == []


async def test_there_is_room_for_ten(
    server: ServerProcess, context: BrowserContext, application: Application
) -> None:
    _, ladder = await open_ladder(server, context, application)
    more = ladder.get_by_role("button", name="Add a rendition")

    for _ in range(9):
        await more.click()

    await expect(more).to_be_hidden()
    await ladder.get_by_role("button", name="Remove rendition 10").click()
    await expect(more).to_be_visible()


async def test_it_works_without_scripts(
    server: ServerProcess, browser: Browser, application: Application
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page, ladder = await open_ladder(server, context, application)
    rows = ladder.locator("tbody tr")
    await expect(rows).to_have_count(4)
    await expect(ladder.locator("button:visible")).to_have_count(0)

    await rows.nth(0).get_by_label("Remove").check()
    await rows.nth(2).get_by_label("Height in pixels").fill("360")
    await save(page)

    (rung,) = stored(server, "application", application.pk)
    assert (rung["height"], rung["forceEncode"]) == (360, True)
    await context.close()


async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    server: ServerProcess, context: BrowserContext, application: Application
) -> None:
    page, ladder = await open_ladder(server, context, application)
    row = ladder.locator("tbody tr").first
    # As a browser would that checks nothing by itself.
    await page.evaluate("document.querySelector('#application_form').noValidate = true")
    await row.get_by_label("Video bitrate").fill("100001")

    await page.get_by_role("button", name="Save and continue editing").click()

    await expect(page.locator(".field-encoder_settings .errorlist")).to_contain_text(
        "Rendition 1: the video bitrate is a number up to 100000."
    )
    await expect(row.get_by_label("Video bitrate")).to_have_value("100001")
    assert stored(server, "application", application.pk) == [LOW]


@pytest.mark.parametrize("width", [320, 1280])
async def test_a_broadcast_has_a_ladder_of_its_own(
    server: ServerProcess,
    context: BrowserContext,
    application: Application,
    width: int,
) -> None:
    row = Broadcast(application=application, stream_id=f"desk-{width}")
    key = add(server, row)
    page = await log_in(server, context, f"broadcast/{key}/change/")
    await page.set_viewport_size({"width": width, "height": 800})
    ladder = page.locator(".ladder")
    await expect(ladder.locator("tbody tr")).to_have_count(0)

    await ladder.get_by_role("button", name="Add a rendition").click()
    assert not await has_sideways_scroll(page)
    await save(page)

    (rung,) = stored(server, "broadcast", key)
    assert rung["height"] == 480
