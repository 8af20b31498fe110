"""The real SDK in a real Chromium, refused and let in by each kind of credential."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from streams.credentials import (
    derived_key,
    make_hash,
    make_jwt,
    stored_key,
    totp_code,
)
from streams.models import Application, Broadcast
from tests.browser.sdk import SdkBrowser, SdkPage
from tests.rows import (
    add,
    add_api_key,
    add_application,
    add_subscriber,
    add_token,
    write,
)
from tests.server_process import ServerProcess

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "MYSECRETMYSECRET"
STEP_S = 100_000_000  # three years: no test sees its end
STREAM = "guarded"
ROOM = "room1"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page gives to the SDK."""

    token: str = ""
    room: str = ""
    subscriber_id: str = ""
    code: str = ""

    def to_publish(self) -> list[str]:
        return [self.token, self.subscriber_id, self.code, "", self.room]

    def to_play(self) -> list[Any]:
        return [self.token, self.room, None, self.subscriber_id, self.code]


Maker = Callable[[ServerProcess, Application, str, bool], Shown]


def one_time_token(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    lasts_s = 600 if good else -1
    return Shown(add_token(server, application, STREAM, role, lasts_s=lasts_s))


def room_token(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    room = ROOM if good else "room2"
    token = add_token(server, application, "any", role, room=room)
    return Shown(token, room=ROOM)


def json_web_token(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    expire_s = int(time.time()) + (600 if good else -1)
    return Shown(make_jwt(KEY, STREAM, role, expire_s))


def hashed(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    return Shown(make_hash(STREAM, role, KEY if good else "other"))


def stored_code(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    """The bad one is two steps late."""
    name = f"anna-{role}"
    if not good:
        add_subscriber(server, application, STREAM, name, type=role, b32_secret=SECRET)
    return _code(stored_key(SECRET), name, good)


def derived_code(
    server: ServerProcess, application: Application, role: str, good: bool
) -> Shown:
    name = f"bert-{role}"
    return _code(derived_key(KEY, name, STREAM, role), name, good)


def _code(key: bytes, subscriber_id: str, good: bool) -> Shown:
    now_s = int(time.time()) - (0 if good else 2 * STEP_S)
    return Shown(subscriber_id=subscriber_id, code=totp_code(key, STEP_S, now_s))


TOKENS = {"publish_token_enabled": True, "play_token_enabled": True}
CODES = {
    "publish_totp_enabled": True,
    "play_totp_enabled": True,
    "totp_secret_publish": KEY,
    "totp_secret_play": KEY,
    "totp_period_s": STEP_S,
}
KINDS: dict[str, tuple[dict[str, Any], Maker]] = {
    "one-time token": (TOKENS, one_time_token),
    "room token": (TOKENS, room_token),
    "JWT": (
        {
            "publish_jwt_enabled": True,
            "play_jwt_enabled": True,
            "jwt_stream_secret": KEY,
        },
        json_web_token,
    ),
    "hash": (
        {
            "publish_hash_enabled": True,
            "play_hash_enabled": True,
            "token_hash_secret": KEY,
        },
        hashed,
    ),
    "stored code": (CODES, stored_code),
    "derived code": (CODES, derived_code),
}


async def open_page(
    sdk: SdkBrowser, server: ServerProcess, application: Application, *, plays: bool
) -> SdkPage:
    page = await sdk.open(server, application=application.name)
    await page.start(play_only=plays)
    return page


async def stop(page: SdkPage) -> None:
    await page.page.evaluate("id => window.adaptor.stop(id)", STREAM)


async def publish(page: SdkPage, shown: Shown) -> None:
    await page.publish(STREAM, *shown.to_publish())


async def play(page: SdkPage, shown: Shown) -> None:
    await page.play(STREAM, *shown.to_play())


async def failures(page: SdkPage) -> set[str]:
    found: list[str] = await page.page.evaluate("window.failures.map((f) => f.error)")
    return set(found)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_credential_is_refused_and_let_in(
    sdk: SdkBrowser, server: ServerProcess, kind: str
) -> None:
    settings, make = KINDS[kind]
    application = add_application(server, **settings)
    publisher = await open_page(sdk, server, application, plays=False)
    viewer = await open_page(sdk, server, application, plays=True)

    await publish(publisher, make(server, application, "publish", False))
    await publisher.wait_for_failure("unauthorized_access")
    await stop(publisher)
    await publish(publisher, make(server, application, "publish", True))
    await publisher.wait_for_call("publish_started")

    await play(viewer, make(server, application, "play", False))
    await viewer.wait_for_failure("unauthorized_access")
    await stop(viewer)
    await play(viewer, make(server, application, "play", True))
    await viewer.wait_for_call("play_started")
    await viewer.wait_for_frames(10)
    for page in (publisher, viewer):
        assert await failures(page) == {"unauthorized_access"}


async def test_a_block_cuts_a_subscriber_who_hears_of_it(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    application = add_application(server, **CODES)
    publisher = await open_page(sdk, server, application, plays=False)
    viewer = await open_page(sdk, server, application, plays=True)
    add_subscriber(
        server,
        application,
        STREAM,
        "anna",
        type="publish",
        b32_secret=SECRET,
        concurrent_connections_limit=2,
    )
    shown = _code(stored_key(SECRET), "anna", good=True)
    await publish(publisher, shown)
    await publisher.wait_for_call("publish_started")
    await play(viewer, shown)
    await viewer.wait_for_frames(5)

    block(server, application, "anna", "play")
    await viewer.wait_for_failure("user_blocked")
    await viewer.wait_for_call("play_finished")
    await wait_for_no_peer(viewer)
    assert await failures(publisher) == set()

    await viewer.page.evaluate("window.failures = []")
    await play(viewer, shown)
    await viewer.wait_for_failure("user_blocked")

    block(server, application, "anna", "publish_play")
    await publisher.wait_for_failure("user_blocked")
    await publisher.wait_for_call("publish_finished")
    await wait_for_no_peer(publisher)


def block(
    server: ServerProcess, application: Application, subscriber_id: str, type_: str
) -> None:
    """By REST, as a program does it."""
    request = urllib.request.Request(  # noqa: S310  http
        f"{server.url}/{application.name}/rest/v2/broadcasts/{STREAM}"
        f"/subscribers/{subscriber_id}/block/600/{type_}",
        method="PUT",
        headers={"Authorization": add_api_key(server)},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  http
        assert json.load(answer)["success"] is True


async def wait_for_no_peer(page: SdkPage) -> None:
    """The SDK comes back by itself for what has a peer connection only."""
    await page.page.wait_for_function(
        "id => window.adaptor.remotePeerConnection[id] === undefined", arg=STREAM
    )


async def test_the_planned_end_ends_a_publisher(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    application = add_application(server)
    publisher = await open_page(sdk, server, application, plays=False)
    viewer = await open_page(sdk, server, application, plays=True)
    now_s = int(time.time())
    row = Broadcast(
        application=application,
        stream_id=STREAM,
        planned_start_date=now_s - 60,
        planned_end_date=now_s + 600,
    )
    key = add(server, row)
    await publish(publisher, Shown())
    await publisher.wait_for_call("publish_started")
    await play(viewer, Shown())
    await viewer.wait_for_frames(5)

    write(
        server,
        "UPDATE streams_broadcast SET planned_end_date = ? WHERE id = ?",
        int(time.time()) + 1,
        key,
    )
    await publisher.wait_for_failure("stream_not_active_or_expired")
    await publisher.wait_for_call("publish_finished")
    await viewer.wait_for_call("play_finished")
    await wait_for_no_peer(publisher)


async def test_the_sdk_comes_back_with_its_used_tokens(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    """Its sockets are lost, and it presents the same tokens on new ones (T34)."""
    application = add_application(server, **TOKENS)
    publisher = await open_page(sdk, server, application, plays=False)
    viewer = await open_page(sdk, server, application, plays=True)
    await publish(publisher, one_time_token(server, application, "publish", True))
    await publisher.wait_for_call("publish_started")
    await play(viewer, one_time_token(server, application, "play", True))
    await viewer.wait_for_frames(5)
    for page in (publisher, viewer):
        await page.page.evaluate("window.calls = []")

    await publisher.page.evaluate("window.adaptor.webSocketAdaptor.wsConn.close()")
    await publisher.wait_for_call("session_restored")
    await viewer.page.evaluate("window.adaptor.webSocketAdaptor.wsConn.close()")
    await viewer.wait_for_call("play_started")
    await viewer.wait_for_frames(5)

    assert await failures(publisher) <= {"WebSocketNotConnected"}
    assert await failures(viewer) <= {"WebSocketNotConnected"}
