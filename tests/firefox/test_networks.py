"""Firefox where there is no UDP, and where there is IPv6 alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.browser.sdk import serve_sdk_pages
from tests.browser.tcp_only import tcp_only_network
from tests.firefox.conftest import NamespacedServer
from tests.firefox.firefox import Firefox, running_firefox
from tests.firefox.namespaces import SERVER_ADDRESS, Network, joined_namespaces
from tests.firefox.sdk import SdkPages
from tests.server_process import ServerProcess

SECOND_ADDRESS = "10.99.1.1"  # of the server's namespace: TCP gets through to it
IPV6_SERVER, IPV6_BROWSER = "fd00:99::1", "fd00:99::2"
READ_PAIR = """async (id) => {
  const rows = await window.adaptor.remotePeerConnection[id].getStats();
  const pair = [...rows.values()].find(
    (row) => row.type === "candidate-pair" && row.selected);
  const remote = rows.get(pair.remoteCandidateId);
  return [remote.protocol, remote.address];
}"""


@pytest.fixture(scope="module")
def own_network(network: Network) -> Iterator[Network]:
    """Namespaces as the other tests' ones, with more addresses.

    `network` is asked for only because it knows whether there can be any.
    """
    with joined_namespaces() as made:
        made.server.run(f"ip address add {SECOND_ADDRESS}/32 dev veth0")
        made.server.run(f"ip address add {IPV6_SERVER}/64 dev veth0 nodad")
        made.browser.run(f"ip address add {IPV6_BROWSER}/64 dev veth0 nodad")
        made.browser.run(f"ip -6 route add default via {IPV6_SERVER}")
        yield made


@pytest.fixture(scope="module")
def own_firefox(
    own_network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox]:
    log_path = tmp_path_factory.mktemp("firefox") / "firefox.log"
    with running_firefox(own_network.browser, log_path) as running:
        yield running


@pytest.fixture(scope="module")
def own_pages_url(own_network: Network) -> Iterator[str]:
    with ExitStack() as stack:
        with own_network.browser.entered():
            url = stack.enter_context(serve_sdk_pages())
        yield url


@contextmanager
def serving(
    network: Network, data_dir: Path, **environment: str
) -> Iterator[ServerProcess]:
    server = NamespacedServer(data_dir, network)
    server.environment.update(environment)
    server.start()
    yield server
    assert server.stop() == 0, server.log()[-4000:]


@contextmanager
def tcp_alone(network: Network, port: int) -> Iterator[None]:
    """SECOND_ADDRESS lets TCP through to the server, and swallows UDP."""
    up = threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with tcp_only_network(port, SECOND_ADDRESS, SERVER_ADDRESS):
            up.set()
            await over.wait()

    def run() -> None:
        with network.server.entered():
            loop.run_until_complete(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def publish_and_play(pages: SdkPages, stream: str) -> list[str]:
    """Media flows; protocol and address of the server as both pages reach it."""
    publisher = pages.open()
    publisher.start()
    publisher.call("publish", stream)
    publisher.wait_for_call("publish_started")
    viewer = pages.open()
    viewer.start(play_only=True)
    viewer.call("play", stream)
    viewer.wait_for_media(stream)
    assert pages.failures() == []
    first, second = (
        page.page.evaluate(READ_PAIR, stream) for page in (publisher, viewer)
    )
    assert first == second
    return list(first)


def test_it_publishes_and_plays_without_udp(
    own_network: Network, own_firefox: Firefox, own_pages_url: str, tmp_path: Path
) -> None:
    with (
        serving(own_network, tmp_path, PUBLIC_IP=SECOND_ADDRESS) as server,
        tcp_alone(own_network, server.media_port),
    ):
        pages = SdkPages(own_firefox, server, own_pages_url)
        assert publish_and_play(pages, "tcp") == ["tcp", SECOND_ADDRESS]
        pages.close()


def test_it_publishes_and_plays_over_ipv6(
    own_network: Network, own_firefox: Firefox, own_pages_url: str, tmp_path: Path
) -> None:
    # Signalling goes over IPv4 here, as for a site that has both.
    both = {"BIND": "0.0.0.0", "PUBLIC_IP": IPV6_SERVER}  # noqa: S104
    with serving(own_network, tmp_path, **both) as server:
        pages = SdkPages(own_firefox, server, own_pages_url)
        assert publish_and_play(pages, "six") == ["udp", IPV6_SERVER]
        pages.close()
