"""Subscribers' codes and blocks at the real server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from streams.credentials import derived_key, stored_key, totp_code
from tests.integration.asking import (
    DENIED,
    ROLES,
    STEP_S,
    ask,
    go_live,
    leave,
    ready,
)
from tests.integration.client import Clients
from tests.rows import add_application, add_subscriber, write
from tests.server_process import ServerProcess

pytestmark = pytest.mark.usefixtures("no_traceback")

SECRET = "MYSECRETMYSECRET"


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "derived"])
@pytest.mark.parametrize("role", ROLES)
async def test_a_code_is_good_in_its_step_and_the_next(
    clients: Clients,
    server: ServerProcess,
    stream_id: str,
    role: str,
    stored: bool,
) -> None:
    application = add_application(
        server,
        totp_period_s=STEP_S,
        **{f"{role}_totp_enabled": True, f"totp_secret_{role}": "secret123"},
    )
    if stored:
        add_subscriber(
            server, application, stream_id, "anna", type=role, b32_secret=SECRET
        )
    key = (
        stored_key(SECRET)
        if stored
        else derived_key("secret123", "anna", stream_id, role)
    )
    now_s = int(time.time())
    client = await ready(clients, server, application, role, stream_id)

    for steps, answer in ((1, DENIED), (-2, DENIED), (-1, "in")):
        code = totp_code(key, STEP_S, now_s + steps * STEP_S)
        fields = {"subscriberId": "anna", "subscriberCode": code}
        assert await ask(client, role, stream_id, **fields) == answer, steps
    await leave(client, stream_id)
    fields["subscriberCode"] = totp_code(key, STEP_S, now_s)
    for wrong in ({"subscriberId": ""}, {"subscriberId": "bert"}):
        assert await ask(client, role, stream_id, **{**fields, **wrong}) == DENIED
    assert await ask(client, role, stream_id, **fields) == "in"


async def test_a_subscriber_has_as_many_sockets_as_it_may(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server, play_totp_enabled=True, totp_period_s=STEP_S)
    add_subscriber(
        server,
        application,
        stream_id,
        "anna",
        b32_secret=SECRET,
        concurrent_connections_limit=2,
    )
    code = totp_code(stored_key(SECRET), STEP_S, int(time.time()))
    await go_live(clients, server, application, stream_id)
    sockets = [await clients.open(server, application.name) for _ in range(10)]

    fields = {"subscriberId": "anna", "subscriberCode": code}
    answers = Counter(
        await asyncio.gather(
            *(ask(socket, "play", stream_id, **fields) for socket in sockets)
        )
    )

    assert answers == {"in": 2, DENIED: 8}


async def test_a_viewer_with_a_code_may_not_publish(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(
        server, publish_totp_enabled=True, totp_period_s=STEP_S
    )
    add_subscriber(
        server, application, stream_id, "anna", type="play", b32_secret=SECRET
    )
    code = totp_code(stored_key(SECRET), STEP_S, int(time.time()))
    client = await clients.open(server, application.name)

    fields = {"subscriberId": "anna", "subscriberCode": code}
    assert await ask(client, "publish", stream_id, **fields) == DENIED


async def test_the_right_code_after_many_guesses_does_not_let_in(
    clients: Clients, own_server: ServerProcess, stream_id: str
) -> None:
    """Nor from another socket, for it is the address that guessed."""
    application = add_application(
        own_server, publish_totp_enabled=True, totp_period_s=STEP_S
    )
    for name in ("anna", "bert"):
        add_subscriber(
            own_server, application, stream_id, name, type="publish", b32_secret=SECRET
        )
    right = totp_code(stored_key(SECRET), STEP_S, int(time.time()))
    client = await clients.open(own_server, application.name)
    wrong = [f"{(int(right) + number) % 10**6:06d}" for number in range(1, 101)]

    for code in wrong:
        fields = {"subscriberId": "anna", "subscriberCode": code}
        assert await ask(client, "publish", stream_id, **fields) == DENIED

    again = await clients.open(own_server, application.name)
    for socket in (client, again):
        fields = {"subscriberId": "anna", "subscriberCode": right}
        assert await ask(socket, "publish", stream_id, **fields) == DENIED
    neighbour = {"subscriberId": "bert", "subscriberCode": right}
    assert await ask(again, "publish", stream_id, **neighbour) == "in"


@pytest.mark.parametrize(
    ("blocked", "role", "answer"),
    [
        ("publish", "publish", "user_blocked"),
        ("publish_play", "publish", "user_blocked"),
        ("play", "publish", "in"),
        ("play", "play", "user_blocked"),
        ("publish_play", "play", "user_blocked"),
        ("publish", "play", "in"),
    ],
)
async def test_a_blocked_subscriber_is_refused_without_codes_too(
    clients: Clients,
    server: ServerProcess,
    stream_id: str,
    blocked: str,
    role: str,
    answer: str,
) -> None:
    application = add_application(server)
    add_subscriber(
        server,
        application,
        stream_id,
        "anna",
        blocked_type=blocked,
        blocked_until_ms=int(time.time() * 1000) + 600_000,
    )
    client = await ready(clients, server, application, role, stream_id)

    assert await ask(client, role, stream_id, subscriberId="anna") == answer


async def test_a_changed_setting_counts_for_the_next_command(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server)
    client = await clients.open(server, application.name)
    assert await ask(client, "publish", f"{stream_id}-before") == "in"

    write(
        server,
        "UPDATE streams_application SET publish_token_enabled = 1 WHERE id = ?",
        application.pk,
    )

    assert await ask(client, "publish", stream_id) == DENIED
