"""The project's own pages in a real Firefox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.firefox.firefox import Firefox, Page
from tests.server_process import ServerProcess

IS_LIVE = "() => document.getElementById('screen').dataset.state === 'live'"
SHOWS_FRAMES = """() => new Promise((resolve) => {
  let left = 10;
  const video = document.getElementById("video");
  const onFrame = () => (--left > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(true));
  video.requestVideoFrameCallback(onFrame);
})"""
HAS_NO_SIDEWAYS_SCROLL = """() =>
  document.documentElement.scrollWidth <= window.innerWidth"""
PHONE = {"width": 390, "height": 800}


class Site:
    """Opens pages of LiveApp, and closes them."""

    def __init__(self, firefox: Firefox, server: ServerProcess) -> None:
        self.firefox = firefox
        self._url = server.url
        self._open: list[Page] = []

    def open(self, path: str) -> Page:
        page = self.firefox.open(f"{self._url}/LiveApp/{path}", **PHONE)
        self._open.append(page)
        return page

    def close(self) -> None:
        for page in self._open:
            page.close()


@pytest.fixture
def site(firefox: Firefox, server: ServerProcess) -> Iterator[Site]:
    firefox.complaints()
    opened = Site(firefox, server)
    yield opened
    opened.close()


def test_a_page_publishes_and_another_plays(site: Site, stream_id: str) -> None:
    publisher = site.open(f"publish?id={stream_id}")
    publisher.wait_for("() => !document.getElementById('go').disabled")
    publisher.click("#go")
    publisher.wait_for(IS_LIVE)

    viewer = site.open(f"play?id={stream_id}")
    viewer.wait_for(IS_LIVE)
    assert viewer.evaluate(SHOWS_FRAMES)
    for page in (publisher, viewer):
        assert page.evaluate(HAS_NO_SIDEWAYS_SCROLL)
    assert site.firefox.complaints() == []
