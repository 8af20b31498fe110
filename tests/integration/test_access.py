"""One-time tokens at the real server: what lets in, and what does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from streams.models import Application
from tests.integration.asking import (
    DENIED,
    ROLES,
    ask,
    count_sessions,
    count_tokens,
    go_live,
    leave,
    other_than,
    ready,
)
from tests.integration.client import Clients
from tests.integration.conftest import eventually
from tests.rows import add_application, add_token
from tests.server_process import ServerProcess

pytestmark = pytest.mark.usefixtures("no_traceback")

SOCKETS = 50


@pytest.mark.parametrize("role", ROLES)
async def test_a_token_lets_in_once_and_is_gone(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    application = add_application(server, **{f"{role}_token_enabled": True})
    token = add_token(server, application, stream_id, role)
    client = await ready(clients, server, application, role, stream_id)

    assert await ask(client, role, stream_id) == DENIED
    assert await ask(client, role, stream_id, token="wrong") == DENIED
    assert count_tokens(server, application) == 1
    assert await ask(client, role, stream_id, token=token) == "in"
    assert count_tokens(server, application) == 0


@pytest.mark.parametrize("role", ROLES)
async def test_tokens_of_anything_else_are_refused_and_kept(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    application = add_application(server, **{f"{role}_token_enabled": True})
    elsewhere = add_application(server)
    good = add_token(server, application, stream_id, role)
    refused = {
        "expired": add_token(server, application, stream_id, role, lasts_s=0),
        "wrong stream": add_token(server, application, f"{stream_id}-2", role),
        "wrong type": add_token(server, application, stream_id, other_than(role)),
        "wrong application": add_token(server, elsewhere, stream_id, role),
        "truncated": good[:-1],
        "lengthened": good + "a",
        "upper case": good.upper(),
        "long": "a" * 4000,
        "a wildcard": "%",
        "half a character": "\ud800",
        "empty": "",
    }
    client = await ready(clients, server, application, role, stream_id)
    kept = count_tokens(server, application)

    for name, token in refused.items():
        assert await ask(client, role, stream_id, token=token) == DENIED, name

    assert count_tokens(server, application) == kept
    assert await ask(client, role, stream_id, token=good) == "in"


@pytest.mark.parametrize("token", [None, 5, ["x"], {"a": 1}, True])
async def test_tokens_that_are_no_text_are_refused(
    clients: Clients, server: ServerProcess, stream_id: str, token: Any
) -> None:
    application = add_application(server, publish_token_enabled=True)
    client = await clients.open(server, application.name)

    assert await ask(client, "publish", stream_id, token=token) == DENIED


async def test_a_token_of_the_one_direction_is_not_asked_for_in_the_other(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server, publish_token_enabled=True)
    token = add_token(server, application, stream_id, "publish")
    await go_live(clients, server, application, stream_id, token=token)
    viewer = await clients.open(server, application.name)

    assert await ask(viewer, "play", stream_id) == "in"


@pytest.mark.parametrize("role", ROLES)
async def test_of_50_sockets_with_one_token_one_gets_in(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    """All of one address and client, as a crowd behind one router may look."""
    application = add_application(server, **{f"{role}_token_enabled": True})
    token = add_token(server, application, stream_id, role)
    await ready(clients, server, application, role, stream_id)
    sockets = [await clients.open(server, application.name) for _ in range(SOCKETS)]

    answers = Counter(
        await asyncio.gather(
            *(ask(socket, role, stream_id, token=token) for socket in sockets)
        )
    )

    assert answers.pop("in") == 1
    assert set(answers) <= {DENIED, *(["streamIdInUse"] if role == "publish" else [])}
    assert count_sessions(server, application, role) == 1
    assert count_tokens(server, application) == 0


async def test_of_50_sockets_that_come_back_with_one_token_one_gets_in(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server, play_token_enabled=True)
    token = add_token(server, application, stream_id, "play")
    first = await ready(clients, server, application, "play", stream_id)
    assert await ask(first, "play", stream_id, token=token) == "in"
    sockets = [await clients.open(server, application.name) for _ in range(SOCKETS)]
    first.drop()
    await eventually(lambda: count_sessions(server, application, "play") == 0)

    answers = Counter(
        await asyncio.gather(
            *(ask(socket, "play", stream_id, token=token) for socket in sockets)
        )
    )

    assert answers == {"in": 1, DENIED: SOCKETS - 1}


@pytest.mark.parametrize("role", ROLES)
async def test_a_used_token_is_good_for_its_holders_return_only(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    application = add_application(server, **{f"{role}_token_enabled": True})
    token = add_token(server, application, stream_id, role)
    await ready(clients, server, application, role, stream_id)
    holder = await clients.open(server, application.name, "Holder")
    thief = await clients.open(server, application.name, "Thief")
    assert await ask(holder, role, stream_id, token=token) == "in"
    holder.drop()
    await eventually(lambda: _is_over(server, application, role))

    assert await ask(thief, role, stream_id, token=token) == DENIED
    again = await clients.open(server, application.name, "Holder")
    assert await ask(again, role, stream_id, token=token) == "in"


async def test_nobody_else_takes_over_an_awaited_stream(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    """Contract T35. Its viewers stay, and so does the used token of its publisher."""
    application = add_application(server, publish_token_enabled=True)
    token = add_token(server, application, stream_id, "publish")
    holder = await clients.open(server, application.name, "Holder")
    await holder.publish(stream_id, token=token)
    thief = await clients.open(server, application.name, "Thief")
    holder.drop()
    await eventually(lambda: _is_over(server, application, "publish"))

    assert await ask(thief, "publish", stream_id) == DENIED
    assert await ask(thief, "publish", stream_id, token=token) == DENIED
    again = await clients.open(server, application.name, "Holder")
    await again.publish(stream_id, token=token, restored=True)


@pytest.mark.parametrize("role", ROLES)
async def test_a_used_token_is_good_after_the_stop_before_a_retry(
    clients: Clients, server: ServerProcess, stream_id: str, role: str
) -> None:
    """The SDK sends `stop` before each of its retries (contract 5.2)."""
    application = add_application(server, **{f"{role}_token_enabled": True})
    token = add_token(server, application, stream_id, role)
    client = await ready(clients, server, application, role, stream_id)

    for _ in range(3):
        assert await ask(client, role, stream_id, token=token) == "in"
        await leave(client, stream_id)


async def test_a_used_token_is_no_good_after_the_window(
    clients: Clients, server: ServerProcess, stream_id: str
) -> None:
    application = add_application(server, play_token_enabled=True, return_window_ms=300)
    token = add_token(server, application, stream_id, "play")
    holder = await ready(clients, server, application, "play", stream_id)
    assert await ask(holder, "play", stream_id, token=token) == "in"
    holder.drop()
    await eventually(lambda: _window_is_over(server, application))

    again = await clients.open(server, application.name)
    assert await ask(again, "play", stream_id, token=token) == DENIED


def _is_over(server: ServerProcess, application: Application, role: str) -> bool:
    """Nobody of that role has a socket any more."""
    query = (
        "SELECT 1 FROM streams_livesession WHERE application_id = ? AND role = ? "
        "AND state != 'parked'"
    )
    return not server.rows(query, application.pk, role)


def _window_is_over(server: ServerProcess, application: Application) -> bool:
    """The row may be tidied away by then."""
    query = (
        "SELECT 1 FROM streams_admission WHERE application_id = ? AND "
        "(good_until IS NULL OR good_until >= strftime('%Y-%m-%d %H:%M:%f', 'now'))"
    )
    return not server.rows(query, application.pk)
