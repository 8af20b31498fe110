"""A server that has IPv6 alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.pairs import selected_pair
from tests.browser.sdk import SdkBrowser
from tests.server_process import ServerProcess

HOST = "::1"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((HOST, 0))
    except OSError:
        return False
    return True


class Ipv6Server(ServerProcess):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, BIND=HOST, PUBLIC_IP=HOST)

    @property
    def url(self) -> str:
        return f"http://[{HOST}]:{self.http_port}"

    def websocket_url(self, application: str = "LiveApp") -> str:
        return f"ws://[{HOST}]:{self.http_port}/{application}/websocket"


@pytest.fixture
def ipv6_server(tmp_path: Path) -> Iterator[ServerProcess]:
    running = Ipv6Server(tmp_path)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_it_publishes_and_plays(
    sdk: SdkBrowser, ipv6_server: ServerProcess
) -> None:
    publisher = await sdk.open(ipv6_server)
    await publisher.start()
    await publisher.publish("six")
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(ipv6_server)
    await viewer.start(play_only=True)
    await viewer.play("six")
    await viewer.wait_for_frames(30)
    for page in (publisher, viewer):
        assert (await selected_pair(page, "six")).remote_address == HOST
        assert await page.page.evaluate("window.failures") == []
