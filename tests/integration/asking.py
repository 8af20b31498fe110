"""Commands that a guarded application may refuse."""

from __future__ import annotations

from typing import Any

from streams.models import Application
from tests.integration.client import Body, Client, Clients, candidates_of
from tests.server_process import ServerProcess

ROLES = ["publish", "play"]
DENIED = "unauthorized_access"
STEP_S = 100_000_000  # of codes; three years: no test sees its end


async def ask(client: Client, role: str, stream_id: str, **fields: Any) -> str:
    """What became of the command: "in", or the definition of the error."""
    await client.send(role, stream_id, **fields)
    answer = await client.receive()
    if answer["command"] == ("start" if role == "publish" else "takeConfiguration"):
        assert answer["streamId"] == stream_id
        if role == "play":
            for _ in candidates_of(answer["sdp"]):
                assert (await client.receive())["command"] == "takeCandidate"
        return "in"
    assert_is_refusal(answer, stream_id)
    return str(answer["definition"])


def assert_is_refusal(answer: Body, stream_id: str) -> None:
    """No word more than the contract has."""
    definition = answer["definition"]
    expected = {"command": "error", "definition": definition, "streamId": stream_id}
    assert answer == expected


async def go_live(
    clients: Clients,
    server: ServerProcess,
    application: Application,
    stream_id: str,
    **fields: Any,
) -> Client:
    client = await clients.open(server, application.name)
    await client.publish(stream_id, **fields)
    return client


async def ready(
    clients: Clients,
    server: ServerProcess,
    application: Application,
    role: str,
    stream_id: str,
) -> Client:
    """A socket that may try `role`: what it would play is live."""
    if role == "play":
        await go_live(clients, server, application, stream_id)
    return await clients.open(server, application.name)


def count_tokens(server: ServerProcess, application: Application) -> int:
    query = "SELECT 1 FROM streams_token WHERE application_id = ?"
    return len(server.rows(query, application.pk))


def count_sessions(server: ServerProcess, application: Application, role: str) -> int:
    query = "SELECT 1 FROM streams_livesession WHERE application_id = ? AND role = ?"
    return len(server.rows(query, application.pk, role))


def other_than(role: str) -> str:
    return "play" if role == "publish" else "publish"


async def leave(client: Client, stream_id: str) -> None:
    """As the SDK does before each of its retries (contract 5.2)."""
    await client.send("stop", stream_id)
    assert (await client.receive())["command"] == "notification"
