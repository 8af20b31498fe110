"""The project's own SDK in real Chromium pages, against the real server.

The pages are of another origin than the server, as those of a site that embeds it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page

from streams.credentials import make_jwt
from tests.browser.pages import other_site
from tests.browser.sdk import PAGE, WAIT_MS, SdkPage
from tests.rows import add_application, add_token
from tests.server_process import ServerProcess

PLAIN = """<script src="URL/static/js/webrtc_adaptor.js"></script>
<script>window.sdkReady = true;</script>"""
MODULE = """<script type="module">
  import { WebRTCAdaptor } from "URL/static/js/webrtc_adaptor.mjs";
  window.sdkReady = WebRTCAdaptor === window.WebRTCAdaptor;
</script>"""
# As written in 2017: `callback` gets a word and no more.
PAGE_OF_2017 = """<!doctype html><meta charset="utf-8"><title>2017</title>
<script src="URL/static/js/webrtc_adaptor.js"></script>
<video id="localVideo" autoplay muted width="480"></video>
<video id="remoteVideo" autoplay muted width="480"></video>
<script>
  window.heard = [];
  var sdpConstraints = {OfferToReceiveAudio: true, OfferToReceiveVideo: true};
  var webRTCAdaptor = new WebRTCAdaptor({
    websocket_url: "ws://127.0.0.1:PORT/WebRTCApp4",
    mediaConstraints: {video: true, audio: true},
    peerconnection_config: null,
    sdp_constraints: sdpConstraints,
    localVideoId: "localVideo",
    remoteVideoId: "remoteVideo",
    callback: function(info) {
      window.heard.push(info);
      if (info == "initialized") webRTCAdaptor.join("ROOM");
    },
    callbackError: function(error) { window.heard.push("error " + error); }
  });
