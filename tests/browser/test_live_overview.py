"""The admin's live overview in a real Chromium."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, WebSocketRoute, expect

from tests.browser.pages import Site, has_sideways_scroll
from tests.server_process import ServerProcess

SOCKET = "**/admin/live/socket"
AT = 1_800_000_003_000
_numbers = itertools.count(1)
TOTALS = ("publishers", "viewers", "incoming", "outgoing", "relays", "web", "refused")


@pytest.fixture
def site(context: BrowserContext, server: ServerProcess) -> Site:
    return Site(context, server.url)


_sessions: dict[str, Any] = {}  # cookies by server: a password is slow to check


async def log_in(site: Site) -> Page:
    """A page of somebody who may see everything; nothing is opened in it yet."""
    page = await site.context.new_page()
    if site.url in _sessions:
        await site.context.add_cookies(_sessions[site.url])
        return page
    await page.goto(f"{site.url}/admin/login/?next=/admin/")
    await page.get_by_label("Username").fill("admin")
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator("#user-tools")).to_be_visible()
    _sessions[site.url] = await site.context.cookies()
    return page


async def overview(site: Site, page: Page) -> None:
    await page.goto(f"{site.url}/admin/live/")


def stream(**fields: Any) -> dict[str, Any]:
    return {
        "key": 1,
        "application": "LiveApp",
        "stream": "cam",
        "name": "",
        "state": "live",
        "since": AT - 65_000,
        "viewers": 3,
        "bitrate": 1_500_000,
        "width": 1280,
        "height": 720,
        "codecs": "VP8",
        "loss": None,
        "rtt": None,
        **fields,
    }


def snapshot(*streams: dict[str, Any], **fields: Any) -> str:
    known: list[int | None] = [None] * 58
    said = {
        "at": AT,
        "totals": dict.fromkeys(TOTALS, 0) | {"incoming": 1_500_000},
        "refused": [],
        "streams": streams,
        "leftOut": 0,
        "relays": [],
        "history": {
            "end": AT - AT % 10_000,
            "step": 10_000,
            "viewers": [*known, 2, 3, 3],
            "incoming": [*known, 1_000_000, 1_400_000, 1_500_000],
            "refused": [0] * 61,
        },
        **fields,
    }
    return json.dumps(said)


def saying(*texts: str) -> Callable[[WebSocketRoute], None]:
    """A stand-in server: the next text each time the last was acknowledged."""

    def handle(socket: WebSocketRoute) -> None:
        left = iter(texts)

        def on_message(message: str | bytes) -> None:
            assert message == "seen"
            if text := next(left, None):
                socket.send(text)

        socket.on_message(on_message)
        on_message("seen")

    return handle


async def test_it_follows_a_stream_from_its_start_to_its_end(site: Site) -> None:
    name = f"overview-{next(_numbers)}"
    page = await log_in(site)
    site.complaints.clear()  # a browser asks for /favicon.ico, which is not there
    await overview(site, page)
    await expect(page.get_by_role("status")).to_contain_text("Connected")
    await expect(page.locator("[data-total=relays]")).to_have_text("1")
    row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))

    publisher = await site.publish(name)
    await site.play(name)

    await expect(row.locator("[data-label=State]")).to_have_text("live")
    await expect(row.locator("[data-label=Viewers]")).to_have_text("1")
    await expect(row.locator("[data-label=Bitrate]")).to_contain_text("bit/s")
    await expect(row.locator("[data-label=Codecs]")).not_to_be_empty()
    link = await row.get_by_role("link", name=name).get_attribute("href")
    assert link is not None
    change = await site.context.request.get(f"{site.url}{link}")
    assert name in await change.text()

    await publisher.get_by_role("button", name="Stop").click()

    await expect(row).to_have_count(0)
    assert site.complaints == []


async def test_figures_are_text_and_told_in_the_time_zone_of_the_browser(
    site: Site,
) -> None:
    page = await log_in(site)
    markup = stream(name="<img src=x onerror=\"document.title='broken'\">")
    others = [stream(key=2, stream="idle", state="parked", since=0, bitrate=0)]
    refused = [{"reason": "<b>unauthorized</b>", "count": 7}]
    text = snapshot(markup, *others, leftOut=3, refused=refused)
    await page.route_web_socket(SOCKET, saying(text))
    await overview(site, page)

    await expect(page.locator("[data-total=incoming]")).to_have_text("1.5 Mbit/s")
    first, second = (page.locator("#live-streams tr").nth(i) for i in (0, 1))
    await expect(first).to_contain_text("<img src=x")
    await expect(first.locator("[data-label=Since]")).to_contain_text("(1:05)")
    await expect(second.locator("[data-label=State]")).to_have_text("waiting")
    await expect(page.locator("#live-left-out")).to_contain_text("3 more are not")
    await expect(page.locator("#live-refused")).to_contain_text("<b>unauthorized</b>")
    assert await page.locator("#live img, #live-refused b").count() == 0
    zone = await page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    await expect(page.locator("#live-zone")).to_contain_text(zone)


async def test_charts_are_told_in_words_and_as_a_table(site: Site) -> None:
    page = await log_in(site)
    await page.route_web_socket(SOCKET, saying(snapshot()))
    await overview(site, page)

    viewers = page.get_by_role("img", name="Viewers, the last ten minutes")
    await expect(viewers.locator("desc")).to_have_text("Now 3; between 2 and 3.")
    assert await viewers.locator(".line").count() == 1
    await page.get_by_text("These figures as a table").click()
    past = page.locator("#live-past tr")
    await expect(past).to_have_count(10)
    await expect(past.first).to_contain_text("1.4 Mbit/s")
    await expect(past.last).to_contain_text("not known")


async def test_an_empty_server_is_said_in_words_and_fits_a_phone(site: Site) -> None:
    page = await log_in(site)
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.route_web_socket(SOCKET, saying(snapshot(), snapshot(stream())))
    await overview(site, page)
    await expect(page.get_by_text("Nobody was refused.")).to_be_visible()

    row = page.locator("#live-streams tr")
    await expect(row).to_have_count(1)
    await expect(page.locator("#live-empty")).to_be_hidden()
    assert not await has_sideways_scroll(page)


async def test_a_lost_connection_is_said_and_comes_back(site: Site) -> None:
    page = await log_in(site)
    sockets: list[WebSocketRoute] = []

    def handle(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.send(snapshot())

    await page.route_web_socket(SOCKET, handle)
    await overview(site, page)
    status = page.get_by_role("status")
    await expect(status).to_contain_text("Connected")
    await expect(page.locator("#live-empty")).to_be_visible()

    await sockets[0].close(code=1001)

    await expect(status).to_contain_text("Connection lost")
    await expect(status).to_contain_text("Connected")
    assert len(sockets) == 2

    sockets[1].send(json.dumps({"unavailable": True}))
    await expect(status).to_contain_text("database does not answer")


@pytest.mark.parametrize(
    ("code", "words"), [(4401, "logged out"), (4403, "may not see this page")]
)
async def test_who_may_not_watch_any_more_is_told_and_does_not_come_back(
    site: Site, code: int, words: str
) -> None:
    page = await log_in(site)
    sockets: list[WebSocketRoute] = []

    async def handle(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        await socket.close(code=code)

    await page.route_web_socket(SOCKET, handle)
    await overview(site, page)

    status = page.get_by_role("status")
    await expect(status).to_contain_text(words)
    login = status.get_by_role("link", name="Log in again")
    await expect(login).to_have_count(1 if code == 4401 else 0)
    if code == 4401:
        await expect(login).to_have_attribute("href", "/admin/login/?next=/admin/live/")
    assert len(sockets) == 1


async def test_it_shows_the_publishers_path_and_the_relays(site: Site) -> None:
    page = await log_in(site)
    relay = {
        "name": "relay-1",
        "busy": True,
        "streams": 2,
        "peers": 800,
        "cpu": 0.934,
        "lag": 120.4,
        "memory": 250_000_000,
        "outgoing": 1_200_000_000,
    }
    quiet = relay | {"name": "relay-2", "busy": False, "memory": 0, "outgoing": 0}
    lossy = stream(loss=0.0123, rtt=48)
    await page.route_web_socket(
        SOCKET, saying(snapshot(lossy, stream(key=2), relays=[relay, quiet]))
    )
    await overview(site, page)

    rows = page.locator("#live-streams tr")
    await expect(rows.first.locator("[data-label=Loss]")).to_have_text("1.2 %")
    await expect(rows.first.locator("[data-label=RTT]")).to_have_text("48 ms")
    await expect(rows.last.locator("[data-label=Loss]")).to_have_text("–")  # noqa: RUF001  the page has it
    cells = page.locator("#live-relays tr").first.locator("td")
    await expect(cells).to_have_text(
        [
            "relay-1",
            "refuses newcomers",
            "2",
            "800",
            "93 %",
            "120 ms",
            "250 MB",
            "1200.0 Mbit/s",
        ]
    )
    await expect(page.locator("#live-relays tr").last).to_contain_text(
        "takes newcomers"
    )
    await page.set_viewport_size({"width": 390, "height": 800})
    assert not await has_sideways_scroll(page)
