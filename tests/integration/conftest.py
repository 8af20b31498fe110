"""Clients of the real server process."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.client import WAIT_S, Clients
from tests.server_process import ServerProcess

HERE = Path(__file__).parent
IMPATIENT = "Impatient"  # an application with a short start timeout
SHORT_WINDOW = "ShortWindow"  # an application with a short return window

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


async def eventually(holds: Callable[[], bool]) -> None:
    """`holds` became true: of a state that nobody announces."""
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110  in another process
            await asyncio.sleep(0.05)


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    opened = Clients()
    yield opened
    await opened.close()


@pytest.fixture
def stream_id(request: pytest.FixtureRequest) -> str:
    """An id that no other test uses."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", request.node.name)
    return f"{name[:80]}-{next(_numbers)}"


@pytest.fixture(scope="session")
def impatient(server: ServerProcess) -> str:
    """The name of an application whose start timeout is half a second."""
    return _add_application(server, IMPATIENT, start_timeout_ms=500)


@pytest.fixture(scope="session")
def short_window(server: ServerProcess) -> str:
    """The name of an application whose return window is half a second."""
    return _add_application(server, SHORT_WINDOW, return_window_ms=500)


def _add_application(server: ServerProcess, name: str, **values: int) -> str:
    """A copy of LiveApp under another name, with other settings."""
    table = server.rows("SELECT * FROM streams_application WHERE name = 'LiveApp'")
    row = {**dict(table[0]), "name": name, **values}
    del row["id"]
    columns, places = ", ".join(row), ", ".join("?" * len(row))
    write(
        server,
        f"INSERT INTO streams_application ({columns}) VALUES ({places})",  # noqa: S608
        *row.values(),
    )
    return name


def set_start_timeout(server: ServerProcess, application: str, value_ms: int) -> None:
    write(
        server,
        "UPDATE streams_application SET start_timeout_ms = ? WHERE name = ?",
        value_ms,
        application,
    )


def write(server: ServerProcess, query: str, *values: object) -> None:
    """Done in the server's database, as an operator's change in the admin."""
    connection = sqlite3.connect(server.data_dir / "db.sqlite3", timeout=WAIT_S)
    with connection:
        connection.execute(query, values)
    connection.close()


@pytest.fixture
def no_traceback(server: ServerProcess) -> Iterator[None]:
    """Nothing that the test does is an unhandled error of the server."""
    before = len(server.log())
    yield
    assert "Traceback" not in server.log()[before:]
