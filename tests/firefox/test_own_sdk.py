"""The project's own SDK in Firefox, as a plain script and as a module."""

from __future__ import annotations

import pytest

from tests.firefox.sdk import SdkPage, SdkPages
from tests.server_process import ServerProcess

PLAIN = """(url) => new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement("script"),
    {src: `${url}.js`, onload: () => resolve(true), onerror: reject}));
})"""
MODULE = """async (url) => {
  const {WebRTCAdaptor} = await import(`${url}.mjs`);
  return WebRTCAdaptor === window.WebRTCAdaptor;
}"""


def open_page(sdk: SdkPages, server: ServerProcess, loading: str = PLAIN) -> SdkPage:
    page = sdk.open()
    assert page.page.evaluate(loading, f"{server.url}/static/js/webrtc_adaptor")
    assert page.page.evaluate("() => typeof window.WebRTCAdaptor.version") == "string"
    return page


@pytest.mark.parametrize("loading", [PLAIN, MODULE], ids=["plain", "module"])
def test_it_publishes_plays_and_sends_data(
    sdk: SdkPages, server: ServerProcess, stream_id: str, loading: str
) -> None:
    publisher = open_page(sdk, server, loading)
    publisher.start()
    publisher.call("publish", stream_id)
    publisher.wait_for_call("publish_started")
    viewer = open_page(sdk, server, loading)
    viewer.start(play_only=True)
    viewer.call("play", {"streamId": stream_id})

    viewer.page.wait_for(
        "(id) => window.adaptor.sessionState(id) === 'live'", stream_id
    )
    viewer.wait_for_media(stream_id)
    publisher.wait_for_call("data_channel_opened")
    viewer.wait_for_call("data_channel_opened")
    publisher.call("sendData", stream_id, "hello")
    assert viewer.wait_for_call("data_received")["data"] == "hello"
    assert sdk.failures() == []
    assert sdk.firefox.complaints() == []


def test_two_peers_meet_and_a_camera_goes_off_and_on(
    sdk: SdkPages, server: ServerProcess, stream_id: str
) -> None:
    first, second = open_page(sdk, server), open_page(sdk, server)
    for page in (first, second):
        page.start()
        page.call("join", stream_id)
        page.wait_for_call("joined")
    first.wait_for_media(stream_id)
    second.wait_for_media(stream_id)

    first.call("turnOffLocalCamera")
    second.wait_for_media(stream_id, frames=2)
    first.call("turnOnLocalCamera")
    second.wait_for_media(stream_id)
    second.call("leave")
    second.wait_for_call("leaved")
    first.page.wait_for(
        "(id) => window.adaptor.sessionState(id) === 'waiting'", stream_id
    )
    assert sdk.failures() == []


def test_a_stream_comes_back_after_its_socket_is_lost(
    sdk: SdkPages, server: ServerProcess, stream_id: str
) -> None:
    publisher = open_page(sdk, server)
    publisher.page.evaluate(
        """() => {
          const Real = WebSocket;
          window.WebSocket = class extends Real {
            constructor(...values) { super(...values); window.lastSocket = this; }
          };
        }"""
    )
    publisher.start()
    publisher.call("publish", stream_id)
    publisher.wait_for_call("publish_started")

    publisher.page.evaluate("() => window.lastSocket.close()")

    publisher.wait_for_call("session_restored")
