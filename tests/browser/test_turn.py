"""Media through a TURN server, whose credentials the page gets from ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.models import Application
from tests.browser.coturn import Coturn, running_coturn
from tests.browser.pairs import selected_pair
from tests.browser.sdk import WAIT_MS, SdkBrowser, SdkPage
from tests.rows import add_application
from tests.server_process import ServerProcess

SECRET = "known to both servers"
# What the SDK took from `iceServerConfig`. It tells no callback (contract T18).
READ_SERVERS = """() => (window.adaptor.peerconnection_config.iceServers ?? [])
  .filter((server) => String(server.urls).startsWith("turn:"))"""


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with running_coturn(tmp_path_factory.mktemp("coturn"), SECRET) as running:
        yield running


@pytest.fixture
def application(server: ServerProcess, coturn: Coturn) -> Application:
    return add_application(
        server, stun_server_uri=coturn.uri, turn_shared_secret=SECRET
    )


async def relayed_page(
    sdk: SdkBrowser, server: ServerProcess, application: Application, *, plays: bool
) -> SdkPage:
    """A page that may go through a TURN server only, and knows one."""
    page = await sdk.open(server, application=application.name)
    await page.start(
        play_only=plays, peerconnection_config={"iceTransportPolicy": "relay"}
    )
    await page.page.wait_for_function(f"({READ_SERVERS})().length > 0", timeout=WAIT_MS)
    return page


async def test_it_publishes_and_plays_through_the_turn_server(
    sdk: SdkBrowser,
    server: ServerProcess,
    application: Application,
    coturn: Coturn,
) -> None:
    publisher = await relayed_page(sdk, server, application, plays=False)
    await publisher.publish("relayed")
    await publisher.wait_for_call("publish_started")
    viewer = await relayed_page(sdk, server, application, plays=True)
    await viewer.play("relayed")
    await viewer.wait_for_frames(30)
    for page in (publisher, viewer):
        assert (await selected_pair(page, "relayed")).local_type == "relay"
    users = [
        (await page.page.evaluate(READ_SERVERS))[0]["username"]
        for page in (publisher, viewer)
    ]
    assert len(set(users)) == 2
    for user in users:
        assert f"user <{user}>" in coturn.log()
    assert SECRET not in server.log()
