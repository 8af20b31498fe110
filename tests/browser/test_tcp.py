"""ICE over TCP: the unmodified SDK in a Chromium whose network lets no UDP through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.browser.pairs import selected_pair
from tests.browser.sdk import SdkBrowser, playing, publishing
from tests.browser.tcp_only import PUBLIC_ADDRESS, TcpOnly, tcp_only_network
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def far_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("far"), PUBLIC_IP=PUBLIC_ADDRESS)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest_asyncio.fixture(loop_scope="session")
async def network(far_server: ServerProcess) -> AsyncIterator[TcpOnly]:
    async with tcp_only_network(far_server.media_port) as network:
        yield network


@pytest.mark.usefixtures("network")
async def test_it_publishes_and_plays_without_udp(
    sdk: SdkBrowser, far_server: ServerProcess
) -> None:
    publisher = await publishing(sdk, far_server, "over-tcp")
    viewer = await playing(sdk, far_server, "over-tcp")
    await viewer.wait_for_frames(30)
    for page in (publisher, viewer):
        assert (await selected_pair(page, "over-tcp")).protocol == "tcp"
        assert await page.page.evaluate("window.failures") == []
    video = await viewer.inbound_video("over-tcp")
    assert video["packetsLost"] == 0


async def test_media_goes_on_after_its_connections_were_cut(
    sdk: SdkBrowser, far_server: ServerProcess, network: TcpOnly
) -> None:
    await publishing(sdk, far_server, "cut")
    viewer = await playing(sdk, far_server, "cut")
    await viewer.wait_for_frames(30)
    before = network.connections
    network.cut()
    await viewer.wait_for_frames(40)
    assert network.connections > before
    calls = await viewer.page.evaluate("window.calls.map((call) => call.info)")
    assert calls.count("play_started") == 1  # neither page had to begin anew
    assert "play_finished" not in calls


async def test_with_udp_there_is_no_media_over_tcp(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    publisher = await publishing(sdk, server, "over-udp")
    viewer = await playing(sdk, server, "over-udp")
    await viewer.wait_for_frames(30)
    for page in (publisher, viewer):
        assert (await selected_pair(page, "over-udp")).protocol == "udp"