</script>
"""
# The whole text that came on the data channel of a page, in order.
HEARD = """window.calls.filter((call) => call.info === "data_received")
  .map((call) => call.obj.data)"""
# Resolves when the element has shown so many more pictures.
SHOWN = """([id, count]) => new Promise((resolve) => {
  const video = document.getElementById(id);
  const onFrame = () => (--count > 0 ? video.requestVideoFrameCallback(onFrame)
    : resolve(true));
  video.requestVideoFrameCallback(onFrame);
})"""
# How bright the picture of the remote video is, 0 to 255.
BRIGHTNESS = """() => {
  const video = document.getElementById("remoteVideo");
  const canvas = Object.assign(document.createElement("canvas"),
    { width: 16, height: 16 });
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 16, 16);
  const bytes = context.getImageData(0, 0, 16, 16).data;
  return bytes.filter((_, index) => index % 4 < 3)
    .reduce((sum, byte) => sum + byte, 0) / (16 * 16 * 3);
}"""
KEY = "0123456789abcdef0123456789abcdef"
_numbers = itertools.count(1)


class OwnSdk:
    """Opens pages with the SDK; what they complain about is kept."""

    def __init__(self, context: BrowserContext, stack: ExitStack) -> None:
        self.context = context
        self.complaints: list[str] = []
        self._stack = stack
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self.complaints.append(message.text))

    async def page(self, html: str) -> Page:
        address = self._stack.enter_context(other_site(html))
        page = await self.context.new_page()
        await page.goto(address)
        return page

    async def open(
        self,
        server: ServerProcess,
        loading: str = PLAIN,
        application: str = "LiveApp",
        **options: Any,
    ) -> SdkPage:
        """A page whose adaptor is connected."""
        page = await self.page(PAGE + loading.replace("URL", server.url))
        await page.wait_for_function("window.sdkReady === true")
        opened = SdkPage(page, server, application)
        await opened.start(**options)
        return opened


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def own(context: BrowserContext, stack: ExitStack) -> AsyncIterator[OwnSdk]:
    """Nothing it does may leave a word on the console or an error in the page."""
    sdk = OwnSdk(context, stack)
    yield sdk
    assert [text for text in sdk.complaints if "WebSocket connection" not in text] == []


@pytest.fixture
def stream() -> str:
    return f"own-{next(_numbers)}"


async def wait_until(page: SdkPage, expression: str, argument: object = None) -> None:
    await page.page.wait_for_function(expression, arg=argument, timeout=WAIT_MS)


async def wait_for_state(page: SdkPage, stream: str, state: str) -> None:
    await wait_until(
        page,
        "([stream, state]) => window.adaptor.sessionState(stream) === state",
        [stream, state],
    )


async def fail_media(page: SdkPage, stream: str) -> None:
    """What the browser says half a minute after the network went."""
    await page.page.evaluate(
        """stream => {
          const peer = window.adaptor.remotePeerConnection[stream];
          Object.defineProperty(peer, "connectionState", { value: "failed" });
          peer.onconnectionstatechange();
        }""",
        stream,
    )


async def publishing(
    own: OwnSdk, server: ServerProcess, stream: str, *arguments: Any, **options: Any
) -> SdkPage:
    page = await own.open(server, **options)
    await page.publish(stream, *arguments)
    await page.wait_for_call("publish_started")
    return page


async def playing(
    own: OwnSdk, server: ServerProcess, stream: str, *arguments: Any, **options: Any
) -> SdkPage:
    page = await own.open(server, play_only=True, **options)
    await page.play(stream, *arguments)
    await page.wait_for_frames(10)
    return page


async def joining(own: OwnSdk, server: ServerProcess, room: str) -> SdkPage:
    page = await own.open(server)
    await page.page.evaluate(
        "room => { window.watchFrames(); window.adaptor.join(room); }", room
    )
    await page.wait_for_call("joined")
    return page


@pytest.mark.parametrize("loading", [PLAIN, MODULE], ids=["plain", "module"])
async def test_a_stream_is_published_and_played(
    own: OwnSdk, server: ServerProcess, stream: str, loading: str
) -> None:
    publisher = await publishing(own, server, stream, loading=loading)
    viewer = await playing(own, server, stream, loading=loading)

    await wait_for_state(viewer, stream, "live")
    for page in (publisher, viewer):
        assert await page.page.evaluate("window.failures") == []
    await viewer.page.evaluate("stream => window.adaptor.stop(stream)", stream)
    await viewer.wait_for_call("play_finished")
    await publisher.page.evaluate("stream => window.adaptor.stop(stream)", stream)
    await publisher.wait_for_call("publish_finished")


async def test_a_viewer_waits_for_its_stream_and_for_its_return(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    viewer = await own.open(server, play_only=True)
    await viewer.page.evaluate(
        "streamId => { window.watchFrames(); window.adaptor.play({streamId}); }", stream
    )
    await viewer.wait_for_failure("no_stream_exist")
    await wait_for_state(viewer, stream, "waiting")

    publisher = await publishing(own, server, stream)
    await viewer.wait_for_frames(10)
    await publisher.page.evaluate("stream => window.adaptor.stop(stream)", stream)
    await wait_for_state(viewer, stream, "waiting")
    await publisher.publish(stream)

    await viewer.wait_for_frames(10)


async def test_two_peers_meet_talk_and_part(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    first = await joining(own, server, stream)
    second = await joining(own, server, stream)
    await first.wait_for_frames(10)
    await second.wait_for_frames(10)

    for page in (first, second):
        await page.wait_for_call("data_channel_opened")
    await first.page.evaluate(
        "room => window.adaptor.peerMessage(room, 'greeting', {text: 'hello'})", stream
    )
    await second.wait_for_call("peerMessageCommand")
    await first.page.evaluate("room => window.adaptor.sendData(room, 'hi')", stream)
    await wait_until(second, f"() => {HEARD}.includes('hi')")
    await first.page.evaluate(
        """() => window.adaptor.addEventListener((info, obj) => {
          if (info !== "data_received" || typeof obj.data === "string") return;
          const bytes = new Uint8Array(obj.data);
          window.received = [bytes.length,
            bytes.every((byte, index) => byte === index % 251)];
        })"""
    )
    sent = await second.page.evaluate(
        """async room => {
          const bytes = new Uint8Array(3_000_000).map((_, index) => index % 251);
          const sent = await window.adaptor.sendData(room, bytes);
          return sent && await window.adaptor.sendData(room, "after it");
        }""",
        stream,
    )
    assert sent is True
    await wait_until(first, f"() => {HEARD}.includes('after it')")
    assert await first.page.evaluate("window.received") == [3_000_000, True]

    await first.page.evaluate("() => window.adaptor.leave()")
    await first.wait_for_call("leaved")
    await wait_for_state(second, stream, "waiting")
    await first.page.evaluate("room => window.adaptor.join(room)", stream)
    await first.wait_for_frames(5)
    await second.wait_for_frames(5)


async def test_a_peer_whose_connection_broke_meets_the_other_again(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    first = await joining(own, server, stream)
    second = await joining(own, server, stream)
    await second.wait_for_frames(5)

    await fail_media(first, stream)

    await first.wait_for_call("reconnection_attempt_for_peer")
    await first.wait_for_frames(5)
    await second.wait_for_frames(5)
    assert not await first.page.evaluate("window.called('leaved')")


async def test_a_room_is_joined_played_and_left(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    room, anna, bert = f"room-{stream}", f"anna-{stream}", f"bert-{stream}"
    pages = []
    for name in (anna, bert):
        page = await own.open(server)
        await page.page.evaluate(
            "([room, name]) => window.adaptor.joinRoom(room, name, 'legacy')",
            [room, name],
        )
        await page.wait_for_call("joinedTheRoom")
        await page.publish(name)
        await page.wait_for_call("publish_started")
        pages.append(page)
    first, second = pages
    await first.wait_for_call("streamJoined")
    await second.play(anna, "", room)
    await second.wait_for_frames(10)

    await second.page.evaluate("room => window.adaptor.getRoomInfo(room)", room)
    await second.wait_for_call("roomInformation")
    await first.page.evaluate("room => window.adaptor.leaveFromRoom(room)", room)
    await first.wait_for_call("leavedFromRoom")
    await second.wait_for_call("streamLeaved")


async def test_a_refused_token_is_not_tried_again(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    application = add_application(server, publish_token_enabled=True)
    page = await own.open(server, application=application.name)
    await page.publish(stream, "wrong")
    await page.wait_for_failure("unauthorized_access")

    # What would be sent by a loop is sent meanwhile: five answered pings are 15 s.
    await wait_until(
        page, "() => window.calls.filter(({info}) => info === 'pong').length >= 5"
    )
    failures = await page.page.evaluate("window.failures")
    assert len(failures) == 1
    assert failures[0]["message"]["willRetry"] is False
    assert (
        await page.page.evaluate("s => window.adaptor.sessionState(s)", stream) is None
    )

    await page.publish(stream, add_token(server, application, stream, "publish"))
    await page.wait_for_call("publish_started")


async def test_all_streams_come_back_with_their_own_tokens(
    own: OwnSdk, own_server: ServerProcess, stream: str
) -> None:
    """A restart of the server; the SDK known so far brings back the first only."""
    application = add_application(
        own_server, play_jwt_enabled=True, jwt_stream_secret=KEY
    )
    names = [f"{stream}-{letter}" for letter in "abc"]
    publishers = [
        await publishing(own, own_server, name, application=application.name)
        for name in names
    ]
    viewer = await own.open(own_server, play_only=True, application=application.name)
    for name in names:
        token = make_jwt(KEY, name, "play", int(time.time()) + 600)
        await viewer.play(name, token)
        await wait_for_state(viewer, name, "live")

    assert own_server.stop() == 0
    await viewer.wait_for_call("closed")
    own_server.start()

    for page, name in zip(publishers, names, strict=True):
        await wait_for_state(page, name, "live")
        await wait_for_state(viewer, name, "live")
    await wait_until(
        viewer,
        """names => names.every((name) =>
          window.adaptor.remotePeerConnection[name].connectionState === "connected")""",
        names,
    )


async def test_a_lost_socket_restores_the_publisher_for_its_viewers(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    page = await own.open(server)
    await page.page.evaluate(
        """() => {
          const Real = WebSocket;
          window.WebSocket = class extends Real {
            constructor(...values) { super(...values); window.lastSocket = this; }
          };
        }"""
    )
    await page.page.evaluate("() => window.adaptor.closeWebSocket()")
    await page.page.evaluate("() => window.adaptor.initialize()")
    await page.publish(stream)
    await page.wait_for_call("publish_started")
    viewer = await playing(own, server, stream)

    await page.page.evaluate("() => window.lastSocket.close()")

    await page.wait_for_call("session_restored")
    await viewer.wait_for_frames(10)
    assert not await viewer.page.evaluate("window.called('play_finished')")


async def test_a_publisher_without_media_comes_back_for_its_viewers(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    publisher = await publishing(own, server, stream)
    viewer = await playing(own, server, stream)

    await fail_media(publisher, stream)

    await publisher.wait_for_call("session_restored")
    await viewer.wait_for_frames(10)
    assert not await viewer.page.evaluate("window.called('play_finished')")


async def test_the_camera_goes_off_and_on_and_the_microphone_too(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    publisher = await publishing(own, server, stream)
    viewer = await playing(own, server, stream)
    bright = f"async () => ({BRIGHTNESS})() > 20"
    dark = f"async () => ({BRIGHTNESS})() < 20"
    await wait_until(viewer, bright)

    await publisher.page.evaluate("() => window.adaptor.turnOffLocalCamera()")
    await wait_until(viewer, dark)
    assert await viewer.page.evaluate(SHOWN, ["remoteVideo", 2])
    await publisher.page.evaluate("() => window.adaptor.turnOnLocalCamera()")
    await wait_until(viewer, bright)

    await publisher.page.evaluate("() => window.adaptor.muteLocalMic()")
    assert await publisher.page.evaluate(
        "window.adaptor.localStream.getAudioTracks().every(({enabled}) => !enabled)"
    )
    await publisher.page.evaluate("() => window.adaptor.unmuteLocalMic()")
    for page in (publisher, viewer):
        assert await page.page.evaluate("window.failures") == []


@pytest.mark.parametrize(
    "method", ["switchDesktopCapture", "switchDesktopCaptureWithCamera"]
)
async def test_the_screen_is_shared_and_the_camera_comes_back(
    own: OwnSdk, server: ServerProcess, stream: str, method: str
) -> None:
    publisher = await publishing(own, server, stream)
    viewer = await playing(own, server, stream)
    camera = await publisher.page.evaluate(
        "window.adaptor.localStream.getVideoTracks()[0].id"
    )

    await publisher.page.evaluate("method => window.adaptor[method]()", method)
    shared = await publisher.page.evaluate(
        "window.adaptor.localStream.getVideoTracks()[0].id"
    )
    assert shared != camera
    assert await viewer.page.evaluate(SHOWN, ["remoteVideo", 5])

    await publisher.page.evaluate("() => window.adaptor.switchVideoCameraCapture()")
    assert await viewer.page.evaluate(SHOWN, ["remoteVideo", 5])
    tracks = await publisher.page.evaluate(
        "window.adaptor.localStream.getTracks().map(({kind}) => kind).sort()"
    )
    assert tracks == ["audio", "video"]
    assert await publisher.page.evaluate("window.failures") == []


async def test_loudness_volume_and_devices(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    """Chromium's stand-in for a microphone beeps once a second."""
    page = await publishing(own, server, stream)
    await page.page.evaluate(
        """() => {
          window.loudest = 0;
          window.adaptor.enableAudioLevelForLocalStream(
            (level) => { window.loudest = Math.max(window.loudest, level); }, 20);
        }"""
    )
    await wait_until(page, "() => window.loudest > 0.01")
    await page.page.evaluate("() => window.adaptor.disableAudioLevelForLocalStream()")
    await page.wait_for_call("available_devices")

    before = await page.page.evaluate(
        "window.adaptor.localStream.getAudioTracks()[0].id"
    )
    await page.page.evaluate("() => window.adaptor.setVolumeLevel(0.5)")
    await wait_until(
        page,
        "before => window.adaptor.localStream.getAudioTracks()[0].id !== before",
        before,
    )
    await page.page.evaluate(
        """() => {
          window.adaptor.muteLocalMic();
          window.adaptor.enableAudioLevelWhenMuted();
        }"""
    )
    await page.wait_for_call("speaking_but_muted")
    await page.page.evaluate("() => window.adaptor.disableAudioLevelWhenMuted()")


