from __future__ import annotations

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from signalling.routing import websocket_urlpatterns
from tests.signalling.conftest import Open


@pytest.mark.parametrize(
    ("path", "legacy"),
    [
        ("/LiveApp/websocket", False),
        ("/LiveApp/websocket/", False),
        ("/LiveApp/websocket?target=origin&rtmpForward=undefined", False),
        ("/WebRTCApp4", True),
        ("/WebRTCApp4/", True),
        ("/WebRTCApp4/websocket", True),
        ("/WebRTCApp4?target=edge", True),
    ],
)
async def test_the_path_says_application_and_dialect(
    open_socket: Open, path: str, legacy: bool
) -> None:
    client = await open_socket(path)

    answer = await client.ask("getStreamInfo", "s1")

    assert ("streamName" in answer) is legacy


@pytest.mark.parametrize(
    "path", ["/", "/LiveApp", "/LiveApp/websocket/x", "/a/b/websocket", "/websocket"]
)
async def test_any_other_path_is_refused(path: str) -> None:
    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), path)

    accepted, _ = await socket.connect()

    assert not accepted
    await socket.wait()
