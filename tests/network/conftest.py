"""A real server behind the impairment relay, and a real Chromium before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import browser, context, sdk, sdk_pages_url
from tests.browser.sdk import SdkBrowser
from tests.impairment import LISTEN, Network
from tests.network.scene import Scene
from tests.server_process import ServerProcess

__all__ = ["browser", "context", "sdk", "sdk_pages_url"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser, so one event loop for all tests of this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def far_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that its clients reach through `network` alone."""
    running = ServerProcess(tmp_path_factory.mktemp("far"), PUBLIC_IP=LISTEN)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="session")
def network(far_server: ServerProcess) -> Iterator[Network]:
    with Network.started(far_server.media_port, seed=7) as network:
        yield network


@pytest.fixture
def scene(far_server: ServerProcess, network: Network, sdk: SdkBrowser) -> Scene:
    return Scene(far_server, network, sdk)