async def test_statistics_are_told(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    publisher = await publishing(own, server, stream)
    viewer = await playing(own, server, stream)
    for page in (publisher, viewer):
        await page.page.evaluate(
            "stream => window.adaptor.enableStats(stream, 300)", stream
        )

    await wait_until(
        publisher,
        """async stream => {
          const stats = await window.adaptor.getStats(stream);
          return stats.currentOutgoingBitrate > 0 && stats.frameWidth > 0
            && Number(stats.currentFPS) > 0 && stats.videoRoundTripTime >= 0;
        }""",
        stream,
    )
    await wait_until(
        viewer,
        """async stream => {
          const stats = await window.adaptor.getStats(stream);
          return stats.currentIncomingBitrate > 0 && stats.framesDecoded > 0
            && stats.inboundRtpList.length === 2;
        }""",
        stream,
    )
    await viewer.wait_for_call("updated_stats")
    await viewer.page.evaluate("stream => window.adaptor.disableStats(stream)", stream)


async def test_the_page_of_2017_works_as_it_was_written(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    html = PAGE_OF_2017.replace("URL", server.url).replace("ROOM", stream)
    html = html.replace("PORT", str(server.legacy_port))
    first, second = await own.page(html), await own.page(html)

    for page in (first, second):
        assert await page.evaluate(SHOWN, ["remoteVideo", 10])
    await first.evaluate("() => window.webRTCAdaptor.turnOffLocalCamera()")
    await first.evaluate("() => window.webRTCAdaptor.turnOnLocalCamera()")
    await first.evaluate("() => window.webRTCAdaptor.muteLocalMic()")
    await first.evaluate("() => window.webRTCAdaptor.unmuteLocalMic()")
    assert await second.evaluate(SHOWN, ["remoteVideo", 10])
    await first.evaluate("() => window.webRTCAdaptor.leave()")
    await first.wait_for_function("window.heard.includes('leaved')")

    heard = await first.evaluate("window.heard")
    assert [word for word in heard if word in ("initialized", "joined", "leaved")] == [
        "initialized",
        "joined",
        "leaved",
    ]
    assert not [word for word in heard if word.startswith("error")]


async def test_data_goes_from_the_publisher_to_viewers_and_back(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    publisher = await publishing(own, server, stream)
    viewer = await playing(own, server, stream)
    for page in (publisher, viewer):
        await page.wait_for_call("data_channel_opened")

    send = "([id, text]) => window.adaptor.sendData(id, text)"
    assert await publisher.page.evaluate(send, [stream, "to the viewer"])
    assert await viewer.page.evaluate(send, [stream, "to the publisher"])

    await wait_until(viewer, f"() => {HEARD}.includes('to the viewer')")
    await wait_until(publisher, f"() => {HEARD}.includes('to the publisher')")
    # One channel: what is sent once arrives once.
    assert await viewer.page.evaluate(f"{HEARD}.length") == 1


async def test_a_page_publishes_data_only(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    publisher = await publishing(own, server, stream, onlyDataChannel=True)
    viewer = await own.open(server, play_only=True)
    await viewer.page.evaluate("stream => window.adaptor.play(stream)", stream)
    await viewer.wait_for_call("data_channel_opened")
    await publisher.wait_for_call("data_channel_opened")

    assert await publisher.page.evaluate(
        """stream => window.adaptor.sendData(
          stream, new Uint8Array(100_000).map((_, index) => index % 251))""",
        stream,
    )

    await viewer.wait_for_call("data_received")
    assert await publisher.page.evaluate("window.adaptor.localStream") is None


async def participating(
    own: OwnSdk, server: ServerProcess, room: str, name: str
) -> SdkPage:
    """On one connection in a room, as a conference page is."""
    page = await own.open(server, remoteVideoId="none")
    await page.page.evaluate(
        """([room, name]) => {
          window.shown = new Map();
          window.adaptor.addEventListener((info, obj) => {
            if (info !== "newTrackAvailable" || obj.track.kind !== "video") return;
            const video = Object.assign(document.createElement("video"),
              {autoplay: true, muted: true, srcObject: obj.stream, id: obj.trackId});
            document.body.append(video);
            window.shown.set(obj.trackId, video);
            obj.stream.onremovetrack = () => window.shown.delete(obj.trackId);
          });
          window.adaptor.publish({streamId: name, mainTrack: room, streamName: name});
          window.adaptor.play({streamId: room});
        }""",
        [room, name],
    )
    await page.wait_for_call("publish_started")
    await page.wait_for_call("play_started")
    return page


async def test_a_conference_grows_shrinks_and_talks(
    own: OwnSdk, server: ServerProcess, stream: str
) -> None:
    room, names = f"conf-{stream}", [f"{name}-{stream}" for name in ("a", "b", "c")]
    pages = [await participating(own, server, room, name) for name in names]

    for page, name in zip(pages, names, strict=True):
        others = sorted(f"ARDAMSv{other}" for other in names if other != name)
        await wait_until(
            page,
            "ids => [...window.shown.keys()].sort().join() === ids.join()",
            others,
        )
        for other in others:
            assert await page.page.evaluate(SHOWN, [other, 5])
    await pages[0].page.evaluate(
        "([name]) => window.adaptor.sendData(name, 'hello all')", [names[0]]
    )
    for page in pages[1:]:
        await wait_until(page, f"() => {HEARD}.includes('hello all')")

    await pages[2].page.evaluate("() => window.adaptor.stop()")
    for page in pages[:2]:
        await wait_until(page, "() => window.shown.size === 1")
    assert await pages[0].page.evaluate("window.failures") == []
