"""A NAT gives a page another port in the middle of a stream. The page cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.impairment import LISTEN, Network
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
def far_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("far"), PUBLIC_IP=LISTEN)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="module")
def network(far_server: ServerProcess) -> Iterator[Network]:
    with Network.started(far_server.media_port, seed=5) as network:
        yield network


@dataclass(frozen=True, slots=True)
class Scene:
    """Two pages behind a NAT each."""

    publisher: SdkPage
    viewer: SdkPage

    async def assert_nothing_began_anew(self) -> None:
        for page, info in ((self.publisher, "publish_"), (self.viewer, "play_")):
            calls = await page.page.evaluate("window.calls.map((call) => call.info)")
            assert [c for c in calls if c.startswith(info)] == [f"{info}started"]
            assert not [c for c in calls if c.startswith("reconnection")]


async def open_scene(
    sdk: SdkBrowser, server: ServerProcess, network: Network, stream: str
) -> Scene:
    publisher = await sdk.open(server)
    await publisher.start()
    network.newcomers(f"{stream}-publisher")
    await publisher.publish(stream)
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server)
    await viewer.start(play_only=True)
    network.newcomers(f"{stream}-viewer")
    await viewer.play(stream)
    await viewer.wait_for_call("play_started")
    await viewer.wait_for_frames(30)
    return Scene(publisher, viewer)


@pytest.mark.parametrize("moved", ["publisher", "viewer"])
async def test_media_goes_on_from_a_new_port(
    sdk: SdkBrowser, far_server: ServerProcess, network: Network, moved: str
) -> None:
    stream = f"rebound-{moved}"
    scene = await open_scene(sdk, far_server, network, stream)
    for _ in range(2):
        network.rebind(f"{stream}-{moved}")
        await scene.viewer.wait_for_frames(60)
    await scene.assert_nothing_began_anew()


async def test_media_goes_on_from_a_new_address(
    sdk: SdkBrowser, far_server: ServerProcess, network: Network
) -> None:
    scene = await open_scene(sdk, far_server, network, "elsewhere")
    network.rebind("elsewhere-viewer", "127.0.0.9")
    await scene.viewer.wait_for_frames(60)
    network.rebind("elsewhere-publisher", "127.0.0.10")
    await scene.viewer.wait_for_frames(60)
    await scene.assert_nothing_began_anew()
