"""JWT and hashes at the real server."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from streams.credentials import derived_key, make_hash, make_jwt, totp_code
from tests.integration.asking import (
    DENIED,
    ROLES,
    STEP_S,
    ask,
    leave,
    other_than,
    ready,
)
from tests.integration.client import Clients
from tests.rows import add_application
from tests.server_process import ServerProcess

pytestmark = pytest.mark.usefixtures("no_traceback")

KEY = "0123456789abcdef0123456789abcdef"


def bad_jwts(stream_id: str, role: str) -> dict[str, str]:
    now_s = int(time.time())
    claims = {"streamId": stream_id, "type": role, "exp": now_s + 600}
    good = make_jwt(KEY, stream_id, role, now_s + 600)
    _, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode()

    def signed(key: str = KEY, algorithm: str = "HS256", **change: Any) -> str:
        return jwt.encode({**claims, **change}, key, algorithm)

    return {
        "expired": signed(exp=now_s - 1),
        "early": signed(nbf=now_s + 300),
        "wrong stream": signed(streamId=f"{stream_id}-2"),
        "wrong type": signed(type=other_than(role)),
        "wrong room": signed(streamId="room2", roomId="room2"),
        "wrong key": signed(key=KEY[::-1]),
        "wrong algorithm": signed(key=KEY * 2, algorithm="HS512"),
        "alg none": jwt.encode(claims, "", "none"),
        "alg none, signed": f"{none.rstrip('=')}.{payload}.{signature}",
        "no expiry": jwt.encode({"streamId": stream_id, "type": role}, KEY),
        "endless": signed(exp=float("inf")),
        "truncated": good[:-1],
        "no signature": good.rsplit(".", 1)[0] + ".",
        "nonsense": "a.b.c",
        "lengthened": good + "A" * 3000,
        "empty": "",
    }


@pytest.mark.parametrize("role", ROLES)
async def test_a_jwt_lets_in_as_often_as_wanted_and_others_do_not(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    application = add_application(
        server, **{f"{role}_jwt_enabled": True, "jwt_stream_secret": KEY}
    )
    good = make_jwt(KEY, stream_id, role, int(time.time()) + 600)
    client = await ready(clients, server, application, role, stream_id)

    for name, token in bad_jwts(stream_id, role).items():
        assert await ask(client, role, stream_id, token=token) == DENIED, name
    for _ in range(2):
        assert await ask(client, role, stream_id, token=good) == "in"
        await leave(client, stream_id)


@pytest.mark.parametrize("role", ROLES)
async def test_a_hash_lets_in_and_others_do_not(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    application = add_application(
        server, **{f"{role}_hash_enabled": True, "token_hash_secret": "testtest"}
    )
    good = make_hash(stream_id, role, "testtest")
    client = await ready(clients, server, application, role, stream_id)

    for wrong in (
        "",
        good.upper(),
        good[:-1],
        make_hash(stream_id, other_than(role), "testtest"),
        make_hash(f"{stream_id}-2", role, "testtest"),
        make_hash(stream_id, role, ""),
    ):
        assert await ask(client, role, stream_id, token=wrong) == DENIED
    assert await ask(client, role, stream_id, token=good) == "in"


async def test_all_checks_that_are_switched_on_must_pass(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    """The one field cannot hold a token and a hash: but a code comes with either."""
    application = add_application(
        server,
        publish_hash_enabled=True,
        token_hash_secret="testtest",
        publish_totp_enabled=True,
        totp_secret_publish="secret123",
        totp_period_s=STEP_S,
    )
    key = derived_key("secret123", "anna", stream_id, "publish")
    code = totp_code(key, STEP_S, int(time.time()))
    hashed = {"token": make_hash(stream_id, "publish", "testtest")}
    coded = {"subscriberId": "anna", "subscriberCode": code}
    client = await clients.open(server, application.name)

    assert await ask(client, "publish", stream_id, **hashed) == DENIED
    assert await ask(client, "publish", stream_id, **coded) == DENIED
    await client.send("publish", stream_id, **hashed, **coded)
    await client.expect("start", stream_id, subscriberId="anna")
