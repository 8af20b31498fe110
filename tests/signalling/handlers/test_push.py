"""Devices registered and notifications sent, by the commands of the SDK."""

from __future__ import annotations

import threading
from typing import Any

import jwt
import pytest
from django.db import OperationalError

from signalling.handlers import push as handler
from streams import push, services
from streams.models import Application, PushToken
from streams.push import Device, Push, PushOutcome
from tests.signalling.conftest import (
    Client,
    Open,
    change_application,
    close,
    in_database,
    until,
)

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN_NOT_VALID = {
    "command": "notification",
    "success": False,
    "definition": "authenticationTokenNotValid",
    "information": "the token is not good for this subscriber",
}
DONE = {"command": "notification", "success": True}


def token_of(subscriber_id: str) -> str:
    return jwt.encode({"subscriberId": subscriber_id}, SECRET, "HS256")


class Sender:
    """Remembers what was sent; `gate` makes it wait."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.outcome = PushOutcome(True)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, push: Push) -> PushOutcome:
        self.pushes.append(push)
        self.gate.wait(60)
        return self.outcome


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Sender()
    monkeypatch.setattr(push, "load_sender", lambda _: made)
    handler._buckets.clear()
    yield made
    made.gate.set()


@pytest.fixture
async def client(client: Client) -> Client:
    await change_application(push_jwt_secret=SECRET)
    return client


async def register(client: Client, subscriber_id: str, device: str) -> dict[str, Any]:
    return await client.ask(
        "registerPushNotificationToken",
        subscriberId=subscriber_id,
        token=token_of(subscriber_id),
        pnsRegistrationToken=device,
        pnsType="fcm",
    )


def fields_of(**changes: Any) -> dict[str, Any]:
    return {
        "subscriberId": "anna",
        "token": token_of("anna"),
        "pushNotificationContent": {"title": "Call"},
        "subscriberIdsToNotify": ["bert"],
        **changes,
    }


async def devices() -> list[tuple[str, str]]:
    rows = PushToken.objects.order_by("pk").values_list("subscriber_id", "token")
    return await in_database(list, rows)


async def test_a_device_is_registered(client: Client) -> None:
    assert await register(client, "bert", "device") == DONE
    assert await devices() == [("bert", "device")]


async def test_a_push_is_sent(client: Client, sender: Sender) -> None:
    await register(client, "bert", "device")

    assert await client.ask("sendPushNotification", **fields_of()) == DONE
    assert sender.pushes == [
        Push("LiveApp", "anna", {"title": "Call"}, (Device("bert", "fcm", "device"),))
    ]


@pytest.mark.parametrize("name", ["topic", "pushNotificationTopic"])
async def test_a_push_goes_to_a_topic(
    client: Client, sender: Sender, name: str
) -> None:
    fields = fields_of(subscriberIdsToNotify=None, **{name: "news"})

    assert await client.ask("sendPushNotification", **fields) == DONE
    assert (sender.pushes[0].topic, sender.pushes[0].devices) == ("news", ())


async def test_without_a_sender_it_is_said_that_nothing_was_sent(
    client: Client,
) -> None:
    handler._buckets.clear()
    await register(client, "bert", "device")

    assert await client.ask("sendPushNotification", **fields_of()) == {
        "command": "notification",
        "success": False,
        "definition": "pushNotificationNotSent",
        "information": "this server has no sender for push notifications",
    }


@pytest.mark.parametrize(
    "command", ["registerPushNotificationToken", "sendPushNotification"]
)
async def test_a_token_that_is_not_good_is_refused(
    client: Client, sender: Sender, command: str
) -> None:
    both = fields_of(pnsRegistrationToken="device", pnsType="apn")

    for token in ("nonsense", token_of("bert")):
        answer = await client.ask(command, **{**both, "token": token})
        assert answer == TOKEN_NOT_VALID
    await change_application(push_jwt_secret="")
    assert await client.ask(command, **both) == TOKEN_NOT_VALID
    assert await devices() == []
    assert sender.pushes == []


@pytest.mark.parametrize(
    "command", ["registerPushNotificationToken", "sendPushNotification"]
)
@pytest.mark.parametrize("missing", ["subscriberId", "token"])
async def test_what_is_missing_is_named(
    client: Client, sender: Sender, command: str, missing: str
) -> None:
    fields = fields_of(pnsRegistrationToken="device", pnsType="apn")
    del fields[missing]

    answer = await client.ask(command, **fields)

    assert (answer["command"], answer["success"]) == ("notification", False)
    assert answer["definition"] == "missingParameter"
    assert missing in answer["information"]


async def test_who_has_no_device_gets_nothing(client: Client, sender: Sender) -> None:
    answer = await client.ask("sendPushNotification", **fields_of())

    assert answer["definition"] == "pushNotificationNotSent"
    assert sender.pushes == []


async def test_what_the_sender_says_is_passed_on(
    client: Client, sender: Sender
) -> None:
    await register(client, "bert", "device")
    sender.outcome = PushOutcome(False, "quota exceeded")

    answer = await client.ask("sendPushNotification", **fields_of())

    assert answer == {
        "command": "notification",
        "success": False,
        "definition": "pushNotificationNotSent",
        "information": "quota exceeded",
    }


async def test_devices_that_are_gone_are_forgotten(
    client: Client, sender: Sender
) -> None:
    await register(client, "bert", "old")
    await register(client, "bert", "new")
    sender.outcome = PushOutcome(True, gone=("old",))

    assert await client.ask("sendPushNotification", **fields_of()) == DONE
    assert await devices() == [("bert", "new")]


async def test_other_commands_do_not_wait_for_the_sender(
    client: Client, sender: Sender
) -> None:
    await register(client, "bert", "device")
    sender.gate.clear()
    await client.say("sendPushNotification", **fields_of())

    await client.expect_silence()
    await until(lambda: sender.pushes)
    await client.expect_silence()

    sender.gate.set()
    assert await client.hear() == DONE


async def test_a_socket_may_go_while_it_sends(
    client: Client, open_socket: Open, sender: Sender
) -> None:
    await register(client, "bert", "device")
    sender.gate.clear()
    await client.say("sendPushNotification", **fields_of())
    await until(lambda: sender.pushes)
    await close(client)

    sender.gate.set()
    other = await open_socket()
    fields = fields_of(subscriberId="carl", token=token_of("carl"))
    assert await other.ask("sendPushNotification", **fields) == DONE


async def test_a_subscriber_does_not_send_without_end(
    client: Client, open_socket: Open, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PUSH_BURST", 2.0)
    monkeypatch.setattr(handler, "PUSHES_PER_S", 0.0)
    await register(client, "bert", "device")
    other = await open_socket()
    for socket in (client, other):
        assert await socket.ask("sendPushNotification", **fields_of()) == DONE

    answer = await other.ask("sendPushNotification", **fields_of())

    assert (answer["success"], answer["information"]) == (False, handler.TOO_MANY)
    assert len(sender.pushes) == 2
    fields = fields_of(subscriberId="carl", token=token_of("carl"))
    assert await other.ask("sendPushNotification", **fields) == DONE


async def test_as_many_subscribers_are_counted_as_there_may_be(
    client: Client, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "MAX_BUCKETS", 2)
    await register(client, "bert", "device")
    for name in ("anna", "carl", "anna", "dora"):
        fields = fields_of(subscriberId=name, token=token_of(name))
        assert await client.ask("sendPushNotification", **fields) == DONE

    assert list(handler._buckets) == [("LiveApp", "anna"), ("LiveApp", "dora")]


async def test_devices_of_another_application_get_nothing(
    client: Client, open_socket: Open, sender: Sender
) -> None:
    await register(client, "bert", "device")
    await in_database(
        lambda: Application.objects.filter(name="WebRTCApp4").update(
            push_jwt_secret=SECRET
        )
    )
    other = await open_socket("/WebRTCApp4/websocket")

    answer = await other.ask("sendPushNotification", **fields_of())

    assert answer["definition"] == "pushNotificationNotSent"
    assert sender.pushes == []


@pytest.mark.parametrize(
    ("command", "service"),
    [
        ("registerPushNotificationToken", "register_push_token"),
        ("sendPushNotification", "prepare_push"),
    ],
)
async def test_it_says_that_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, command: str, service: str
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(services, service, away)

    answer = await client.ask(command, **fields_of())

    assert answer == {"command": "error", "definition": "data_store_not_available"}
