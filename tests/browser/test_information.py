"""The questions and push commands of the real SDK, in one page."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt

from tests.browser.sdk import SdkBrowser, SdkPage
from tests.rows import add_application
from tests.server_process import ServerProcess

SECRET = "0123456789abcdef0123456789abcdef"


async def ask(page: SdkPage, info: str | None, method: str, *arguments: Any) -> Any:
    """What the page's callback gets as `info`, after one call of the SDK."""
    answer = await page.page.evaluate_handle(
        """([info, method, args]) => new Promise((resolve) => {
          const before = window.calls.length;
          const look = () => {
            const found = window.calls.slice(before).find((call) =>
              (call.info ?? null) === info && call.obj !== null);
            if (found) resolve(found.obj); else setTimeout(look, 20);
          };
          window.adaptor[method](...args);
          look();
        })""",
        [info, method, list(arguments)],
    )
    return await answer.json_value()


async def test_the_sdk_gets_answers_to_what_it_asks(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    application = add_application(server, push_jwt_secret=SECRET)
    page = await sdk.open(server, application=application.name)
    await page.start()
    # Stream id, token, subscriber, code, name, main track, metadata, role.
    await page.publish(
        "anna", "", "anna@home", "", "Anna", "room", '{"mic":true}', "speaker"
    )
    await page.wait_for_call("publish_started")

    tracks = await ask(page, "trackList", "getTracks", "room", "")
    assert (tracks["streamId"], tracks["trackList"]) == ("room", ["anna"])
    assert (await ask(page, "trackList", "getTracks", "anna"))["trackList"] == ["anna"]

    subtracks = await ask(page, "subtrackList", "getSubtracks", "room", None, 0, 15)
    (text,) = subtracks["subtrackList"]
    anna = json.loads(text)
    assert (anna["streamId"], anna["name"], anna["role"]) == ("anna", "Anna", "speaker")
    assert (anna["status"], anna["mainTrackStreamId"]) == ("broadcasting", "room")
    assert json.loads(anna["metaData"]) == {"mic": True}
    answer = await ask(
        page, "subtrackCount", "getSubtrackCount", "room", "speaker", "broadcasting"
    )
    assert (answer["streamId"], answer["count"]) == ("room", 1)

    answer = await ask(page, "broadcastObject", "getBroadcastObject", "room")
    room = json.loads(answer["broadcast"])
    assert (room["subTrackStreamIds"], room["metaData"]) == (["anna"], None)

    answer = await ask(page, "subscriberList", "getSubscriberList", "anna", 0, 10)
    (text,) = answer["subscriberList"]
    assert json.loads(text)["subscriberId"] == "anna@home"
    answer = await ask(page, "subscriberCount", "getSubscriberCount", "anna")
    assert answer["count"] == 1

    answer = await ask(page, "debugInfo", "getDebugInfo", "anna")
    assert "publish: live" in answer["debugInfo"]

    token = jwt.encode(
        {"subscriberId": "anna@home", "exp": int(time.time()) + 600}, SECRET, "HS256"
    )
    who = ("anna@home", token)
    method = "registerPushNotificationToken"
    # A success has no definition: the callback gets undefined, and the object.
    registered = await ask(page, None, method, *who, "device", "fcm")
    assert registered == {"command": "notification", "success": True}
    definition = "authenticationTokenNotValid"
    answer = await ask(page, definition, method, "bert", token, "device", "fcm")
    assert answer["success"] is False
    # This server has no sender.
    definition = "pushNotificationNotSent"
    for method, whom in (
        ("sendPushNotification", ["anna@home"]),
        ("sendPushNotificationToTopic", "news"),
    ):
        answer = await ask(page, definition, method, *who, {"title": "Call"}, whom)
        assert "no sender" in answer["information"]
    assert await page.page.evaluate("window.failures") == []
