"""The real server and a real Firefox, in two network namespaces."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.sdk import serve_sdk_pages
from tests.firefox.firefox import Firefox, running_firefox
from tests.firefox.meeting import Meet, Participant
from tests.firefox.namespaces import (
    SERVER_ADDRESS,
    Network,
    joined_namespaces,
    may_make_namespaces,
)
from tests.firefox.sdk import Opens, SdkPage, SdkPages
from tests.server_process import ServerProcess

HERE = Path(__file__).parent
_numbers = itertools.count(1)


class NamespacedServer(ServerProcess):
    """The real server, at an address that only the browser's namespace knows."""

    def __init__(self, data_dir: Path, network: Network) -> None:
        super().__init__(data_dir, BIND=SERVER_ADDRESS, PUBLIC_IP=SERVER_ADDRESS)
        self._namespace = network.server

    @property
    def url(self) -> str:
        return f"http://{SERVER_ADDRESS}:{self.http_port}"

    def websocket_url(self, application: str = "LiveApp") -> str:
        return f"ws://{SERVER_ADDRESS}:{self.http_port}/{application}/websocket"

    def start(self) -> None:
        with self._namespace.entered():
            super().start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def network() -> Iterator[Network]:
    if os.geteuid() != 0 and not may_make_namespaces():
        pytest.skip("Firefox's tests need network namespaces, which need root")
    with joined_namespaces() as joined:
        yield joined


@pytest.fixture(scope="package")
def server(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """One running server for the tests that do not harm it."""
    running = NamespacedServer(tmp_path_factory.mktemp("server"), network)
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="package")
def firefox(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox]:
    log_path = tmp_path_factory.mktemp("firefox") / "firefox.log"
    # The server's own pages may use a camera as well, as if they came over TLS.
    secure = {"dom.securecontext.allowlist": SERVER_ADDRESS}
    with running_firefox(network.browser, log_path, **secure) as running:
        yield running


@pytest.fixture(scope="package")
def sdk_pages_url(network: Network) -> Iterator[str]:
    """On loopback beside Firefox: only there may a page without TLS use a camera."""
    with ExitStack() as stack:
        with network.browser.entered():
            url = stack.enter_context(serve_sdk_pages())
        yield url


@pytest.fixture
def sdk(
    firefox: Firefox, server: ServerProcess, sdk_pages_url: str
) -> Iterator[SdkPages]:
    pages = SdkPages(firefox, server, sdk_pages_url)
    yield pages
    pages.close()


@pytest.fixture
def publishing(sdk: SdkPages) -> Opens:
    """Opens a page that publishes a stream."""

    def publish(stream: str, application: str = "LiveApp") -> SdkPage:
        page = sdk.open(application)
        page.start()
        page.call("publish", stream)
        page.wait_for_call("publish_started")
        return page

    return publish


@pytest.fixture
def playing(sdk: SdkPages) -> Opens:
    """Opens a page that plays a stream."""

    def play(stream: str, application: str = "LiveApp") -> SdkPage:
        page = sdk.open(application)
        page.start(play_only=True)
        page.call("play", stream)
        page.wait_for_call("play_started")
        return page

    return play


@pytest.fixture
def meet(sdk: SdkPages, stream_id: str) -> Meet:
    """Brings a participant into the test's room."""

    def join(stream: str, application: str = "LiveApp") -> Participant:
        participant = Participant(sdk.open(application), f"{stream_id}-room", stream)
        participant.meet()
        return participant

    return join


@pytest.fixture
def stream_id(request: pytest.FixtureRequest) -> str:
    """An id that no other test uses."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", request.node.name)
    return f"{name[:80]}-{next(_numbers)}"
